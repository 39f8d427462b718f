"""What gcov says of one object (``gcov --json-format``, described in gcov(1)) as counts of files. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Collection
from itertools import zip_longest

import msgspec

from vexlab.model.coverage import FileCounts, FunctionCount

# What a compiler adds for its own ends: _sub_I_00100_0 sets the counters up, _sub_D_00099_1 is KASAN's.
_COMPILERS_OWN = ("_sub_I_", "_sub_D_", "_GLOBAL__")


class _Branch(msgspec.Struct):
    count: int = 0


class _Line(msgspec.Struct):
    line_number: int
    count: int
    branches: list[_Branch] = []


class _Function(msgspec.Struct):
    name: str
    start_line: int
    end_line: int
    execution_count: int


class _File(msgspec.Struct):
    file: str
    functions: list[_Function]
    lines: list[_Line]


class _Document(msgspec.Struct):
    files: list[_File]


def parse(document: bytes, sources: Collection[str]) -> dict[str, FileCounts]:
    """Return the counts of those files that are among ``sources``; headers of the kernel are left out.

    Raises ``ValueError`` for what gcov does not write.
    """
    try:
        files = msgspec.json.decode(document, type=_Document).files
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"no document of gcov's: {error}") from error
    found = {}
    for each in files:
        path = posixpath.normpath(each.file)
        if path in sources:
            found[path] = _counts(each)
    return found


def _counts(file: _File) -> FileCounts:
    """Return a file's counts; a line that stands there several times, as an inlined function's does, is one."""
    lines: dict[int, int] = {}
    branches: dict[int, tuple[int, ...]] = {}
    for each in file.lines:
        lines[each.line_number] = lines.get(each.line_number, 0) + max(each.count, 0)
        if each.branches:
            ways = [max(branch.count, 0) for branch in each.branches]
            known = branches.get(each.line_number, ())
            branches[each.line_number] = tuple(a + b for a, b in zip_longest(known, ways, fillvalue=0))
    functions = [
        FunctionCount(name=each.name, first=each.start_line, last=each.end_line, calls=max(each.execution_count, 0))
        for each in file.functions
        if not each.name.startswith(_COMPILERS_OWN)
    ]
    return FileCounts(
        lines=lines, branches=branches, functions=tuple(sorted(functions, key=lambda each: (each.first, each.name)))
    )
