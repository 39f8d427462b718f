"""Thirty cases over the planted module, of which 5 panic, 3 hang and 2 kill the agent; the rest must not notice."""

from __future__ import annotations

import pytest

from vexlab.guest.module import GuestModule
from vexlab.vm.machine import Machine

pytestmark = pytest.mark.domain("thirty")

KINDS = ["panic"] * 5 + ["wait", "spin", "wait"] + ["agent"] * 2
# Every third case misbehaves, so that each has sound neighbours.
ORDER = [KINDS.pop() if number % 3 == 1 and KINDS else "sound" for number in range(30)]


@pytest.mark.parametrize("number", range(30))
def test_case(module: GuestModule, machine: Machine, number: int) -> None:
    """A case that does one thing and looks at no log."""
    kind = ORDER[number]
    if kind == "agent":
        machine.exec(["busybox", "killall", "-9", "qemu-ga"], timeout=10)
    elif kind == "sound":
        assert module.load("bug=none").ok
        assert module.unload().ok
    else:
        module.load(f"bug={kind}", timeout=3)
