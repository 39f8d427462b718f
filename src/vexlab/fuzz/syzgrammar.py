"""A reader of syzkaller's descriptions: enough of their grammar to tell mistakes, and the sizes of structures. Pure.

After syzkaller's ``docs/syscall_descriptions_syntax.md``. What is read is what ``vexlab.fuzz.syzlang`` writes and what
a target's own descriptions most likely use: includes, resources, calls, structures, unions, sets of numbers and texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from vexlab.errors import UsageError

# "ptr[in, array[int32], opt]": a token each
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|-?0x[0-9a-fA-F]+|-?\d+|[A-Za-z_][\w$]*|[\[\](){},:=])')
# int32  ·  int64be
_INT = re.compile(r"int(8|16|32|64)(be)?")
_NAME = re.compile(r"[A-Za-z_]\w*")
_CALL = re.compile(r"[A-Za-z_]\w*(?:\$\w+)?")
# What syzkaller defines itself and descriptions here use: types, sets in sys/linux/*.txt, resources.
BUILTIN = frozenset((
    "ptr", "ptr64", "array", "const", "flags", "len", "bytesize", "bitsize", "string", "stringnoz", "filename",
    "intptr", "bool8", "bool16", "bool32", "bool64", "fd", "fd_dir", "fs_options", "compressed_image", "buffer", "vma",
    "proc", "void", "text", "fileoff", "offsetof", "fmt",
))  # fmt: skip
KNOWN_SETS = frozenset(("open_flags", "open_mode", "mount_flags"))
# What a call with a compressed image must be marked with (syzkaller's pkg/compiler, as its compiler says).
_OF_IMAGES = ("no_generate", "no_minimize")
_POINTER_BYTES = 8
# Which argument of a type names its size: const[VALUE, int32], flags[SET, int32], len[FIELD, int32].
_SIZED_BY_SECOND = ("const", "flags", "len", "bytesize", "proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Type:
    """A type with its arguments: types, numbers as they stand, texts with their quotes, ranges ``1:4``."""

    name: str
    args: tuple[Type, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field, or an argument of a call; ``attributes`` are words in parentheses behind it."""

    name: str
    type: Type
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Syscall:
    """A call: ``ioctl$NAME``; ``returns`` is a resource, empty for none; ``attributes`` stand behind in parentheses."""

    name: str
    args: tuple[Field, ...]
    returns: str = ""
    attributes: tuple[Type, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptions:
    """What a file describes."""

    calls: tuple[Syscall, ...]
    resources: Mapping[str, str] = field(default_factory=dict)
    structures: Mapping[str, tuple[Field, ...]] = field(default_factory=dict)
    unions: Mapping[str, tuple[Field, ...]] = field(default_factory=dict)
    sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class _Words:
    """The tokens of one statement, taken from the front."""

    def __init__(self, text: str, line: int) -> None:
        self._line = line
        self._tokens: list[str] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if not match:
                raise self.wrong(text[at:].strip())
            self._tokens.append(match[1])
            at = match.end()

    def wrong(self, words: str) -> UsageError:
        """Return the error to raise."""
        shown = words[:60] or "the end of the line"
        return UsageError(f"line {self._line} of the descriptions is not understood at `{shown}`")

    @property
    def next(self) -> str:
        """The next token, empty at the end."""
        return self._tokens[0] if self._tokens else ""

    def take(self, wanted: str = "") -> str:
        """Take the next token, which must be ``wanted`` where that is given."""
        if not self._tokens or (wanted and self._tokens[0] != wanted):
            raise self.wrong(self.next)
        return self._tokens.pop(0)

    def name(self, pattern: re.Pattern[str] = _NAME) -> str:
        """Take a name."""
        if not pattern.fullmatch(self.next):
            raise self.wrong(self.next)
        return self.take()

    def end(self) -> None:
        """Demand that nothing is left."""
        if self._tokens:
            raise self.wrong(self.next)


def parse(text: str) -> Descriptions:
    """Read descriptions; raise ``UsageError`` that names the line that is none."""
    calls: list[Syscall] = []
    resources: dict[str, str] = {}
    bodies: dict[str, dict[str, tuple[Field, ...]]] = {"{": {}, "[": {}}
    sets: dict[str, tuple[str, ...]] = {}
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        bare = line.strip()
        if not bare or bare.startswith(("#", "include <", "incdir <", "meta ")):
            continue
        words = _Words(bare, number)
        if words.next == "resource":
            name, base = _resource(words)
            resources[name] = base
        elif bare.endswith(("{", "[")) and "=" not in bare and "(" not in bare:
            name = words.name()
            opening = words.take()
            bodies[opening][name] = tuple(_body(lines, "}" if opening == "{" else "]", number))
        elif re.match(r"\w+ *=", bare):
            name = words.name()
            sets[name] = _values(words)
        else:
            calls.append(_call(words))
    return Descriptions(calls=tuple(calls), resources=resources, structures=bodies["{"], unions=bodies["["], sets=sets)


def _resource(words: _Words) -> tuple[str, str]:
    words.take("resource")
    name = words.name()
    words.take("[")
    base = words.name()
    words.take("]")
    if words.next == ":":
        words.take()
        while words.next:
            words.take()
            if words.next:
                words.take(",")
    words.end()
    return name, base


def _values(words: _Words) -> tuple[str, ...]:
    words.take("=")
    values = [words.take()]
    while words.next:
        words.take(",")
        values.append(words.take())
    return tuple(values)


def _body(lines: Iterator[tuple[int, str]], closing: str, start: int) -> Iterator[Field]:
    for number, line in lines:
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        if bare.startswith(closing):
            return
        words = _Words(bare, number)
        found = _field(words)
        words.end()
        yield found
    raise UsageError(f"line {start} of the descriptions opens what is never closed")


def _field(words: _Words) -> Field:
    name, kind, attributes = words.name(), _type(words), []
    if words.next == "(":
        words.take()
        while words.next != ")":
            attributes.append(words.name())
            if words.next == ",":
                words.take()
        words.take(")")
    return Field(name=name, type=kind, attributes=tuple(attributes))


def _type(words: _Words) -> Type:
    name = words.take()
    if name in "[](){},:=":
        raise words.wrong(name)
    if words.next == ":":  # a range
        words.take()
        return Type(name=f"{name}:{words.take()}")
    args = []
    if words.next == "[":
        words.take()
        while words.next != "]":
            args.append(_type(words))
            if words.next == ",":
                words.take()
            elif words.next != "]":
                raise words.wrong(words.next)
        words.take("]")
    return Type(name=name, args=tuple(args))


def _call(words: _Words) -> Syscall:
    name = words.name(_CALL)
    words.take("(")
    args = []
    while words.next != ")":
        args.append(_field(words))
        if words.next == ",":
            words.take()
        elif words.next != ")":
            raise words.wrong(words.next)
    words.take(")")
    returns = words.name() if words.next and words.next != "(" else ""
    attributes = tuple(_attributes(words)) if words.next == "(" else ()
    words.end()
    return Syscall(name=name, args=tuple(args), returns=returns, attributes=attributes)


def _attributes(words: _Words) -> Iterator[Type]:
    """Yield what stands in parentheses behind a call: ``(timeout[4000], no_generate)``."""
    words.take("(")
    while words.next != ")":
        yield _type(words)
        if words.next != ")":
            words.take(",")
    words.take(")")


def parse_constants(text: str) -> dict[str, int]:
    """Read a file of constants, ``NAME = VALUE``; raise ``UsageError`` that names the line that is none."""
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.partition("#")[0].strip()
        if not bare or bare.startswith("arches ="):
            continue
        match = re.fullmatch(r"(\w+) = (\d+)", bare)  # VEXFS_API_VERSION = 1
        if not match:
            raise UsageError(f"line {number} of the constants is none: {line[:60]}")
        found[match[1]] = int(match[2])
    return found


def mistakes(found: Descriptions, known: Mapping[str, int]) -> tuple[str, ...]:
    """Return a sentence for each name that nothing defines, and each constant without a value."""
    types = {*BUILTIN, *found.resources, *found.structures, *found.unions}
    wrong = []
    for where, each in _all_types(found):
        if not _INT.fullmatch(each.name) and each.name not in types:
            wrong.append(f"{where}: nothing defines the type {each.name}")
        if each.name == "flags" and each.args[0].name not in {*found.sets, *KNOWN_SETS}:
            wrong.append(f"{where}: nothing defines the set {each.args[0].name}")
        if each.name == "const" and _NAME.fullmatch(each.args[0].name) and each.args[0].name not in known:
            wrong.append(f"{where}: the constant {each.args[0].name} has no value")
    for name, values in found.sets.items():
        wrong += [f"{name}: the constant {value} has no value" for value in values
                  if _NAME.fullmatch(value) and value not in known]  # fmt: skip
    wrong += [f"{call.name} returns {call.returns}, which is no resource" for call in found.calls
              if call.returns and call.returns not in {*found.resources, "fd", "fd_dir"}]  # fmt: skip
    return (*wrong, *_unmarked(found))


def _unmarked(found: Descriptions) -> Iterator[str]:
    images = {where.partition(".")[0] for where, each in _all_types(found) if each.name == "compressed_image"}
    for call in found.calls:
        marks = {each.name for each in call.attributes}
        for mark in _OF_IMAGES:
            if call.name in images and mark not in marks:
                yield f"{call.name} takes a compressed image and must be marked {mark}"


def _all_types(found: Descriptions) -> Iterator[tuple[str, Type]]:
    groups = [*((call.name, call.args) for call in found.calls), *found.structures.items(), *found.unions.items()]
    for name, fields in groups:
        for each in fields:
            yield from _types_in(f"{name}.{each.name}", each.type)


def _types_in(where: str, kind: Type) -> Iterator[tuple[str, Type]]:
    """Yield a type and those of its arguments that are types: the second of a pointer, the first of an array."""
    yield where, kind
    inner = {"ptr": 1, "ptr64": 1, "array": 0}.get(kind.name)
    if inner is not None and len(kind.args) > inner:
        yield from _types_in(where, kind.args[inner])


def size_of(kind: Type, found: Descriptions) -> tuple[int, int]:
    """Return size and alignment of a type in bytes; raise ``UsageError`` where it has none."""
    if match := _INT.fullmatch(kind.name):
        size = int(match[1]) // 8
        return size, size
    if kind.name in ("ptr", "ptr64", "intptr"):
        return _POINTER_BYTES, _POINTER_BYTES
    if kind.name in _SIZED_BY_SECOND and len(kind.args) > 1:
        return size_of(kind.args[1], found)
    if kind.name == "array" and len(kind.args) == 2:
        size, alignment = size_of(kind.args[0], found)
        return size * int(kind.args[1].name), alignment
    if kind.name in found.resources:
        return size_of(Type(name=found.resources[kind.name]), found)
    if kind.name in found.structures:
        *_, end = layout(found.structures[kind.name], found)
        return end[1], end[2]
    raise UsageError(f"the type {kind.name} has no size of its own")


def layout(fields: tuple[Field, ...], found: Descriptions) -> list[tuple[str, int, int]]:
    """Return name, offset and size of each field as C lays them out; the last entry is ``""``, size and alignment."""
    at, widest = 0, 1
    placed = []
    for each in fields:
        size, alignment = size_of(each.type, found)
        at = (at + alignment - 1) // alignment * alignment
        placed.append((each.name, at, size))
        at, widest = at + size, max(widest, alignment)
    return [*placed, ("", (at + widest - 1) // widest * widest, widest)]
