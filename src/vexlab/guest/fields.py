"""The fields of an image as a target's ``fields`` command lists them, and the wrong values worth trying. Pure.

docs/reference/target.md says what the command prints. Only ``name``, ``offset``, ``size``, ``encoding`` and ``value``
are needed; what else a target tells of a field makes the damage better aimed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from vexlab.errors import MachineError

_NUMBERS = re.compile(r"\[\d+\]")
_LAST_NUMBER = re.compile(r"\[\d+\]$")
_OWN = re.compile(r"^(?:inode|directory|symlink|xattrs|collection)\[(\d+)\]")
_NUMBER_BYTES = 8


class Means(StrEnum):
    """What a field's number says."""

    OTHER = ""
    BLOCK = "block"
    INODE = "inode"
    LENGTH = "length"
    KNOWN = "known"  # a magic number, a version: any other value must be refused
    FEATURES = "features"  # bits, of which a reader must refuse those that it does not know
    FREE = "free"  # every value is valid


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """The checksum over a field: crc32c from ``init`` over ``ranges`` (offset, length), itself taken for zero."""

    kind: str
    offset: int
    encoding: str
    init: int
    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of this very image; ``limit`` is the first number beyond what exists, ``unit`` a block's bytes.

    ``fixed`` marks a structure at a place where no file's block may ever be; ``of`` the sort of thing it belongs to.
    """

    name: str
    offset: int
    size: int
    encoding: str
    value: int | str
    means: Means = Means.OTHER
    limit: int = 0
    unit: int = 0
    fixed: bool = False
    of: str = ""
    sum: Sum | None = None

    @property
    def sort(self) -> str:
        """What fields of the same sort share: the name without its numbers, and the sort of thing it belongs to."""
        return f"{_NUMBERS.sub('[]', self.name)} {self.of}".rstrip()

    @property
    def owner(self) -> str:
        """The structure it is a member of: the name as far as its last dot."""
        return self.name.rpartition(".")[0]

    @property
    def own_number(self) -> int:
        """The number of the inode it belongs to; 0 where the name tells none."""
        match = _OWN.match(self.name)
        return int(match[1]) if match else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """A wrong value: ``kind`` names how it was chosen; ``impossible`` where no reader may take it for sound."""

    field: Field
    kind: str
    data: bytes
    shown: str
    impossible: bool = False


def parse_fields(text: str) -> tuple[Field, ...]:
    """Read what the ``fields`` command printed; raise ``MachineError`` where that is no list of fields."""
    fields = []
    for line in text.splitlines():
        try:
            fields.append(msgspec.json.decode(line, type=Field))
        except (msgspec.DecodeError, UnicodeError) as error:
            raise MachineError(f"the fields command printed what is no field: {line[:200]}: {error}") from error
    if not fields:
        raise MachineError("the fields command listed no field")
    return tuple(fields)


def wrong_values(field: Field, fields: Sequence[Field]) -> Iterator[Wrong]:
    """Return the wrong values for ``field`` of an image that has ``fields``, none twice."""
    seen = {_bytes_of(field, field.value)} if isinstance(field.value, int) else {b""}
    for kind, value, impossible in _candidates(field, fields):
        data = _bytes_of(field, value) if isinstance(value, int) else value
        if data in seen:
            continue
        seen.add(data)
        shown = str(value) if isinstance(value, int) else _shown(value)
        yield Wrong(field=field, kind=kind, data=data, shown=shown, impossible=impossible)


def _shown(data: bytes) -> str:
    return f"{data[:4].hex()}..." if len(data) > 4 else data.hex()


def _bytes_of(field: Field, value: int) -> bytes:
    value &= (1 << 8 * field.size) - 1
    return value.to_bytes(field.size, "big" if field.encoding == "be" else "little")


def _candidates(field: Field, fields: Sequence[Field]) -> Iterator[tuple[str, int | bytes, bool]]:
    if not isinstance(field.value, int) or field.size > _NUMBER_BYTES:
        yield from _of_bytes(field)
        return
    most, value = (1 << 8 * field.size) - 1, field.value
    if field.means is Means.FREE:
        yield "max", most, False
        return
    if field.means in (Means.KNOWN, Means.FEATURES):
        yield from (("sign", 1 << 8 * field.size - 1 | value, True), ("max", most, True))
        if field.means is Means.KNOWN:
            yield from (("plus", value + 1, True), ("zero", 0, True))
        return
    yield from _by_meaning(field, value, fields)
    if field.means is Means.BLOCK and not value:
        return
    yield "zero", 0, False
    yield "max", most, field.means is Means.BLOCK and value > 0
    yield "plus", value + 1, False
    yield "minus", value - 1, False
    yield "sign", 1 << 8 * field.size - 1, field.means is Means.BLOCK and value > 0
    yield "one", 1, False
    other = next((each.value for each in fields if each.sort == field.sort and each.value not in (value, 0)), None)
    if isinstance(other, int):
        yield "swapped", other, False


def _by_meaning(field: Field, value: int, fields: Sequence[Field]) -> Iterator[tuple[str, int, bool]]:
    """The values that hurt most come first: who has little time takes those."""
    if field.means is Means.BLOCK:
        used = value > 0
        if not used:
            yield "unused", field.limit, False
            return
        yield "outside", field.limit, used
        if field.unit:
            yield from (("metadata", block, used) for block in _fixed_blocks(fields, field.unit))
            yield "itself", field.offset // field.unit, used and field.fixed
        yield "last", field.limit - 1, False
    elif field.means is Means.INODE:
        yield "itself", field.own_number, False
        yield "outside", field.limit, False
        yield "unused", field.limit - 1, False
        yield "cycle", _others(field, fields), False
    elif field.means is Means.LENGTH:
        yield from (("longer", value + 4, False), ("shorter", value - 4, False), ("block", value + 4096, False))
        yield "huge", 1 << max(8 * field.size - 2, 1), False


def _others(field: Field, fields: Sequence[Field]) -> int:
    """The inode that another field of the same name points to, so that two paths lead to one place."""
    member = field.name.rpartition(".")[2]
    values = (each.value for each in fields if each.name.endswith(f".{member}") and each.name != field.name)
    return next((value for value in values if isinstance(value, int) and value not in (0, field.value)), 1)


def _fixed_blocks(fields: Sequence[Field], unit: int) -> list[int]:
    blocks = sorted({each.offset // unit for each in fields if each.fixed} - {0})
    return blocks[:: max(1, len(blocks) // 3)][:3]


def _of_bytes(field: Field) -> Iterator[tuple[str, bytes, bool]]:
    yield "ones", b"\xff" * field.size, False
    if field.means is not Means.FREE:
        yield "zeros", bytes(field.size), False
    if field.encoding == "text":
        yield "slash", b"/" * field.size, False


def series(fields: Sequence[Field], *, most: int) -> tuple[Field, ...]:
    """Leave out what is more of the same: of like parts (entries, pointers) of one sort all but ``most``."""
    alike: dict[tuple[str, str], list[Field]] = {}
    for field in fields:
        member = field.name.rpartition(".")[2]
        alike.setdefault((f"{_LAST_NUMBER.sub('[]', field.owner)}.{member}", field.of), []).append(field)
    kept = {id(field) for group in alike.values() for field in _ends(group, most)}
    return tuple(field for field in fields if id(field) in kept)


def with_sums(fields: Sequence[Field], *, most: int) -> tuple[tuple[Field, Sum], ...]:
    """Return each checksum once, with a field that it covers; of things of one sort the first ``most``."""
    seen: set[int] = set()
    counts: Counter[tuple[str, str]] = Counter()
    kept = []
    for field in fields:
        sort = (_NUMBERS.sub("[]", field.name).partition(".")[0], field.of)
        if field.sum and field.sum.offset not in seen:
            seen.add(field.sum.offset)
            counts[sort] += 1
            if counts[sort] <= most:
                kept.append((field, field.sum))
    return tuple(kept)


def _ends(group: list[Field], most: int) -> list[Field]:
    """The first, one of the middle, and the last: a directory's first two are no ordinary entries."""
    return group if len(group) <= most else [*group[: most - 2], group[len(group) // 2], group[-1]]
