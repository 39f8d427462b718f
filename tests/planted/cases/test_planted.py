"""Cases over the planted module: every one "passes" as far as it can tell; the verdict must know better."""

from __future__ import annotations

import pytest

from vexlab.guest.module import GuestModule
from vexlab.plugin.fixtures import KernelLog
from vexlab.vm.machine import Machine

pytestmark = pytest.mark.domain("planted")

_HANG_S = 4.0


def test_clean(module: GuestModule) -> None:
    """The module without a bug loads and unloads."""
    assert module.load("bug=none").ok
    assert module.unload().ok


def test_oops_unnoticed(module: GuestModule) -> None:
    """A case that looks at no result, over a module that oopses."""
    module.load("bug=oops")


def test_late_oops(module: GuestModule, klog: KernelLog) -> None:
    """A case that is long content when the module's own work oopses."""
    assert module.load("bug=late").ok
    module.machine.exec(["sleep", "1"])
    assert "planted" in klog.text


def test_panic(module: GuestModule) -> None:
    """A module that panics."""
    module.load("bug=panic")


def test_warning(module: GuestModule) -> None:
    """A module that trips over a WARN_ON of its own."""
    assert module.load("bug=warn").ok


def test_double_free(module: GuestModule) -> None:
    """A module that frees an object twice."""
    module.load("bug=double_free")


def test_corrupt_list(module: GuestModule) -> None:
    """A module that unlinks a broken list entry."""
    module.load("bug=corrupt")


def test_spin(module: GuestModule) -> None:
    """A module whose init never returns and keeps its CPU."""
    module.load("bug=spin", timeout=_HANG_S)


def test_wait(module: GuestModule) -> None:
    """A module whose init waits for what never comes."""
    module.load("bug=wait", timeout=_HANG_S)


def test_agent_killed(machine: Machine) -> None:
    """A case that kills the agent."""
    machine.exec(["busybox", "killall", "-9", "qemu-ga"], timeout=10)


def test_powered_off(machine: Machine) -> None:
    """A case that switches its machine off."""
    machine.exec(["busybox", "poweroff", "-f"], timeout=10)


def test_slow_program(machine: Machine) -> None:
    """A program that is slow without any help of the kernel: a failure, no crash."""
    machine.exec(["sleep", "100"], timeout=_HANG_S)


def test_assertion(module: GuestModule) -> None:
    """A case that fails by itself."""
    assert module.load("bug=none").ok
    assert module.state() is None, "the module is loaded"


@pytest.mark.needs("NO_SUCH_OPTION")
def test_unmet_need(machine: Machine) -> None:
    """A case whose kernel lacks what it needs."""
