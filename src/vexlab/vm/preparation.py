"""A last change to a machine before it is kept as a template: what many cases would else each do first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from vexlab.model.replay import Step
from vexlab.vm.machine import Machine

_STEPS = "steps.json"  # in a template: what was done in the guest, so that a replay begins with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """``change`` is made once; ``key`` names all that it depends on beside the machine, ``words`` tell a user of it."""

    words: str
    key: str
    change: Callable[[Machine], None]


def leave_steps(machine: Machine, template: Path) -> None:
    """Write down what was done in ``machine``; only commands are, without input."""
    transcript = machine.transcript
    if not transcript.why_not and not transcript.data:
        (template / _STEPS).write_bytes(msgspec.json.encode(transcript.steps))


def begin_with_steps(machine: Machine, template: Path) -> None:
    """Have the transcript of a machine that came up from ``template`` begin with what was done in that."""
    file = template / _STEPS
    if file.exists():
        machine.transcript.begin_with(msgspec.json.decode(file.read_bytes(), type=list[Step]))
    else:
        machine.transcript.cannot("what was done before the machine was saved is not known")
