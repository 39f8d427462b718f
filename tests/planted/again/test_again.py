"""One hang met twice: the second time it is known."""

from __future__ import annotations

import pytest

from vexlab.guest.module import GuestModule

pytestmark = pytest.mark.domain("again")

_HANG_S, _PATIENT_S = 4.0, 300.0


def test_first(module: GuestModule) -> None:
    """A task that waits and cannot be killed."""
    module.load("bug=block", timeout=_HANG_S)


def test_second(module: GuestModule) -> None:
    """The same, waited for far longer."""
    module.load("bug=block", timeout=_PATIENT_S)


def test_third(module: GuestModule) -> None:
    """A load that takes longer than a look at a command that does not return."""
    assert module.load("bug=slow", timeout=_PATIENT_S).ok
