"""What was asked of a filesystem: how often each operation, with which flags, sizes, offsets, and which errors came."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CASE_FILE = "inputs.json"  # in a case's folder: its ``Inputs`` as JSON

_RARE = re.compile(r"([a-z_]{1,31}) (size|offset) (\d{1,2})")

_RARE_MOST = 1024  # lines that the guest's programs read, MOST in workloads/lib/rare.c

Counts = Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationInputs:
    """Counts of one operation's calls.

    ``flags`` are by the number of the bit, -1 for calls without any; ``sizes`` and ``offsets`` by the number of binary
    digits (0 is 0, 3 is 4 to 7), an offset of -1 being any negative one; ``errnos`` by the number, 0 for success.
    """

    calls: int
    flags: Counts = field(default_factory=dict)
    sizes: Counts = field(default_factory=dict)
    offsets: Counts = field(default_factory=dict)
    errnos: Counts = field(default_factory=dict)


Inputs = Mapping[str, OperationInputs]  # by operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One operation in short: its calls, how many ``of`` its partitions were ``tried``, and those that ``never`` were.

    These stand by kind: ``flags: O_DIRECT O_SYNC``, ``errors: EDQUOT``.
    """

    operation: str
    calls: int
    tried: int
    of: int
    never: tuple[str, ...]


def together(parts: Iterable[Inputs]) -> dict[str, OperationInputs]:
    """Return the sums of what several machines or cases counted."""
    whole: dict[str, OperationInputs] = {}
    for part in parts:
        for name, counts in part.items():
            whole[name] = _sum(whole[name], counts) if name in whole else counts
    return dict(sorted(whole.items()))


def _sum(one: OperationInputs, other: OperationInputs) -> OperationInputs:
    return OperationInputs(
        calls=one.calls + other.calls,
        flags=_add(one.flags, other.flags),
        sizes=_add(one.sizes, other.sizes),
        offsets=_add(one.offsets, other.offsets),
        errnos=_add(one.errnos, other.errnos),
    )


def _add(one: Counts, other: Counts) -> dict[int, int]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in sorted({*one, *other})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rare:
    """Sizes or offsets (``kind``) of so many binary ``digits`` (0 is the number 0), which calls seldom had so far."""

    operation: str
    kind: str
    digits: int


def render_rare(found: Iterable[Rare]) -> str:
    """Return the list that the guest's programs read (``workloads/lib/rare.h``)."""
    return "".join(f"{each.operation} {each.kind} {each.digits}\n" for each in found)


def parse_rare(text: str) -> tuple[Rare, ...]:
    """Undo ``render_rare``; raise ``ValueError`` with the number of a line that is something else."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        match = _RARE.fullmatch(line)
        if not match:
            raise ValueError(f"line {number} is not OPERATION size|offset DIGITS: {line[:80]!r}")
        found.append(Rare(operation=match[1], kind=match[2], digits=int(match[3])))
    if not 0 < len(found) <= _RARE_MOST:
        raise ValueError(f"it has {len(found)} lines, and must have 1 to {_RARE_MOST}")
    return tuple(found)
