"""Each kind of hang, provoked: by the planted module, or by a program alone."""

from __future__ import annotations

import os
import signal

import pytest

from vexlab.guest.module import GuestModule
from vexlab.vm.machine import Machine

pytestmark = pytest.mark.domain("hangs")

_PATIENT_S, _HANG_S = 60.0, 4.0

# membarrier(2) with MEMBARRIER_CMD_GLOBAL waits for a grace period; without anyone who does, no stall is looked for
_GRACE_PERIODS = "import ctypes\nwhile True: ctypes.CDLL(None).syscall(324, 1, 0, 0)"


def _set(machine: Machine, path: str, value: str) -> None:
    assert machine.shell(f"echo {value} >{path}").ok


def test_hung_task(module: GuestModule) -> None:
    """A task that waits and cannot be killed: the kernel itself complains."""
    _set(module.machine, "/proc/sys/kernel/hung_task_timeout_secs", "3")
    module.load("bug=block", timeout=_PATIENT_S)


def test_soft_lockup(module: GuestModule) -> None:
    """A task that keeps its CPU in the kernel: the watchdog complains."""
    _set(module.machine, "/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout", "100")
    _set(module.machine, "/proc/sys/kernel/watchdog_thresh", "2")
    module.load("bug=spin", timeout=_PATIENT_S)


def test_rcu_stall(module: GuestModule) -> None:
    """A task that keeps its CPU in the kernel: RCU complains before the watchdog does."""
    _set(module.machine, "/proc/sys/kernel/watchdog_thresh", "50")
    _set(module.machine, "/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout", "3")
    module.machine.begin(["python3", "-c", _GRACE_PERIODS])
    module.load("bug=spin", timeout=_PATIENT_S)


def test_quiet_block(module: GuestModule) -> None:
    """A task that waits and cannot be killed, before the kernel complains."""
    module.load("bug=block", timeout=_HANG_S)


def test_user_space_spin(machine: Machine) -> None:
    """A program that spins by itself."""
    machine.shell("while :; do :; done", timeout=_HANG_S)


def test_dead_host(machine: Machine) -> None:
    """The emulator is killed by the host."""
    os.kill(machine.pid, signal.SIGKILL)
    machine.exec(["true"])


def test_slow_but_sound(module: GuestModule) -> None:
    """A load that takes six seconds, and comes to its end."""
    assert module.load("bug=slow", timeout=_PATIENT_S).ok
