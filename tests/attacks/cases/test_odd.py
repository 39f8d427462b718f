"""Cases that raise, fork, stop or steer what judges them; and one whose fixture works after our last look."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from vexlab.plugin.fixtures import Metrics, PowerCycle
from vexlab.vm.machine import Machine

pytestmark = pytest.mark.domain("odd")


class Wordless(Exception):
    """An exception whose text cannot be had."""

    def __str__(self) -> str:
        raise TypeError


@pytest.fixture
def late(machine: Machine) -> Iterator[None]:
    """Break the kernel when the case is torn down."""
    yield
    machine.exec(["insmod", "/vexlab/attack.ko", "bug=oops"])


def test_late_fixture(late: None, power_cycle: PowerCycle) -> None:
    """The machine is looked at for the last time before the fixture is done with it."""


def test_wordless(machine: Machine) -> None:
    """The case raises what has no text."""
    raise Wordless


def test_surrogate(machine: Machine) -> None:
    """The reason cannot be written as UTF-8."""
    pytest.fail("name is \udcff")


def test_no_number(machine: Machine, metrics: Metrics) -> None:
    """A metric that is no number."""
    metrics.record("seed", float("nan"))


def test_elsewhere(machine: Machine) -> None:
    """The case leaves the folder and spoils the environment for the next one."""
    os.chdir("/")
    os.environ["TMPDIR"] = "/nonexistent"


def test_host_ends_it(machine: Machine) -> None:
    """The host tells QEMU to end."""
    os.kill(machine.pid, signal.SIGTERM)
    machine.exec(["sleep", "5"])


def test_stopped(machine: Machine) -> None:
    """The case stops the guest and leaves it so."""
    machine.qmp.command("stop")


def test_threads(machine: Machine) -> None:
    """Threads of the case's use one machine."""
    with ThreadPoolExecutor(4) as pool:
        assert all(result.ok for result in pool.map(lambda _: machine.exec(["true"]), range(8)))


def test_swallowed_deadline(machine: Machine) -> None:
    """The case does not listen when its time is over."""
    try:
        time.sleep(100)
    except Exception:  # noqa: BLE001
        return


def test_group(machine: Machine) -> None:
    """An assertion in a group of exceptions."""
    raise ExceptionGroup("several", [ValueError("x"), AssertionError("inner")])


@pytest.mark.xfail(strict=True, reason="known")
def test_unexpected_pass(machine: Machine) -> None:
    """A case that is marked to fail and passes."""


def test_forked(machine: Machine) -> None:
    """The case comes back twice."""
    os.fork()


def test_killed(machine: Machine) -> None:
    """The case ends its machine and nothing follows."""
    machine.kill()


def test_after_all(machine: Machine) -> None:
    """A case that passes, after all of those."""
    assert machine.exec(["true"]).ok
