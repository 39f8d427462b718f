"""Plans of damage to an image, and what ``fsdamage`` says became of each. Pure: values in, values out.

The program (``workloads/fsdamage``) does a whole plan with one command: a mount, a walk, changes and an unmount for
each damage. The kernel's log is told of each beforehand, which is how a crash is traced to its damage.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from vexlab.guest.fields import Field, Means, Sum, Wrong, with_sums, wrong_values

BLOCK = 4096
_SECTOR = 512
_SHOWN = 12
# [   12.345678] vexlab: damage 17 inode[12].i_links=0
_TOLD = re.compile(r"vexlab: damage (-?\d+) (\S+)")
# For each meaning the kinds of values in the order in which they are tried; what is not named comes last.
_ORDER: Mapping[Means, tuple[str, ...]] = {
    Means.BLOCK: ("metadata", "outside", "zero", "unsealed", "max", "itself", "swapped"),
    Means.INODE: ("outside", "itself", "max", "unsealed", "cycle", "zero", "unused"),
    Means.LENGTH: ("zero", "longer", "max", "unsealed", "block", "huge", "shorter"),
    Means.OTHER: ("zero", "max", "plus", "unsealed", "swapped", "sign"),
    Means.KNOWN: ("plus", "sign", "max", "zero"),
    Means.FEATURES: ("sign", "max"),
    Means.FREE: (),
}
_LAST = 8
_IDLE = 3  # so much later comes what is zero in the sound image: most likely nobody looks at it


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What is written into the image: ``parts`` are lines of fsdamage's plan; ``sums`` are made right after it.

    ``name`` tells it apart from all others and says how to do it again; ``impossible`` that an error must be told;
    ``use`` that what the filesystem stores besides files (vectors) is to be used; ``length`` that a length is wrong and
    no name, so that a name with foreign bytes comes of reading too far.
    """

    name: str
    parts: tuple[str, ...]
    sums: tuple[Sum, ...] = ()
    impossible: bool = False
    use: bool = False
    length: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DamageResult:
    """A line of ``fsdamage``: ``mount`` is the error that refused it, ``errors`` counts the others by their names.

    ``noticed`` tells that the filesystem said so: refused, an I/O error, or read-only; ``wrong`` what must never be;
    ``stuck`` is the process that did not come back from ``step``.
    """

    number: int
    name: str
    mount: str
    noticed: bool
    wrong: str
    entries: int
    errors: dict[str, int]
    ms: float
    stuck: int = 0
    step: str = ""
    path: str = ""


def field_damages(fields: Sequence[Field], *, seed: int = 1) -> tuple[Damage, ...]:
    """Return every damage of ``fields``, those first that differ most from one another.

    The first of every sort of field and kind of value come before the second of any, and the values that hurt most
    before the others, so that any beginning of the plan is a fair sample of it. A length behind which nothing of its
    sort lies in the block is of a sort of its own: with it one reads out of the block, and not into a neighbour.
    """
    order = random.Random(seed)  # noqa: S311 - no secret
    last = {(field.sort, field.offset // BLOCK): field.offset for field in sorted(fields, key=lambda each: each.offset)}

    def sort(field: Field) -> str:
        ends = field.means is Means.LENGTH and field.offset == last[field.sort, field.offset // BLOCK]
        return f"{field.sort}, the last" if ends else field.sort

    groups: dict[tuple[str, str], list[Damage]] = {}
    shuffled = sorted(order.sample(fields, len(fields)), key=_unused)
    for field in shuffled:
        for wrong in wrong_values(field, fields):
            groups.setdefault((sort(field), wrong.kind), []).append(_of_field(wrong))
        if field.sum and isinstance(field.value, int):
            groups.setdefault((sort(field), "unsealed"), []).append(_unsealed(field))
    keys = order.sample(sorted(groups), len(groups))
    firsts = {sort(field): field for field in reversed(shuffled)}
    ranked = sorted(keys, key=lambda key: _rank(firsts[key[0]], key[1]))
    longest = max(map(len, groups.values()))
    return tuple(groups[key][turn] for turn in range(longest) for key in ranked if turn < len(groups[key]))


def _unused(field: Field) -> bool:
    return field.value == 0


def _rank(field: Field, kind: str) -> int:
    order = _ORDER[field.means]
    place = order.index(kind) if kind in order else _LAST
    return place + (_IDLE if field.value == 0 and field.means is not Means.FEATURES else 0)


def _of_field(wrong: Wrong) -> Damage:
    field = wrong.field
    covered = field.sum
    if covered and covered.offset <= field.offset < covered.offset + 4:
        covered = None  # the checksum itself
    parts = [f"W {field.offset} {wrong.data.hex()}"]
    if wrong.kind == "metadata" and field.unit == BLOCK:
        parts.append(f"N {int(wrong.shown) * BLOCK}")
    return Damage(
        name=f"{field.name}={wrong.shown}",
        parts=tuple(parts),
        sums=(covered,) if covered else (),
        impossible=wrong.impossible,
        use=_in_collection(field),
        length=field.means is Means.LENGTH,
    )


def _unsealed(field: Field) -> Damage:
    """A bit turned over, and the checksum left as it was."""
    part = f"X {field.offset} {'01' + '00' * (field.size - 1)}"
    return Damage(name=f"{field.name}^1!", parts=(part,), use=_in_collection(field))


def _in_collection(field: Field) -> bool:
    return field.of.startswith("collection") or field.name.startswith("collection")


def sum_damages(fields: Sequence[Field], *, most: int) -> tuple[Damage, ...]:
    """Return a damage of each checksum alone, of ``most`` a sort: only who looks at the checksum can notice it."""
    return tuple(
        Damage(
            name=f"{field.owner}.sum^1!",
            parts=(f"X {covered.offset} 01",),
            impossible=True,
            use=_in_collection(field),
        )
        for field, covered in with_sums(fields, most=most)
    )


def blind_damages(blocks: Sequence[int], *, seed: int, count: int) -> tuple[Damage, ...]:
    """Return ``count`` damages of the ``blocks`` that hold anything, drawn with ``seed``; no checksum is made right."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    return tuple(_named(number, draw.choice(_BLIND)(draw, blocks)) for number in range(count))


def _named(number: int, drawn: tuple[str, str]) -> Damage:
    name, part = drawn
    return Damage(name=f"{number}:{name}", parts=(part,))


def _flip(draw: random.Random, blocks: Sequence[int]) -> tuple[str, str]:
    offset, bit = draw.choice(blocks) * BLOCK + draw.randrange(BLOCK), 1 << draw.randrange(8)
    return f"byte[{offset}]^{bit:02x}", f"X {offset} {bit:02x}"


def _number(draw: random.Random, blocks: Sequence[int]) -> tuple[str, str]:
    offset = draw.choice(blocks) * BLOCK + 4 * draw.randrange(BLOCK // 4)
    value = draw.choice((bytes(4), b"\xff" * 4, draw.randbytes(4), b"\x7f\xff\xff\xff", b"\1\0\0\0"))
    return f"word[{offset}]={value.hex()}", f"W {offset} {value.hex()}"


def _sector(draw: random.Random, blocks: Sequence[int]) -> tuple[str, str]:
    offset = draw.choice(blocks) * BLOCK + _SECTOR * draw.randrange(BLOCK // _SECTOR)
    value = draw.choice((bytes(_SECTOR), b"\xff" * _SECTOR, draw.randbytes(_SECTOR)))
    return f"sector[{offset}]={value[:4].hex()}...", f"W {offset} {value.hex()}"


def _copy(draw: random.Random, blocks: Sequence[int]) -> tuple[str, str]:
    to, source = draw.choice(blocks), draw.choice(blocks)
    return f"block[{to}]=block[{source}]", f"C {to * BLOCK} {source * BLOCK} {BLOCK}"


_Drawer = Callable[[random.Random, Sequence[int]], tuple[str, str]]
_BLIND: tuple[_Drawer, ...] = (
    _flip,
    _number,
    _number,
    _sector,
    _copy,
)


def chosen(damages: Sequence[Damage], name: str) -> tuple[Damage, ...]:
    """Return the one of ``damages`` that ``name`` asks for, all where it is empty."""
    return tuple(damage for damage in damages if not name or damage.name == name)


def render_plan(damages: Iterable[Damage]) -> str:
    """Return the plan as ``fsdamage`` reads it."""
    lines = []
    for number, damage in enumerate(damages):
        lines.append(f"D {number} {damage.name.replace(' ', '_')}")
        lines += [*damage.parts, *(["U"] if damage.use else []), *(["L"] if damage.length else [])]
        for covered in damage.sums:
            ranges = " ".join(f"{start} {length}" for start, length in covered.ranges)
            lines.append(f"S {covered.offset} {covered.encoding} {covered.init} {ranges}")
        lines.append("G")
    return "\n".join(lines) + "\n"


def parse_damage_results(text: str) -> tuple[tuple[DamageResult, ...], tuple[str, ...]]:
    """Return the results that ``fsdamage`` printed, and the lines that are none."""
    results, noise = [], []
    for line in text.splitlines():
        try:
            results.append(msgspec.json.decode(line, type=DamageResult))
        except (msgspec.DecodeError, UnicodeError):
            noise.append(line[:300])
    return tuple(results), tuple(noise)


def complaints(damages: Sequence[Damage], results: Iterable[DamageResult]) -> tuple[str, ...]:
    """Return a sentence for each damage that the filesystem did not stand as it must."""
    found = []
    for result in results:
        if result.number < 0:
            continue
        if result.wrong:
            found.append(f"{result.name}: {result.wrong}")
        elif damages[result.number].impossible and not result.noticed:
            found.append(f"{result.name}: taken for sound, no error was told, though the value is impossible")
    return tuple(found)


def sound_failures(results: Iterable[DamageResult]) -> tuple[str, ...]:
    """Return a sentence for each time that the sound image, mounted between two damaged ones, did not serve.

    Each names the damage before it, which may have left the kernel so.
    """
    found = []
    before = "any damage"
    for result in results:
        if result.number >= 0:
            before = result.name
            continue
        words = result.wrong or (f"refused with {result.mount}" if result.mount else "")
        words = words or (f"errors {result.errors}" if result.noticed else "")
        if words:
            when = f"after {before}" if before != "any damage" else f"before {before}"
            found.append(f"{when}: {words}")
    return tuple(found)


def told(damages: Sequence[Damage], results: Sequence[DamageResult]) -> str:
    """Return all that is wrong with ``results``, or ``""``: what the sound image met first, then the damaged ones."""
    sound, harm = sound_failures(results), complaints(damages, results)
    tried = sum(each.number >= 0 for each in results)
    checks = sum(each.number < 0 for each in results)
    lines = []
    if sound:
        lines += [f"the sound image failed {len(sound)} of {checks} times it was mounted: {sound[0]}", *sound[1:_SHOWN]]
    if harm:
        lines += [f"{len(harm)} of {tried} damaged images did harm: {harm[0]}", *harm[1:_SHOWN]]
    return "\n".join(lines)


def culprit(console: str, headline: str = "") -> str:
    """Return the name of the damage that was being tried when the kernel printed ``headline``, or the last one."""
    last = ""
    for line in console.splitlines():
        if match := _TOLD.search(line):
            last = match[2]
        elif headline and headline in line:
            break
    return last
