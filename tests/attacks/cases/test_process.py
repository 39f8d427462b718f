"""Cases that try to end the process, the session, or nothing at all."""

from __future__ import annotations

import os
import sys
import time

import pytest

from vexlab.vm.machine import Machine

pytestmark = pytest.mark.domain("process")


def test_first(machine: Machine) -> None:
    """A case that passes."""
    assert machine.exec(["true"]).ok


def test_os_exit(machine: Machine) -> None:
    """The process ends with status 0."""
    os._exit(0)


def test_sys_exit(machine: Machine) -> None:
    """The case raises SystemExit."""
    sys.exit(0)


def test_pytest_exit(machine: Machine) -> None:
    """The case ends the session, with status 0."""
    pytest.exit("stop it all", returncode=0)


def test_keyboard_interrupt(machine: Machine) -> None:
    """The case pretends that somebody pressed Ctrl-C."""
    raise KeyboardInterrupt("from the case")


def test_base_exception(machine: Machine) -> None:
    """The case raises what nobody catches."""
    raise GeneratorExit("from the case")


def test_for_ever(machine: Machine) -> None:
    """The case does not end on the host."""
    while True:
        time.sleep(1)


def test_last(machine: Machine) -> None:
    """A case that passes, after all of those."""
    assert machine.exec(["true"]).ok


@pytest.mark.parametrize("p", ["a/b", "a:b", "x" * 130 + "1", "x" * 130 + "2", "../../tmp/x", "n\nl", "\x1b[31m", "ü"])
def test_ids(machine: Machine, p: str) -> None:
    """Ids that make poor names of folders."""
    assert p
