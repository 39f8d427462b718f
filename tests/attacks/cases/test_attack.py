"""Cases over a module that does its worst. Each believes itself to have passed; the verdict must know better."""

from __future__ import annotations

import contextlib
import os
import time

import pytest

from vexlab.errors import InfraError, MachineError
from vexlab.guest.module import GuestModule
from vexlab.vm.machine import Machine

pytestmark = pytest.mark.domain("attack")

WORDS = ("fake_kasan", "innocent", "markup")
BROKEN = (
    "fake_boot_oops", "mkdtemp_uaf", "console_lock_warn", "console_lock_oops", "silence_warn", "poison", "recursion",
    "bug", "thread",
)  # fmt: skip
ODD = ("b64", "infinite", "errstr", "null", "int", "garbage", "deep", "never")

_tries: dict[str, int] = {}


@pytest.mark.parametrize("bug", WORDS)
def test_words(module: GuestModule, bug: str) -> None:
    """A module that only says something."""
    assert module.load(f"bug={bug}").ok


@pytest.mark.parametrize("bug", BROKEN)
def test_kernel(module: GuestModule, bug: str) -> None:
    """A module that breaks the kernel, and a case that looks at no result."""
    module.load(f"bug={bug}")


def test_silent_panic(module: GuestModule) -> None:
    """The kernel panics and its console says nothing."""
    module.load("bug=silence_panic", timeout=5)


def test_warn_then_oops(module: GuestModule) -> None:
    """A warning, and two seconds later an oops, while the case waits in the guest."""
    module.load("bug=warn_then_oops", "ms=2500")
    module.machine.exec(["sleep", "4"])


def test_exit_oops(module: GuestModule) -> None:
    """The module oopses when it is unloaded, which the case does not do."""
    assert module.load("bug=exit_oops").ok


@pytest.mark.parametrize("bug", ["late_oops", "timer"])
def test_after_the_end(module: GuestModule, bug: str) -> None:
    """The oops comes when the case has ended."""
    assert module.load(f"bug={bug}", "ms=250").ok


def test_exit_work(module: GuestModule) -> None:
    """Work of an unloaded module runs when the case has ended."""
    assert module.load("bug=exit_work", "ms=100").ok
    assert module.unload().ok


@pytest.mark.parametrize("bug", ["late_spin", "late_stop"])
def test_dead_at_the_end(module: GuestModule, bug: str) -> None:
    """The machine stands still when the case ends."""
    assert module.load(f"bug={bug}", "ms=1000").ok
    time.sleep(3)


def test_forged_taint(module: GuestModule) -> None:
    """The guest lies about its taint, and its log is cleared, after an oops that the console did not show."""
    machine = module.machine
    machine.shell("echo 0 >/tmp/zero; mount --bind /tmp/zero /proc/sys/kernel/tainted")
    module.load("bug=console_lock_oops")
    machine.shell("dmesg --clear")


def test_lowered_loglevel(module: GuestModule) -> None:
    """User space silences the console before the oops."""
    script = "echo N >/sys/module/printk/parameters/ignore_loglevel; echo '1 1 1 1' >/proc/sys/kernel/printk"
    assert module.machine.shell(script).ok
    module.load("bug=oops")


def test_reboot_on_oops(module: GuestModule) -> None:
    """The kernel is told to reboot on an oops."""
    assert module.machine.shell("sysctl -q kernel.panic_on_oops=1 kernel.panic=-1 || true").ok
    with contextlib.suppress(MachineError):
        module.load("bug=oops")


def test_swallowed(module: GuestModule) -> None:
    """The case catches whatever the machine's death raises."""
    with contextlib.suppress(MachineError):
        module.load("bug=console_lock_oops")
    with contextlib.suppress(MachineError):
        module.machine.kill()


def test_skipped(module: GuestModule) -> None:
    """The case skips itself after the oops."""
    module.load("bug=oops")
    pytest.skip("nothing to see here")


def test_expected_to_fail(module: GuestModule) -> None:
    """The case calls its own failure expected, after the oops."""
    module.load("bug=oops")
    pytest.xfail("as expected")


def test_background(module: GuestModule) -> None:
    """The oops hits a process that nobody waits for."""
    script = "(sleep 0.2; insmod /vexlab/attack.ko bug=oops) >/dev/null 2>&1 &"
    assert module.machine.shell(script).ok


def test_powered_off_after_the_end(machine: Machine) -> None:
    """The guest switches itself off when the case has ended."""
    assert machine.shell("(sleep 0.15; busybox poweroff -f) >/dev/null 2>&1 &").ok


def test_agent_killed_after_the_end(machine: Machine) -> None:
    """The agent dies when the case has ended."""
    assert machine.shell("(sleep 0.15; busybox killall -9 qemu-ga) >/dev/null 2>&1 &").ok


@pytest.mark.parametrize("mode", ODD)
def test_agent(machine: Machine, mode: str) -> None:
    """The agent is replaced by one that answers what no agent would, and the case ends well."""
    assert machine.exec(["fakeagent", mode]).ok
    time.sleep(1.5)


def test_agent_huge(machine: Machine) -> None:
    """A line of the agent's that has no end."""
    assert machine.exec(["fakeagent", "huge"]).ok
    time.sleep(1.5)
    machine.exec(["true"], timeout=20)


def test_agent_forges(machine: Machine) -> None:
    """The agent says that all is well."""
    assert machine.exec(["fakeagent", "forge"]).ok
    time.sleep(1.5)
    assert machine.exec(["false"]).ok


def test_no_proc(machine: Machine) -> None:
    """There is no /proc at the end."""
    machine.exec(["umount", "-l", "/proc"])


def test_no_busybox(machine: Machine) -> None:
    """There is no busybox at the end."""
    machine.shell("mount --bind /dev/null /bin/busybox; mount --bind /dev/null /usr/bin/busybox; true")


def test_no_fork(machine: Machine) -> None:
    """Nothing can be started at the end."""
    machine.shell("sysctl -q -w kernel.threads-max=1 kernel.pid_max=301; true")


def test_lab_error_and_warning(module: GuestModule) -> None:
    """An error of the lab beside a WARN at the first attempt; a second one would have neither."""
    _tries["warn"] = _tries.get("warn", 0) + 1
    if _tries["warn"] == 1:
        module.load("bug=warn")
        raise InfraError("the host's disk is full")


def test_lab_error_and_oops(module: GuestModule) -> None:
    """An error of the lab beside an oops at the first attempt."""
    _tries["oops"] = _tries.get("oops", 0) + 1
    if _tries["oops"] == 1:
        module.load("bug=mkdtemp_uaf")
        raise InfraError("the host's disk is full")


def test_killed_emulator_and_warning(module: GuestModule) -> None:
    """As above, and QEMU is killed."""
    _tries["kill"] = _tries.get("kill", 0) + 1
    if _tries["kill"] == 1:
        module.load("bug=warn")
        os.kill(module.machine.pid, 9)
        module.machine.exec(["true"])


def test_key_error(module: GuestModule) -> None:
    """A bug of the case's own."""
    assert module.load("bug=none").ok
    assert dict[str, str]()["nothing"]
