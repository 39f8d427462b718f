"""A module's ioctl interface as values, and what its header's text says of it. Pure.

The layout of a structure comes from debugging information (pahole), never from the header's text: only the compiler
knows it. What debugging information cannot tell, such as what a 64-bit integer points to, is read out of the comments
beside the members, as far as they follow the forms that ``Role`` lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from vexlab.errors import InfraError, UsageError

# struct vexfs_fs_info {
_STRUCT = re.compile(r"^struct (?P<name>\w+) \{$(?P<body>.*?)^\};?", re.MULTILINE | re.DOTALL)
# 	__u32                      version;              /*     0     4 */
# 	__u8                       uuid[16];             /*    56    16 */
# 	struct vexfs_point         at[2];                /*     8    16 */
_MEMBER = re.compile(
    r"^\s+(?P<type>[\w ]+?\*?)\s+(?P<name>\w+)(?:\[(?P<count>\d+)\])?;\s+/\*\s+(?P<offset>\d+)\s+(?P<size>\d+)",
    re.MULTILINE,
)
# 	/* size: 168, cachelines: 3, members: 13 */
_SIZE = re.compile(r"/\* size: (\d+),")
# #define VEXFS_IOC_FS_INFO	_IOWR(VEXFS_IOC_TYPE, 0, struct vexfs_fs_info)
_IOCTL = re.compile(
    r"^[ \t]*#[ \t]*define[ \t]+(?P<name>\w+)[ \t]+_IO(?P<way>[WR]{0,2})\((?P<rest>(?:[^()]|\([^()]*\))*)\)",
    re.MULTILINE,
)
# #define VEXFS_MAX_DIM		4096
_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+([^\n]+)$", re.MULTILINE)
# 0x00000001  ·  (1 << 3)  ·  1048576UL
_INTEGER = re.compile(r"[(]*\s*(0x[0-9a-fA-F]+|\d+)[uUlL]*(\s*<<\s*\d+)?\s*[)]*")
# enum vexfs_metric {
_ENUM = re.compile(r"^enum (\w+) \{(.*?)^\}", re.MULTILINE | re.DOTALL)
_ENUMERATOR = re.compile(r"^\s*([A-Za-z_]\w*)\s*(?:=[^,]*)?,?", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
# struct vexfs_vec_get { … };
_SOURCE_STRUCT = re.compile(r"^struct (\w+) \{(.*?)^\};", re.MULTILINE | re.DOTALL)
# 	__u64	vector;			/* float[dim]; 0: not wanted */
_COMMENTED = re.compile(r"^\s*[\w ]+?\s+\**(\w+)(?:\[[^\]]*\])?;[ \t]*/\*[ \t]*(.*?)[ \t]*\*/", re.MULTILINE)
# const float[count][dim]     struct vexfs_vec_result[k]     __u8[meta_room]; 0: not wanted
_POINTS = re.compile(r"(const\s+)?(struct\s+\w+|\w+)((?:\[\w+\])+)")
# 1..VEXFS_MAX_DIM     room per vector, 0..256     by index: lists, 1..VEXFS_MAX_LISTS
_RANGE = re.compile(r"(\d+)\.\.(\w+)")
# VEXFS_SEARCH_*
_BITS = re.compile(r"([A-Z]\w*_)\*")
# enum vexfs_metric
_OF_ENUM = re.compile(r"enum (\w+)")
_NO_VALUE = re.compile(r"_(?:COUNT|MAX|NR|LAST|END)$")  # an enumerator that only says how many there are
# out     out: full length, even if cut
_OUT = re.compile(r"out\b")
_RESERVED = re.compile(r"(?:reserved|pad|unused|spare)\w*|__\w*pad\w*")
_SIZES = {"float": 4, "double": 8, "__u8": 1, "__s8": 1, "char": 1, "__u16": 2, "__s16": 2, "__u32": 4, "__s32": 4,
          "__u64": 8, "__s64": 8, "int": 4, "unsigned": 4, "long": 8}  # fmt: skip
_POINTER_BYTES = 8


class Role(StrEnum):
    """What a member is for; the form of the comment that says so stands behind each."""

    VERSION = "const"  # its name, where a constant's name ends in VERSION
    ZERO = "zero"  # its name: reserved…, or 0
    NUMBER = "number"  # 1..LIMIT, enum NAME, or none
    FLAGS = "flags"  # PREFIX_*, or its name
    POINTER = "pointer"  # TYPE[MEMBER][MEMBER]
    ANY = "any"  # nothing is said of a member as wide as a pointer
    OUT = "out"  # out


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """What a member points to: ``element`` is a type, ``counts`` the members whose product is how many there are."""

    element: str
    counts: tuple[str, ...]
    const: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member as the compiler lays it out, in bytes; ``count`` is an array's, 0 for none.

    ``range`` are the least and the greatest value said of a number, ``(0, 0)`` for none; ``value`` is a version's, the
    mask of flags.
    """

    name: str
    type: str
    offset: int
    size: int
    count: int = 0
    comment: str = ""
    role: Role = Role.NUMBER
    range: tuple[int, int] = (0, 0)
    value: int = 0
    points: Points | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """A structure; ``size`` in bytes."""

    name: str
    size: int
    members: tuple[Member, ...]

    def member(self, name: str) -> Member | None:
        """Return the member ``name``."""
        return next((member for member in self.members if member.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An ioctl. ``way`` is what the number's direction bits mean: ``""``, ``"W"``, ``"R"`` or ``"WR"``."""

    name: str
    number: int
    way: str
    structure: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A header: its ioctls in their order, structures by name, constants with their values, enumerations' names."""

    calls: tuple[Call, ...]
    structures: Mapping[str, Structure] = field(default_factory=dict)
    constants: Mapping[str, int] = field(default_factory=dict)
    enums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a header names: each ioctl with its way and its structure's type, constants, enumerations, structures."""

    ioctls: tuple[tuple[str, str, str], ...]
    constants: tuple[str, ...]
    enums: Mapping[str, tuple[str, ...]]
    structures: tuple[str, ...]


def named_in(text: str) -> Named:
    """Return what a header's text names; raise ``UsageError`` where it defines no ioctl."""
    bare = _COMMENT.sub("", text)
    ioctls = tuple(
        (match["name"], _way(match["way"]), match["rest"].rpartition(",")[2].strip() if match["way"] else "")
        for match in _IOCTL.finditer(bare)
    )
    if not ioctls:
        raise UsageError("the header defines no ioctl by _IO, _IOR, _IOW or _IOWR")
    constants = [name for name, body in _DEFINE.findall(bare) if _INTEGER.fullmatch(body.strip())]
    enums = named_enums(text)
    return Named(
        ioctls=ioctls,
        constants=tuple(dict.fromkeys([*constants, *(name for names in enums.values() for name in names)])),
        enums=enums,
        structures=tuple(name for name, _ in _SOURCE_STRUCT.findall(text)),
    )


def _way(letters: str) -> str:
    return "".join(letter for letter in "WR" if letter in letters)


def parse_pahole(text: str) -> dict[str, Structure]:
    """Return the structures that ``pahole FILE`` printed; raise ``InfraError`` where one does not add up."""
    found = {}
    for match in _STRUCT.finditer(text):
        size = _SIZE.search(match["body"])
        members = tuple(
            Member(
                name=each["name"],
                type=" ".join(each["type"].split()),
                offset=int(each["offset"]),
                size=int(each["size"]),
                count=int(each["count"] or 0),
            )
            for each in _MEMBER.finditer(match["body"])
        )
        if not size or not members or members[-1].offset + members[-1].size > int(size[1]):
            raise InfraError(f"pahole's words on struct {match['name']} are not understood")
        found[match["name"]] = Structure(name=match["name"], size=int(size[1]), members=members)
    return found


def with_comments(structures: Mapping[str, Structure], text: str, constants: Mapping[str, int]) -> dict[str, Structure]:
    """Return ``structures`` with what the header's text says of their members."""
    enums = named_enums(text)
    said = {name: dict(_COMMENTED.findall(body)) for name, body in _SOURCE_STRUCT.findall(text)}
    return {
        name: replace(
            structure,
            members=tuple(
                _told(replace(each, comment=said.get(name, {}).get(each.name, "")), structure, constants, enums)
                for each in structure.members
            ),
        )
        for name, structure in structures.items()
    }


def named_enums(text: str) -> dict[str, tuple[str, ...]]:
    """Return the enumerations of a header's text, each with the names of its values."""
    return {name: tuple(_ENUMERATOR.findall(body)) for name, body in _ENUM.findall(_COMMENT.sub("", text))}


def _told(
    member: Member, structure: Structure, constants: Mapping[str, int], enums: Mapping[str, tuple[str, ...]]
) -> Member:
    version = next((value for name, value in constants.items() if name.endswith("VERSION")), None)
    if member.name == "version" and version is not None:
        return replace(member, role=Role.VERSION, value=version)
    if _RESERVED.fullmatch(member.name) or member.comment == "0":
        return replace(member, role=Role.ZERO)
    points = _points(member, structure)
    if points:
        return replace(member, role=Role.POINTER, points=points)
    if _OUT.match(member.comment):
        return replace(member, role=Role.OUT)
    if bits := _BITS.search(member.comment):
        mask = _mask(bits[1], constants)
        return replace(member, role=Role.FLAGS, value=mask)
    if member.name == "flags":
        return replace(member, role=Role.FLAGS)
    if limits := _limits(member.comment, constants, enums):
        return replace(member, range=limits)
    if member.size == _POINTER_BYTES and not member.count and not member.comment:
        return replace(member, role=Role.ANY)
    return member


def _limits(comment: str, constants: Mapping[str, int], enums: Mapping[str, tuple[str, ...]]) -> tuple[int, int] | None:
    """Return the least and the greatest value that the words name, by numbers or by an enumeration."""
    if limits := _RANGE.search(comment):
        return int(limits[1]), constants.get(limits[2], int(limits[2]) if limits[2].isdigit() else 0)
    enum = _OF_ENUM.search(comment)
    names = enums.get(enum[1], ()) if enum else ()
    values = [constants[name] for name in names if name in constants and not _NO_VALUE.search(name)]
    return (min(values), max(values)) if values else None


def _mask(prefix: str, constants: Mapping[str, int]) -> int:
    mask = 0
    for name, value in constants.items():
        if name.startswith(prefix):
            mask |= value
    return mask


def _points(member: Member, structure: Structure) -> Points | None:
    """Return what the comment says that a member as wide as a pointer leads to, where all its counts are members."""
    match = _POINTS.match(member.comment)
    if not match or member.size != _POINTER_BYTES or member.count:
        return None
    counts = tuple(re.findall(r"\[(\w+)\]", match[3]))
    if not all(structure.member(name) for name in counts):
        return None
    return Points(element=" ".join(match[2].split()), counts=counts, const=bool(match[1]))


def element_size(element: str, structures: Mapping[str, Structure]) -> int:
    """Return the bytes of a pointer's element; 1 where its type is not known."""
    if element.startswith("struct "):
        structure = structures.get(element.removeprefix("struct "))
        return structure.size if structure else 1
    return _SIZES.get(element, 1)


def render_table(interface: Interface) -> str:
    """Return the interface as ``fsfuzz`` reads it (``workloads/fsfuzz/table.c``)."""
    lines = [f"V {value & (1 << 64) - 1}" for value in sorted(set(interface.constants.values()))]
    for call in interface.calls:
        lines.append(f"C {call.name} {call.number} {call.size}")
        structure = interface.structures.get(call.structure)
        for member in structure.members if structure else ():
            lines += _member_lines(member, structure, interface)
    return "\n".join(lines) + "\n"


def _member_lines(member: Member, structure: Structure | None, interface: Interface) -> Iterator[str]:
    begin = f"M {member.offset} {member.size} {member.name}"
    if member.role is Role.POINTER and member.points and structure:
        counts = [found.offset for name in member.points.counts if (found := structure.member(name))]
        padded = (*counts, -1, -1)[:2]
        size = element_size(member.points.element, interface.structures)
        kind = "f" if member.points.element in ("float", "double") else "b" if size == 1 else "i"
        yield f"{begin} pointer {size} {kind} {padded[0]} {padded[1]}"
    elif member.role is Role.NUMBER:
        yield f"{begin} number {member.range[0]} {member.range[1]}"
    elif member.role in (Role.VERSION, Role.FLAGS):
        yield f"{begin} {member.role} {member.value}"
    else:
        yield f"{begin} {member.role}"


def check_sizes(interface: Interface) -> Sequence[str]:
    """Return a sentence for each ioctl whose number says another size than its structure has."""
    return [
        f"{call.name}: its number says {call.number >> 16 & 0x3FFF} bytes, its structure has {call.size}"
        for call in interface.calls
        if call.structure and call.number >> 16 & 0x3FFF != call.size
    ]
