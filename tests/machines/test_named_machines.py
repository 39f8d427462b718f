"""``vexlab vm`` as a user calls it: machines that live on, files in and out, snapshots, ssh, nothing left behind."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.machines.conftest import working_in

pytestmark = pytest.mark.machine

_SIZE = 64 << 20
_Vm = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(scope="module")
def state() -> Iterator[Path]:
    """Return a state folder with a short path: sockets are made below it."""
    with tempfile.TemporaryDirectory(prefix="vm", dir="/tmp") as folder:
        yield Path(folder)
        assert working_in(Path(folder)) == [], "no QEMU is left"


@pytest.fixture(scope="module")
def vm(state: Path) -> _Vm:
    """Return a function that calls ``vexlab vm`` and, unless told otherwise, asserts that it went well."""

    def call(*argv: str, stdin: bytes = b"", status: int | None = 0) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [sys.executable, "-m", "vexlab", "vm", *argv],
            input=stdin,
            capture_output=True,
            timeout=240,
            env={**os.environ, "VEXLAB_STATE": str(state)},
        )
        assert status in (None, done.returncode), done.stderr.decode(errors="replace")
        return done

    return call


@pytest.fixture(scope="module")
def one(vm: _Vm) -> Iterator[str]:
    """Return the name of a running machine with a network."""
    vm("start", "one", "--accel", "tcg", "--network")
    yield "one"
    vm("rm", "--force", "one")


def _states(vm: _Vm) -> dict[str, str]:
    return {row["name"]: row["state"] for row in json.loads(vm("status", "--json").stdout)}


def test_exec_passes_streams_and_status_through(vm: _Vm, one: str) -> None:
    done = vm("exec", one, "--", "sh", "-c", "printf 'a\\0\\377'; echo e >&2; exit 7", status=7)
    assert (done.stdout, done.stderr) == (b"a\0\xff", b"e\n")
    assert vm("exec", one, "-i", "--", "sha256sum", stdin=b"x" * 200_000).stdout.split()[0].decode() == (
        hashlib.sha256(b"x" * 200_000).hexdigest()
    )
    unprotected = vm("exec", one, "--", "cat", "/proc/self/oom_score_adj").stdout
    assert unprotected == b"0\n", "the OOM killer may have what the agent starts"
    assert b"no-such-program" in vm("exec", one, "--", "no-such-program", status=127).stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_command_ends_with_the_exec_that_was_killed(vm: _Vm, state: Path, one: str, number: signal.Signals) -> None:
    child = _begin(state, "exec", one, "--", "sleep", "7655")
    running = ["exec", one, "--", "busybox", "ps"]
    assert _until(lambda: b"sleep 7655" in vm(*running).stdout)
    child.send_signal(number)
    child.wait(timeout=60)
    assert _until(lambda: b"sleep 7655" not in vm(*running).stdout)


def test_a_push_that_is_killed_leaves_no_half_file(vm: _Vm, state: Path, one: str, tmp_path: Path) -> None:
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.truncate(100 << 20)
    child = _begin(state, "push", one, str(big), "/tmp/half")
    assert _until(lambda: any(not _free(lock) for lock in state.rglob("data.lock"))), "the transfer has begun"
    time.sleep(0.1)
    child.kill()
    assert child.wait() == -signal.SIGKILL, "it was not over yet"
    listing = ["exec", one, "--", "ls", "-A", "/tmp"]
    assert _until(lambda: b"half" not in vm(*listing).stdout)


def _free(lock: Path) -> bool:
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _begin(state: Path, *argv: str) -> subprocess.Popen[bytes]:
    env = {**os.environ, "VEXLAB_STATE": str(state)}
    reset = ["env", "--default-signal=HUP,INT"]  # nohup has them ignored, and vexlab heeds that
    return subprocess.Popen([*reset, sys.executable, "-m", "vexlab", "vm", *argv], env=env)


def _until(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_exec_ends_what_outlives_its_time(vm: _Vm, one: str) -> None:
    vm("exec", one, "--timeout", "1", "--", "sh", "-c", "sleep 7654 & sleep 7654", status=124)
    assert b"sleep 7654" not in vm("exec", one, "--", "busybox", "ps").stdout


def test_a_long_command_keeps_nobody_out(vm: _Vm, one: str, state: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "vexlab", "vm", "exec", one, "--", "sh", "-c", "sleep 6; echo done"],
        stdout=subprocess.PIPE,
        env={**os.environ, "VEXLAB_STATE": str(state)},
    ) as slow:
        assert vm("exec", one, "--", "echo", "meanwhile").stdout == b"meanwhile\n"
        assert slow.poll() is None, "the first command still runs"
        assert slow.communicate(timeout=60)[0] == b"done\n"


def test_64_mib_arrive_intact_both_ways(vm: _Vm, one: str, tmp_path: Path) -> None:
    data = os.urandom(_SIZE)
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(data)
    there.chmod(0o751)
    vm("push", one, str(there), "/tmp/")
    told = vm("exec", one, "--", "sh", "-c", "sha256sum </tmp/there; stat -c %a /tmp/there").stdout.split()
    assert told == [hashlib.sha256(data).hexdigest().encode(), b"-", b"751"]
    vm("pull", one, "/tmp/there", str(back))
    assert back.read_bytes() == data
    vm("exec", one, "--", "rm", "/tmp/there")


def test_a_file_that_cannot_be_had_is_the_users_error(vm: _Vm, one: str, tmp_path: Path) -> None:
    big = tmp_path / "big"
    big.write_bytes(b"x" * (2 << 20))
    assert b"No such file" in vm("push", one, str(big), "/no/such/place", status=2).stderr
    assert b"No such file" in vm("pull", one, "/no/such/file", str(tmp_path / "out"), status=2).stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["big"]
    assert vm("pull", one, "/proc/sys/kernel/ostype", "-").stdout == b"Linux\n", "a file without a size"


def test_restore_brings_memory_and_disk_back(vm: _Vm, one: str) -> None:
    mount = "mke2fs -q -F /dev/vdc && mount /dev/vdc /mnt/scratch && echo disk >/mnt/scratch/f && sync"
    vm("exec", one, "--", "sh", "-c", f"echo memory >/tmp/f; {mount}")
    vm("snapshot", one, "before")
    assert b"already" in vm("snapshot", one, "before", status=2).stderr
    vm("exec", one, "--", "sh", "-c", "rm /tmp/f /mnt/scratch/f; sync; umount /mnt/scratch; mke2fs -q -F /dev/vdc")
    vm("restore", one, "before")
    seen = vm("exec", one, "--", "sh", "-c", "echo 3 >/proc/sys/vm/drop_caches; cat /tmp/f /mnt/scratch/f")
    assert seen.stdout == b"memory\ndisk\n"
    assert b"did you mean `before`" in vm("restore", one, "befor", status=2).stderr
    assert vm("exec", one, "--", "true").returncode == 0, "a refused restore leaves the machine running"
    vm("exec", one, "--", "umount", "/mnt/scratch")


def test_ssh_runs_a_command(vm: _Vm, one: str) -> None:
    done = vm("ssh", one, "--", "sh", "-c", 'echo "$1"; echo e >&2; exit 5', "sh", "two  words", status=5)
    assert (done.stdout, done.stderr) == (b"two  words\n", b"e\n")
    assert vm("ssh", one, "--new-key", "--", "id", "-un").stdout == b"root\n"


def test_what_a_guest_prints_cannot_command_the_terminal(vm: _Vm, one: str) -> None:
    vm("exec", one, "--", "sh", "-c", r"printf 'mark \033[2J\033]0;title\007\033c end\n' >/dev/ttyS0")
    text = vm("console", one).stdout
    assert b"mark \\x1bc end\n" in text
    assert b"\x1b" not in text


def test_two_machines_live_side_by_side_and_stop_in_order(vm: _Vm, one: str, state: Path) -> None:
    ready = vm("start", "two", "--accel", "tcg", "--memory", "192", "--cpus", "1").stdout.decode()
    assert "two is ready" in ready
    assert "vexlab vm stop two" in ready
    assert _states(vm) == {"one": "running", "two": "running"}
    assert b"runs already" in vm("start", "two", status=2).stderr
    vm("exec", "two", "--", "sh", "-c", "mke2fs -q -F /dev/vdc; mount /dev/vdc /mnt/scratch; echo kept >/mnt/scratch/f")
    vm("restart", "two")
    seen = vm("exec", "two", "--", "sh", "-c", "mount /dev/vdc /mnt/scratch; cat /mnt/scratch/f; dmesg")
    assert seen.stdout.startswith(b"kept\n"), "the scratch disk outlives a restart"
    assert b"recovery" not in seen.stdout, "it was unmounted before the power went"
    assert b"no network" in vm("ssh", "two", "--", "true", status=2).stderr
    vm("stop", "two")
    assert _states(vm) == {"one": "running", "two": "stopped"}
    assert len(working_in(state)) == 1
    assert b"is stopped" in vm("exec", "two", "--", "true", status=2).stderr
    vm("rm", "two")
    assert _states(vm) == {"one": "running"}


def test_a_dead_kernel_and_a_dead_qemu_are_told_apart(vm: _Vm) -> None:
    vm("start", "ill", "--accel", "tcg", "--memory", "192")
    try:
        begun = time.monotonic()
        lost = vm("exec", "ill", "--", "sh", "-c", "echo c >/proc/sysrq-trigger", status=3)
        assert time.monotonic() - begun < 20
        assert b"the kernel died: Kernel panic" in lost.stderr
        facts = json.loads(vm("status", "ill", "--json").stdout)
        assert facts["state"] == "running"
        assert "sysrq triggered crash" in facts["kernel_fault"]
        os.kill(facts["pid"], signal.SIGKILL)
        assert _states(vm)["ill"] == "died"
        assert b"Kernel panic" in vm("logs", "ill").stdout
    finally:
        vm("rm", "--force", "ill")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_start_cut_short_leaves_nothing(vm: _Vm, state: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "vexlab", "vm", "start", "short", "--accel", "tcg"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "VEXLAB_STATE": str(state)},
        start_new_session=True,
    ) as start:
        assert _soon(lambda: bool(working_in(state / "vm" / "short"))), "QEMU runs"
        os.kill(start.pid, number)
        start.wait(timeout=30)
    assert _soon(lambda: not working_in(state / "vm" / "short") and not (state / "vm" / "short").exists())


def _soon(condition: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
