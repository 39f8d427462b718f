"""Which images are tried: plans of damage drawn with a seed, and a damage as the bytes that it changes. Pure."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from vexlab.errors import UsageError
from vexlab.guest.damage import BLOCK, Damage, blind_damages, field_damages, render_plan
from vexlab.guest.fields import Field, Sum, series

_PARTS_MOST = 16  # as MOST_PARTS in workloads/fsdamage/damage.h
_LIKE = 4
_SHARE_ONE, _SHARE_SEVERAL = 45, 35  # percent of a plan: one field, several at once; the rest is at random
_NAME_MOST = 100


def draw_plan(
    fields: Sequence[Field], blocks: Sequence[int], *, seed: int, count: int, round_number: int, blind: bool
) -> tuple[Damage, ...]:
    """Return ``count`` damages: the next ones of single fields in their order of promise, several at once, and random.

    Without ``fields``, or with ``blind``, all are random.
    """
    draw = random.Random(seed)  # noqa: S311 - no secret
    if not fields or blind:
        return blind_damages(blocks, seed=seed, count=count)
    singles = field_damages(series(fields, most=_LIKE), seed=1)
    ones = count * _SHARE_ONE // 100
    start = round_number * ones
    plan = [singles[(start + turn) % len(singles)] for turn in range(ones)]
    plan += [_several(draw, singles) for _ in range(count * _SHARE_SEVERAL // 100)]
    plan += blind_damages(blocks, seed=seed, count=count - len(plan))
    return tuple(draw.sample(plan, len(plan))) if round_number else tuple(plan)


def _several(draw: random.Random, singles: Sequence[Damage]) -> Damage:
    """Return two or three damages at once; the sums of all are made right after all of them."""
    chosen = draw.sample(singles, draw.choice((2, 2, 3)))
    sums = tuple({(each.offset, each.ranges): each for damage in chosen for each in damage.sums}.values())
    return Damage(
        name="+".join(each.name for each in chosen)[:_NAME_MOST],
        parts=tuple(part for each in chosen for part in each.parts if not part.startswith("N "))[:_PARTS_MOST],
        sums=sums,
        use=any(each.use for each in chosen),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A byte of an image, and what it becomes."""

    offset: int
    value: int

    def __str__(self) -> str:
        return f"{self.offset}:{self.value:02x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproducer:
    """A damage told byte by byte: which are changed, which sums are made right afterwards, and the rest of its plan."""

    changes: tuple[Change, ...]
    sums: tuple[Sum, ...] = ()
    use: bool = False
    length: bool = False
    hidden: int = 0

    def with_changes(self, words: Sequence[str]) -> Reproducer:
        """Return it with only the changes that ``words`` name, as ``str`` of each has them."""
        wanted = set(words)
        return replace(self, changes=tuple(each for each in self.changes if str(each) in wanted))


def reproducer_of(damage: Damage, base: bytes) -> Reproducer:
    """Return what ``damage`` changes of the image ``base``; what it leaves as it was is left out."""
    new: dict[int, int] = {}
    hidden = 0
    for part in damage.parts:
        kind, *words = part.split()
        if kind == "N":
            hidden = int(words[0])
            continue
        offset, data = _written(kind, words, base)
        new.update({offset + at: value for at, value in enumerate(data)})
    changes = tuple(
        Change(offset=at, value=value) for at, value in sorted(new.items()) if base[at : at + 1] != bytes([value])
    )
    return Reproducer(changes=changes, sums=damage.sums, use=damage.use, length=damage.length, hidden=hidden)


def _written(kind: str, words: Sequence[str], base: bytes) -> tuple[int, bytes]:
    offset = int(words[0])
    if kind == "C":
        start, length = int(words[1]), int(words[2])
        return offset, base[start : start + length].ljust(length, b"\0")
    data = bytes.fromhex(words[1])
    if kind == "X":
        old = base[offset : offset + len(data)].ljust(len(data), b"\0")
        data = bytes(one ^ two for one, two in zip(data, old, strict=True))
    return offset, data


def render_reproducer(found: Reproducer, base: bytes) -> str:
    """Return the plan of one damage, as ``fsdamage`` reads it."""
    parts = [f"W {offset} {data.hex()}" for offset, data in _runs(found.changes, base)]
    if found.hidden:
        parts.append(f"N {found.hidden}")
    damage = Damage(name="reproducer", parts=tuple(parts), sums=found.sums, use=found.use, length=found.length)
    return render_plan([damage])


def _runs(changes: Sequence[Change], base: bytes) -> list[tuple[int, bytes]]:
    """Return the fewest pieces that make ``changes``, at most as many as a damage has: the closest are joined."""
    gaps = [(after.offset - before.offset, at) for at, (before, after) in enumerate(itertools.pairwise(changes), 1)]
    widest = sorted((gap for gap in gaps if gap[0] > 1), reverse=True)[: _PARTS_MOST - 1]
    ends = [0, *sorted(at for _, at in widest), len(changes)]
    return [_piece(changes[start:end], base) for start, end in itertools.pairwise(ends) if start < end]


def _piece(run: Sequence[Change], base: bytes) -> tuple[int, bytes]:
    start, end = run[0].offset, run[-1].offset + 1
    data = bytearray(base[start:end].ljust(end - start, b"\0"))
    for each in run:
        data[each.offset - start] = each.value
    return start, bytes(data)


def parse_reproducer(text: str, base: bytes) -> Reproducer:
    """Read a plan of one damage; raise ``UsageError`` where it is none."""
    parts: list[str] = []
    sums: list[Sum] = []
    flags: Mapping[str, bool] = {word: word in text.splitlines() for word in ("U", "L")}
    for line in text.splitlines():
        kind, *words = line.split() or [""]
        if kind in ("W", "X", "C", "N"):
            parts.append(line)
        elif kind == "S":
            sums.append(_sum(words))
        elif kind not in ("D", "U", "L", "G"):
            raise UsageError(f"this is no plan of a damage: {line[:100]}")
    damage = Damage(name="", parts=tuple(parts), sums=tuple(sums), use=flags["U"], length=flags["L"])
    return reproducer_of(damage, base)


def _sum(words: Sequence[str]) -> Sum:
    try:
        offset, encoding, init, *ranges = words
        numbers = [int(each) for each in ranges]
        pairs = tuple(zip(numbers[::2], numbers[1::2], strict=True))
        return Sum(kind="crc32c", offset=int(offset), encoding=encoding, init=int(init), ranges=pairs)
    except ValueError as error:
        raise UsageError(f"this is no checksum of a plan: {' '.join(words)[:100]}") from error


def blocks_of(base: bytes) -> tuple[int, ...]:
    """Return the numbers of the image's blocks that hold anything but zeros."""
    zeros = bytes(BLOCK)
    return tuple(at // BLOCK for at in range(0, len(base), BLOCK) if base[at : at + BLOCK] != zeros[: len(base) - at])
