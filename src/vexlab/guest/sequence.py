"""Sequences of operations for ``fsseq``: read, written, drawn and shortened. Pure.

``fsseq`` in the guest generates, compares and shrinks in bulk; what it prints is read here. The same programs can be
drawn by Hypothesis (``programs``), for cases whose only judge is the host: a sequence after which the kernel dies is
shortened by running candidates in fresh machines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from vexlab.errors import MachineError, UsageError

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The line of ``fsseq compare``. ``seed`` and ``count`` make the program again; ``index`` is -1 for the trees."""

    differ: bool
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceRun:
    """What ``fsseq run`` printed: an answer for each operation, then the tree's lines."""

    answers: tuple[str, ...]
    tree: tuple[str, ...]


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


def parse_program(text: str) -> tuple[Op, ...]:
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


def parse_comparison(text: str) -> Comparison:
    """Read what ``fsseq compare`` printed; raise ``MachineError`` where it did not come to its line."""
    lines = text.splitlines()
    try:
        return msgspec.json.decode(lines[-1] if lines else "", type=Comparison)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise MachineError(f"fsseq compared nothing: {text[-200:]!r}") from error


def parse_run(text: str, operations: int) -> SequenceRun:
    """Read what ``fsseq run`` printed of so many operations; raise ``MachineError`` where an answer is missing."""
    lines = text.splitlines()
    if "tree" not in lines or lines.index("tree") != operations:
        raise MachineError(f"fsseq answered {len(lines)} lines for {operations} operations")
    # 17 ok 4096 9f0c3a5e1b2d4478
    answers = tuple(line.partition(" ")[2] for line in lines[:operations])
    return SequenceRun(answers=answers, tree=tuple(lines[operations + 1 :]))


def difference(program: Sequence[Op], a: SequenceRun, b: SequenceRun) -> str:
    """Return the first difference of two runs as one sentence, or ``""``."""
    for number, (op, left, right) in enumerate(zip(program, a.answers, b.answers, strict=True), 1):
        if left != right:
            return f"operation {number}, `{op}`: {left} against {right}"
    for left, right in zip(a.tree, b.tree, strict=False):
        if left != right:
            return f"the trees differ: `{left}` against `{right}`"
    if len(a.tree) != len(b.tree):
        longer = a.tree if len(a.tree) > len(b.tree) else b.tree
        return f"only one tree has `{longer[min(len(a.tree), len(b.tree))]}`"
    return ""


def shrink(program: Sequence[Op], fails: Callable[[tuple[Op, ...]], bool], *, tries: int = 500) -> tuple[Op, ...]:
    """Return a short part of ``program`` for which ``fails`` holds (delta debugging, Zeller and Hildebrandt 2002).

    ``fails`` is asked at most ``tries`` times; it is not asked about ``program`` itself.
    """
    best = tuple(program)
    piece = len(best) // 2 or 1
    while tries > 0:
        shorter, tries = _without_pieces(best, piece, fails, tries)
        if piece == 1 and len(shorter) == len(best):
            break
        best = shorter
        piece = max(1, min(piece // 2, len(best) // 2))
    return best


def _without_pieces(
    program: tuple[Op, ...], piece: int, fails: Callable[[tuple[Op, ...]], bool], tries: int
) -> tuple[tuple[Op, ...], int]:
    end = len(program)
    while end > 0 and tries > 0:
        start = max(0, end - piece)
        candidate = program[:start] + program[end:]
        if candidate:
            tries -= 1
            if fails(candidate):
                program = candidate
        end = start
    return program, tries


_NUMBERS = (0, 1, 100, 4095, 4096, 4097, 8192, 12288, 49152, 65536, 70000)
_WORDS = {
    "open": ("bc", "b", "r", "wc", "bcx", "bct", "bca", "bn", "rd"),
    "rename": ("plain", "noreplace", "exchange"),
    "setxattr": ("any", "create", "replace"),
    "allocate": ("plain", "keep", "punch", "zero"),
}
_XATTR = frozenset({"setxattr", "getxattr", "removexattr", "listxattr"})


def programs(*, most: int = 40, without: frozenset[str] = frozenset()) -> SearchStrategy[tuple[Op, ...]]:
    """Return a Hypothesis strategy for programs; they shrink to the fewest and simplest operations.

    ``without`` are the words of ``fsseq probe``: what a filesystem lacks is not drawn.
    """
    from hypothesis import strategies  # only those who draw need it installed

    missing = without | (_XATTR if "xattr" in without else frozenset())
    one = strategies.one_of([_operation(name, kinds, missing) for name, kinds in KINDS.items() if name not in missing])
    return strategies.lists(one, min_size=1, max_size=most).map(tuple)


def _operation(name: str, kinds: str, missing: frozenset[str]) -> SearchStrategy[Op]:
    from hypothesis import strategies

    arguments = [_arguments(name, kind, at, missing) for at, kind in enumerate(kinds)]
    return strategies.tuples(*arguments).map(lambda args: Op(name, args))


def _arguments(name: str, kind: str, at: int, missing: frozenset[str]) -> SearchStrategy[bytes | str | int]:
    from hypothesis import strategies

    if kind == "s":
        return strategies.integers(0, SLOTS - 1)
    if kind == "w":
        return strategies.sampled_from([word for word in _WORDS[name] if word not in missing])
    if kind == "o":
        return strategies.sampled_from((0o755, 0o700, 0o644, 0o4755, 0o2711))
    if kind == "x" and name != "symlink":
        return strategies.sampled_from((b"user.p", b"user.pq"))
    if kind in "px":
        return strategies.lists(strategies.sampled_from((b"a", b"b", b"c", b"d")), min_size=1, max_size=3).map(
            b"/".join
        )
    if name == "utimens":
        # Seconds that fsseq knows as set, see EXPLICIT_FROM in workloads/fsseq/execute.h.
        return strategies.integers(1_000_000_000, 1_000_999_999) if at == 1 else strategies.integers(0, 999_999_999)
    return strategies.sampled_from(
        (0, 1000, 70000) if name == "chown" else _NUMBERS[:3] if name == "setxattr" else _NUMBERS
    )
