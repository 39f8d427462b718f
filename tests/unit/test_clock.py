"""A machine's own time stands still while it wants a CPU and gets none, and goes on while it sleeps."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

import vexlab.vm.clock as clock_module
from vexlab.deadline import Deadline
from vexlab.errors import HostBusy
from vexlab.vm.clock import MachineClock
from vexlab.vm.template import check_clock

_SPIN = "import os; os.sched_setaffinity(0, {0}); print(flush=True)\nwhile True: pass"


def test_a_sleeper_has_the_hosts_time() -> None:
    child = subprocess.Popen(["sleep", "10"])
    try:
        clock = MachineClock(child.pid)
        begun, begun_here = clock(), time.monotonic()
        time.sleep(0.3)
        # a start-up still in the run queue may be counted late; a hang's deadline must come all the same
        assert clock() - begun > 0.5 * (time.monotonic() - begun_here)
    finally:
        child.kill()
        child.wait()


def test_while_it_stands_no_deadline_comes_nearer() -> None:
    clock = MachineClock(os.getpid())
    deadline = Deadline.after(0.25, clock)
    clock.stand()
    before = clock()
    time.sleep(0.4)
    clock.stand()
    assert clock() == before
    clock.go()
    clock.go()
    assert not deadline.expired
    assert 0.0 <= clock() - before < 0.2
    time.sleep(0.8)
    assert deadline.expired


def test_time_without_a_cpu_does_not_count() -> None:
    spinners = [subprocess.Popen([sys.executable, "-c", _SPIN], stdout=subprocess.PIPE) for _ in range(4)]
    try:
        for each in spinners:
            assert each.stdout
            each.stdout.readline()
        clock = MachineClock(spinners[0].pid)
        begun, begun_here = clock(), time.monotonic()
        time.sleep(2.0)
        own, wall = clock() - begun, time.monotonic() - begun_here
        assert own < 0.7 * wall, "four share one CPU, so each waits for three quarters of the time"
    finally:
        for each in spinners:
            each.kill()
            each.communicate()


def test_a_starved_process_has_a_share_of_the_hosts_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that always wants a CPU and never gets one: a deadline of 20 s must come within 60 s."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(clock_module, "_RunDelays", lambda _: SimpleNamespace(longest=lambda when: when))
    clock = MachineClock(os.getpid())
    begun = clock()
    while clock() - begun < 20.0:
        now[0] += 0.06
        assert now[0] < 1045.0
    assert clock.unbounded() - begun < 1.0, "a duration leaves all waiting out"
    assert now[0] > 1030.0, "the wait is not ignored either"


def test_a_wait_that_is_not_over_counts_as_one() -> None:
    """A thread of the lowest rank beside others may wait for seconds, and its schedstat says nothing meanwhile."""
    rivals = [subprocess.Popen([sys.executable, "-c", _SPIN], stdout=subprocess.PIPE) for _ in range(3)]
    idle = subprocess.Popen([sys.executable, "-c", _SPIN], stdout=subprocess.PIPE)
    try:
        for each in (*rivals, idle):
            assert each.stdout
            each.stdout.readline()
        os.sched_setscheduler(idle.pid, os.SCHED_IDLE, os.sched_param(0))
        clock = MachineClock(idle.pid)
        begun, had, wall = clock(), clock.unbounded(), time.monotonic()
        while time.monotonic() - wall < 1.0:
            clock()
            time.sleep(0.06)
        assert clock() - begun < 0.75 * (time.monotonic() - wall)
        assert clock.unbounded() - had < 0.3 * (time.monotonic() - wall)
    finally:
        for each in (*rivals, idle):
            each.kill()
            each.communicate()


def test_it_goes_on_when_the_process_is_gone() -> None:
    child = subprocess.Popen(["sleep", "10"])
    clock = MachineClock(child.pid)
    before = clock()
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    time.sleep(0.05)
    assert clock() >= before + 0.04


def test_a_deadline_is_counted_by_its_clock() -> None:
    now = [0.0]
    deadline = Deadline.after(5.0, lambda: now[0])
    assert deadline.remaining == 5.0
    assert deadline.sooner(2.0).remaining == 2.0
    now[0] = 5.0
    assert deadline.expired


def test_a_guest_whose_seconds_are_too_short_is_told() -> None:
    check_clock("138.20 250.44\n", 141.0)
    check_clock("", 1.0)  # what it did not say is no reason
    with pytest.raises(HostBusy, match="counted 1197 s in 141 s"):
        check_clock("1196.86 2310.44\n", 141.0)
