"""The command runner in a real guest: what it does that the agent does not, and what happens when it is gone."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from vexlab.deadline import Deadline
from vexlab.errors import GuestTimeout, HostBusy, MachineLost
from vexlab.lab import Lab, Order
from vexlab.vm.agent import Agent
from vexlab.vm.machine import Machine
from vexlab.vm.runner import Runner

pytestmark = pytest.mark.machine

KILL = "busybox killall -9 runner"


def _used(machine: Machine) -> type[Runner | Agent]:
    return type(machine.commands.fastest(Deadline.after(10)))


def test_a_fresh_machine_has_one(lab: Lab, order: Order) -> None:
    with lab.machine(order) as machine:
        result = machine.exec(["true"])
        assert result.ok
        assert result.guest_s is not None
        assert 0 < result.guest_s < 10
        assert _used(machine) is Runner


def test_agent_and_runner_give_the_same_results(lab: Lab, order: Order) -> None:
    """The agent's results are what every case was written for."""
    commands: tuple[tuple[list[str], bytes], ...] = (
        (["/bin/sh", "-c", "echo out; echo err >&2; exit 3"], b""),
        (["/bin/sh", "-c", "kill -TERM $$"], b""),
        (["sh", "-c", 'printf "a\\0\\377\\376"'], b""),
        (["cat"], b"\xff\xfe\0" * 70_000),
        (["wc", "-c"], b""),
        (["env"], b""),
        (["pwd"], b""),
        (
            [
                "sh",
                "-c",
                "umask; ulimit -a; cat /proc/self/oom_score_adj; grep -E '^(Sig[QPBC]|Shd)' /proc/self/status",
            ],
            b"",
        ),
        (["sh", "-c", "readlink /proc/self/fd/0; ls /proc/self/fd"], b""),
        (["head", "-c", "20000000", "/dev/zero"], b""),
    )
    with lab.machine(order) as machine:
        deadline = Deadline.after(120)
        agent = machine.commands.agent(deadline)
        for argv, stdin in commands:
            ours, theirs = machine.exec(argv, stdin=stdin, timeout=60), agent.exec(argv, deadline, stdin=stdin)
            facts = ("status", "signal", "stdout", "stderr", "truncated")
            for fact in facts:
                mine, other = getattr(ours, fact), getattr(theirs, fact)
                assert mine == other, (argv, fact, mine[:2000] if isinstance(mine, bytes) else mine)
        ours, theirs = machine.exec(["nope"]), agent.exec(["nope"], deadline)
        assert ours.status == theirs.status == 127
        assert ours.error_text == "Failed to execute child process “nope” (No such file or directory)"
        assert ours.error_text[:40] in theirs.error_text


def test_commands_ignore_no_signal(lab: Lab, order: Order) -> None:
    with lab.machine(order) as machine:
        assert machine.exec(["grep", "SigIgn", "/proc/self/status"]).text.split() == ["SigIgn:", "0" * 16]


def test_a_killed_runner_is_done_without(lab: Lab, order: Order) -> None:
    with lab.machine(order) as machine:
        agent = machine.commands.agent(Deadline.after(30))
        assert agent.exec(["/bin/sh", "-c", KILL], Deadline.after(30)).ok
        assert machine.shell("echo out; exit 3").status == 3
        assert _used(machine) is Agent


def test_a_runner_killed_by_a_command_loses_the_machine(lab: Lab, order: Order) -> None:
    with lab.machine(order) as machine:
        with pytest.raises(MachineLost, match="runner is gone while the kernel runs on"):
            machine.shell(f"{KILL}; sleep 5")
        assert machine.exec(["echo", "here"]).text == "here"


def test_a_stopped_runner_is_done_without(lab: Lab, order: Order) -> None:
    with lab.machine(order) as machine:
        assert machine.exec(["true"]).ok
        with pytest.raises(GuestTimeout):
            machine.shell("busybox killall -STOP runner; sleep 5", timeout=2)
        begun = time.monotonic()
        assert machine.exec(["echo", "here"]).text == "here"
        assert _used(machine) is Agent
        assert time.monotonic() - begun < 20


def test_several_commands_run_at_once(lab: Lab, order: Order) -> None:
    with lab.machine(order) as machine, ThreadPoolExecutor(8) as pool:
        machine.exec(["true"])
        begun = time.monotonic()
        texts = [each.text for each in pool.map(lambda n: machine.ash(f"sleep 2; echo {n}"), range(8))]
        assert texts == [str(n) for n in range(8)]
        assert time.monotonic() - begun < 12


def test_output_comes_while_the_command_runs(lab: Lab, order: Order) -> None:
    came: list[tuple[float, bytes]] = []
    with lab.machine(order) as machine:
        script = "for n in 1 2 3; do echo $n; sleep 0.5; done"
        result = machine.stream(["sh", "-c", script], lambda _, data: came.append((time.monotonic(), data)))
        assert result.ok
        assert b"".join(data for _, data in came) == b"1\n2\n3\n"
        assert came[-1][0] - came[0][0] > 0.5


def test_more_than_the_limit_is_streamed(lab: Lab, order: Order) -> None:
    total = 0

    def count(_: int, data: bytes) -> None:
        nonlocal total
        total += len(data)

    with lab.machine(order) as machine:
        assert machine.stream(["head", "-c", "40000000", "/dev/zero"], count, timeout=60).ok
    assert total == 40_000_000


def test_a_stream_that_nobody_wants_is_ended_with_its_children(lab: Lab, order: Order) -> None:
    with lab.machine(order) as machine:
        with pytest.raises(GuestTimeout):
            machine.stream(["sh", "-c", "sleep 1234 & sleep 1235"], lambda *_: None, timeout=1)
        machine.ash("sleep 0.2")
        assert machine.ash("ps -o args | grep '^sleep 123'").text == ""


def test_a_guest_without_memory_kills_the_command_and_not_the_runner(lab: Lab, order: Order) -> None:
    with lab.machine(order) as machine:
        # One read(2) takes it all: a program that goes on in user space has its own pages taken and read again.
        result = machine.exec(["busybox", "dd", "if=/dev/zero", "of=/dev/null", "bs=210M", "count=1"], timeout=60)
        assert result.signal == 9
        assert machine.exec(["true"]).ok
        assert _used(machine) is Runner


def test_a_deadline_on_a_starved_host_says_nothing_about_the_guest(lab: Lab, order: Order) -> None:
    with (
        lab.machine(order) as machine,
        _starved(machine.pid),
        pytest.raises(HostBusy, match="the host gave the machine"),
    ):
        machine.ash("while :; do :; done", timeout=3)


@contextmanager
def _starved(pid: int) -> Iterator[None]:
    """Give a process's threads the least of one CPU of the host's, which twelve busy processes share with them."""
    cpu = {min(os.sched_getaffinity(0))}
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), cpu)
        os.setpriority(os.PRIO_PROCESS, int(task.name), 19)
    if (group := Path(f"/proc/{pid}/autogroup")).exists():  # sched(7): nice says nothing between sessions
        group.write_text("19")
    with ExitStack() as stack:
        for _ in range(12):
            busy = subprocess.Popen(["sh", "-c", "while :; do :; done"], start_new_session=True)
            stack.callback(busy.wait)
            stack.callback(busy.kill)
            os.sched_setaffinity(busy.pid, cpu)
        yield


def test_it_answers_after_memory_went_back_in_the_middle_of_a_command(lab: Lab, order: Order) -> None:
    with lab.machine(order) as machine:
        with pytest.raises(GuestTimeout):
            machine.ash("while echo word; do :; done", timeout=1)
        machine.snapshot("kept")
        machine.ash("true")
        machine.restore("kept")
        assert machine.exec(["echo", "again"]).text == "again"
        assert _used(machine) is Runner


def test_a_reset_leaves_the_agent(lab: Lab, order: Order) -> None:
    with lab.machine(order) as machine:
        machine.exec(["true"])
        machine.reset()
        assert machine.exec(["echo", "booted"]).text == "booted"
        assert _used(machine) is Agent
