"""What was done in a guest from outside, in its order, so that it can be done again without vexlab."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vexlab.model.machine import MachineSpec

FILE = "replay.json"  # in a case's evidence: a list of ``Replay``, one for each of its machines
FOLDER = "replay"  # beside it: what was written into the guests, each file under its SHA-256


class Act(StrEnum):
    """What a step is."""

    BEGIN = "begin"  # a command was started
    END = "end"  # a command ended
    PUT = "put"  # a file was written


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that happened at ``at`` seconds since the machine came up.

    ``number`` is that of the command. ``data`` is the name of its input, or of the file's content, below ``FOLDER``;
    ``path`` and ``mode`` are those of the file in the guest. ``status`` is how a command ended, as a shell says it.
    """

    act: Act
    number: int
    at: float
    argv: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    data: str = ""
    path: str = ""
    mode: int = 0
    status: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A file of the host that the machine began with, at ``path`` in the guest."""

    path: str
    source: str
    mode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One machine of a case: what it was, what it began with, what was done in it.

    ``console`` is the file, in the case's evidence, of what its kernel said; ``titles`` are the findings in it that the
    console shows. ``ended`` is when it was let go, in seconds since it came up. ``why_not`` says why what was done
    cannot be done again by a script; empty where it can.
    """

    spec: MachineSpec
    module: str
    console: str
    titles: tuple[str, ...]
    single_thread_tcg: bool = False
    files: tuple[Placed, ...] = ()
    before: tuple[Step, ...] = ()
    steps: tuple[Step, ...] = ()
    ended: float = 0.0
    why_not: str = ""
