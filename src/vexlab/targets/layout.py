"""Structures that cross between programs and the kernel: their layout must not depend on who was compiled how. Pure.

pahole(1) prints what the compiler made of a structure. A 32-bit program on a 64-bit kernel passes the same bytes only
where every member lies at the same place in both; a hole is bytes that nobody sets, and that a kernel which copies the
whole structure gives away (Documentation/process/botching-up-ioctls.rst).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vexlab.targets.remarks import Remark

BY = "layout"
# /* <35d> /work/source/include/uapi/x.h:47 */
_PLACE = re.compile(r"^/\* <[0-9a-f]+> (?P<file>\S+):(?P<line>\d+) \*/$")
# struct vexfs_vec_add {      union value {
_HEAD = re.compile(r"^(?P<name>(?:struct|union) \w+) \{$")
# 	__u64                      first_id;             /*    40     8 */        __u8  uuid[16];  /*    56    16 */
# 	struct timespec64 { … }   when;   /* 8 16 */     __u32  flag:3;  /*     0: 0  4 */
_MEMBER = re.compile(r"^\t(?P<declared>[^\t].*?);\s+/\* +(?P<offset>\d+)(?:: *(?P<bit>\d+))? +(?P<size>\d+) \*/$")
# 	int  (*fn)(int);      char  label[32];      __u8  f:3;
_NAME = re.compile(r"(?:\(\*(?P<function>\w+)\)\(.*\)|(?P<plain>\w+)(?:\[[^\]]*\])*(?::\d+)?)$")
# 	/* XXX 4 bytes hole, try to pack */      /* XXX 7 bits hole, … */      deeper in a structure without a name
_HOLE = re.compile(r"^\t+/\* XXX (?P<size>\d+) (?P<unit>bytes?|bits?) hole")
# 	/* size: 168, cachelines: 3, members: 13 */
_SIZE = re.compile(r"^\t/\* size: (?P<size>\d+),")
# 	/* padding: 4 */
_PADDING = re.compile(r"^\t/\* padding: (?P<size>\d+) \*/$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """A structure as compiled; ``members`` maps names to offset and size in bytes, ``holes`` are words for each."""

    name: str
    file: str
    line: int
    size: int
    members: Mapping[str, tuple[int, int]]
    holes: tuple[str, ...] = ()


def parse_structures(text: str) -> tuple[Structure, ...]:
    """Read what ``pahole --show_decl_info`` printed of an object file."""
    return tuple(_structures(text.splitlines()))


def _structures(lines: list[str]) -> Iterator[Structure]:
    place, name = ("", 0), ""
    members: dict[str, tuple[int, int]] = {}
    holes: list[str] = []
    size = 0
    for line in lines:
        if match := _PLACE.match(line):
            place = (match["file"], int(match["line"]))
        elif match := _HEAD.match(line):
            name, members, holes, size = match["name"], {}, [], 0
        elif name and (match := _SIZE.match(line)):
            size = int(match["size"])
        elif name and (match := _HOLE.match(line)):
            last = next(reversed(members), "")
            holes.append(f"{match['size']} {match['unit']} of hole{f' behind `{last}`' if last else ''}")
        elif name and (match := _PADDING.match(line)):
            holes.append(f"{match['size']} bytes of padding at its end")
        elif name and (match := _MEMBER.match(line)):
            members[_member(match["declared"])] = (int(match["offset"]), int(match["size"]))
        elif name and line.startswith("}"):
            yield Structure(name=name, file=place[0], line=place[1], size=size, members=members, holes=tuple(holes))
            name = ""


def _member(declared: str) -> str:
    match = _NAME.search(declared)
    return (match["function"] or match["plain"]) if match else declared


def judge(wide: tuple[Structure, ...], narrow: tuple[Structure, ...], folder: str) -> tuple[Remark, ...]:
    """Compare what 64 and 32 bits make of the structures that files below ``folder`` define."""
    other = {each.name: each for each in narrow}
    found = []
    for structure in wide:
        if not structure.file.startswith(f"{folder}/"):
            continue
        file = structure.file.removeprefix(f"{folder}/")
        words = [*_differences(structure, other.get(structure.name)), *structure.holes]
        found += [Remark(file=file, line=structure.line, by=BY, words=f"{structure.name}: {each}") for each in words]
    return tuple(found)


def _differences(wide: Structure, narrow: Structure | None) -> Iterator[str]:
    if narrow is None:
        yield "is there for 64 bits only"
        return
    for name, (offset, size) in wide.members.items():
        there = narrow.members.get(name)
        if there is None:
            yield f"`{name}` is there for 64 bits only"
        elif there != (offset, size):
            yield f"`{name}` is {size} bytes at {offset} for 64 bits, {there[1]} bytes at {there[0]} for 32"
            return  # whatever follows it is moved
    if wide.size != narrow.size:
        yield f"takes {wide.size} bytes for 64 bits, {narrow.size} for 32: its ioctl numbers differ, too"
