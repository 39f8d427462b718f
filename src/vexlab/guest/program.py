"""Programs of ``workloads/scripts`` that say what is wrong, one thing a line, and at their end what they counted.

The last line of such a program's output is a JSON object of whole numbers by name; one that lacks it did not come to
its end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vexlab.errors import TargetFailure
from vexlab.vm.machine import Machine

_FOLDER = "/tmp"  # noqa: S108 - in the guest
_MOST_TOLD = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a program said: a line for each thing that is ``wrong``, and its numbers, if it came to its end."""

    wrong: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    ended: bool = False

    def __str__(self) -> str:
        more = len(self.wrong) - _MOST_TOLD
        return "; ".join(self.wrong[:_MOST_TOLD]) + (f"; and {more} more" if more > 0 else "")


def parse_outcome(text: str) -> Outcome:
    """Return what a program printed."""
    lines = text.splitlines()
    try:
        # {"calls": 310}
        told = json.loads(lines[-1]) if lines else None
    except ValueError:
        told = None
    if not isinstance(told, dict) or not all(type(value) is int for value in told.values()):
        return Outcome(wrong=tuple(lines))
    return Outcome(wrong=tuple(lines[:-1]), counts=told, ended=True)


def run_program(machine: Machine, program: Path, *words: str, timeout: float) -> Outcome:
    """Put ``program`` into the guest, run it with ``words`` and return what it says, of which something may be wrong.

    Raises ``TargetFailure`` where it fails, or ends early without a word of what is wrong.
    """
    result = machine.exec(["python3", put(machine, program), *words], timeout=timeout)
    outcome = parse_outcome(result.text)
    if not result.ok or not (outcome.ended or outcome.wrong):
        why = result.error_text.strip().rpartition("\n")[2] or str(result)
        raise TargetFailure(f"{program.name} did not come to its end: {'; '.join(filter(None, (str(outcome), why)))}")
    return outcome


def put(machine: Machine, program: Path, *beside: Path) -> str:
    """Put ``program`` into the guest, and what it needs ``beside`` itself; return its path there."""
    for each in (program, *beside):
        machine.push(each, f"{_FOLDER}/{each.name}")
    return f"{_FOLDER}/{program.name}"
