"""Sequences of operations for ``fsseq``: read, written. Pure.

``fsseq`` in the guest generates, compares and shrinks in bulk; what it prints is read here. ``vexlab.guest.draw`` has
Hypothesis draw them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from vexlab.errors import MachineError, UsageError

SLOTS = 6
_PLAIN = re.compile(rb"[A-Za-z0-9._/-]")

# As op_kinds in workloads/fsseq/program.c: p path, x text, s slot, n number, o octal number, w word.
KINDS: dict[str, str] = {
    "open": "spwo",
    "close": "s",
    "write": "snnn",
    "append": "snn",
    "read": "snn",
    "truncate": "pn",
    "ftruncate": "sn",
    "rename": "ppw",
    "link": "pp",
    "symlink": "xp",
    "unlink": "p",
    "mkdir": "po",
    "rmdir": "p",
    "chmod": "po",
    "chown": "pnn",
    "setxattr": "pxnnw",
    "getxattr": "px",
    "removexattr": "px",
    "listxattr": "p",
    "utimens": "pnn",
    "fsync": "s",
    "allocate": "swnn",
    "store": "snnn",
    "readdir": "p",
    "stat": "p",
    "readlink": "p",
    "statfs": "",
}


@dataclass(frozen=True, slots=True)
class Op:
    """One operation: a name of ``KINDS`` and its arguments, paths as bytes."""

    name: str
    args: tuple[bytes | str | int, ...] = ()

    def __str__(self) -> str:
        return " ".join((self.name, *map(_argument, KINDS[self.name], self.args)))


Program = tuple[Op, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The line of ``fsseq compare`` and ``fsseq try``: what was done, up to the first program that differs.

    ``seed`` and ``count`` make that program again; ``index`` is its first operation that differs, -1 for the trees.
    """

    differ: bool
    programs: int
    operations: int
    seconds: float
    per_second: float
    without: str = ""
    seed: int = 0
    count: int = 0
    index: int = -1
    operation: str = ""
    a: str = ""
    b: str = ""


def _argument(kind: str, value: bytes | str | int) -> str:
    if isinstance(value, bytes):
        return escape(value)
    return f"{value:o}" if kind == "o" and isinstance(value, int) else str(value)


def escape(path: bytes) -> str:
    """Return a path or text as a program has it: ``%xx`` for other than plain bytes, ``-`` for none."""
    if path in (b"", b"-"):
        return "-" if not path else "%2d"
    return "".join(chr(byte) if _PLAIN.fullmatch(bytes([byte])) else f"%{byte:02x}" for byte in path)


def unescape(text: str) -> bytes:
    """Undo ``escape``."""
    if text == "-":
        return b""
    return re.sub(rb"%([0-9a-f]{2})", lambda match: bytes([int(match[1], 16)]), text.encode())


def parse_program(text: str) -> Program:
    """Read a program; raise ``UsageError`` with the number of the line that is no operation."""
    lines = ((number, line.split()) for number, line in enumerate(text.splitlines(), 1))
    return tuple(_parse(number, words) for number, words in lines if words and not words[0].startswith("#"))


def _parse(number: int, words: list[str]) -> Op:
    name, *values = words
    kinds = KINDS.get(name)
    if kinds is None or len(kinds) != len(values):
        raise UsageError(f"line {number} of the program is no operation: {' '.join(words)[:200]}")
    try:
        return Op(name, tuple(_value(kind, value) for kind, value in zip(kinds, values, strict=True)))
    except ValueError as error:
        raise UsageError(f"line {number} of the program: {error}") from error


def _value(kind: str, text: str) -> bytes | str | int:
    if kind in "px":
        return unescape(text)
    if kind == "w":
        return text
    number = int(text, 8 if kind == "o" else 10)
    if kind == "s" and not 0 <= number < SLOTS:
        raise ValueError(f"there is no slot {number}")
    return number


def render_program(program: Iterable[Op]) -> str:
    """Return the text that ``fsseq`` reads."""
    return "".join(f"{op}\n" for op in program)


def render_programs(programs: Iterable[Iterable[Op]]) -> str:
    """Return the text that ``fsseq try`` reads."""
    return "end\n".join(map(render_program, programs))


def parse_programs(text: str) -> tuple[Program, ...]:
    """Undo ``render_programs``."""
    return tuple(map(parse_program, re.split(r"^end\n", text, flags=re.MULTILINE)))


def parse_comparison(text: str) -> Comparison:
    """Read what ``fsseq compare`` printed; raise ``MachineError`` where it did not come to its line."""
    lines = text.splitlines()
    try:
        return msgspec.json.decode(lines[-1] if lines else "", type=Comparison)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise MachineError(f"fsseq compared nothing: {text[-200:]!r}") from error
