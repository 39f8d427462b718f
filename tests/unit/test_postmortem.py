"""Whether a guest answers is asked until the machine has had CPUs to answer with."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from vexlab.errors import GuestTimeout, MachineLost
from vexlab.observe import postmortem
from vexlab.vm.machine import Machine


class Clock:
    """Time that the host gave to the machine; each ping takes ``share`` of two seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def unbounded(self) -> float:
        return self.now


class FakeMachine:
    """A machine that answers the ping number ``answers_at``, 0 for none, and gets ``share`` of the host meanwhile."""

    def __init__(self, share: float, answers_at: int, error: Exception | None = None) -> None:
        self.clock = Clock()
        self.pings = 0
        self._share = share
        self._answers_at = answers_at
        self._error = error or GuestTimeout("no answer on agent in time")

    def ping(self, timeout: float) -> None:
        self.pings += 1
        self.clock.now += timeout * self._share
        if self.pings != self._answers_at:
            raise self._error


def _answers(machine: FakeMachine) -> bool:
    return postmortem._answers(cast("Machine", machine))


def test_a_starved_machine_is_asked_again() -> None:
    machine = FakeMachine(share=0.1, answers_at=5)
    assert _answers(machine)
    assert machine.pings == 5


def test_a_machine_that_had_its_time_is_silent() -> None:
    machine = FakeMachine(share=1.0, answers_at=2)
    assert not _answers(machine)
    assert machine.pings == 1


def test_a_machine_that_never_gets_time_is_not_asked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(0, 1000, 7))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))
    machine = FakeMachine(share=0.0, answers_at=0)
    assert not _answers(machine)
    assert 5 <= machine.pings <= 10


def test_a_lost_machine_is_not_asked_again() -> None:
    machine = FakeMachine(share=0.0, answers_at=2, error=MachineLost("gone"))
    assert not _answers(machine)
    assert machine.pings == 1


def test_the_log_in_a_post_mortem_ends_before_what_we_asked_the_kernel() -> None:
    drgn = pytest.importorskip("drgn", reason="drgn is not installed: pip install vexlab[debug]")
    assert drgn
    from vexlab.debug.examination import unasked

    asked = "sysrq: Show backtrace of all active CPUs"
    records = [(1, "BUG: KASAN: use-after-free"), (2, "==="), (3, asked), (4, "NMI backtrace for cpu 1"), (5, asked)]
    assert unasked(records) == records[:2]
    assert unasked(records[:2]) == records[:2]
    assert unasked(records[2:]) == records[2:], "nothing else is left of the log"
    alive = [(1, "mounted"), (2, asked), (3, "NMI backtrace for cpu 1"), *records]
    assert unasked(alive) == alive[:5], "it was asked before as well, when it was only slow"


def test_a_stack_ends_with_the_kernel_and_does_nothing_to_a_terminal() -> None:
    pytest.importorskip("drgn", reason="drgn is not installed: pip install vexlab[debug]")
    from vexlab.debug.examination import _stack

    class Frame(SimpleNamespace):
        def source(self) -> tuple[str, int, int]:
            if not self.line:
                raise LookupError
            return "kernel/sched/core.c", self.line, 0

    frames = [
        Frame(name="schedule", pc=0xFFFFFFFF81000000, line=6660),
        Frame(name="jbd2_journal_commit\x1b[m", pc=0xFFFFFFFFA0026DA5, line=0),
        Frame(name=None, pc=0xFFFFFFFFA9990000, line=0),
        Frame(name="0xf000ff53f000e2c3", pc=0xF000FF53F000E2C3, line=0),
        Frame(name="schedule", pc=0xFFFFFFFF81000000, line=6660),
    ]
    prog = cast("Any", SimpleNamespace(stack_trace=lambda _: frames))
    assert list(_stack(prog, cast("Any", None))) == [
        "    schedule (kernel/sched/core.c:6660)",
        "    jbd2_journal_commit?[m",
        "    0xffffffffa9990000",
    ]
