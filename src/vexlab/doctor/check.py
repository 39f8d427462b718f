"""What was looked at, what was found, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vexlab.model.machine import Accelerator
from vexlab.vm.accel import Proved


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One look at this machine. ``fix`` is the next step where it is not ``ok``.

    Only a ``needed`` check that failed keeps vexlab from working.
    """

    name: str
    ok: bool
    detail: str
    fix: str = ""
    needed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """All that was found; ``accelerators`` fastest first."""

    accelerators: Mapping[Accelerator, Proved]
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether vexlab can work here."""
        return all(check.ok for check in self.checks if check.needed)
