"""The digest of a case's code: results of two runs are only compared where the case itself is the same."""

from __future__ import annotations

import ast
import functools
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import vexlab.guest as guest
from vexlab.workloads import LIBRARY, SCRIPTS

_DIGITS = 16  # hex digits
_GUEST_MODULE = re.compile(rb"^from vexlab\.guest\.(\w+) import ", re.MULTILINE)
_GUEST_IMPORT = re.compile(rb"^from (\w+) import ", re.MULTILINE)  # of a program of the guest's
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def case_digest(item: pytest.Item) -> str:
    """Return 16 hex digits of the code that makes the case.

    It is made of the file of the case without the other cases in it, of the files beside it that hold none
    (``conftest.py`` and what the folder's cases share), and of the guest's programs that these import or name
    (``workloads/scripts``), with what those programs import of ``LIBRARY``. Empty where there is no source to read.
    """
    file = Path(item.path)
    try:
        own = _without_others(file, getattr(item, "originalname", "") or item.name)
        parts = (own, *map(_content, _helpers(file.parent)))
        parts = (*parts, *map(_content, _programs(b"".join(parts))))
    except (OSError, SyntaxError, ValueError):  # it was imported, so it has changed since, or is no Python
        return ""
    made = hashlib.sha256()
    for part in parts:
        made.update(len(part).to_bytes(8, "little") + part)
    return made.hexdigest()[:_DIGITS]


def _helpers(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*.py") if not file.name.startswith("test_"))


def _programs(text: bytes) -> list[Path]:
    """Return the guest's programs that ``text`` names, and those of the modules of ``guest`` that it imports."""
    modules = sorted({name.decode() for name in _GUEST_MODULE.findall(text)})
    files = [Path(guest.__path__[0], f"{name}.py") for name in modules]
    named = text + b"".join(_content(file) for file in files if file.is_file())
    programs = [file for file in sorted(SCRIPTS.iterdir()) if file.is_file() and file.name.encode() in named]
    imported = set(_GUEST_IMPORT.findall(b"".join(map(_content, programs))))
    return [*programs, *(file for file in LIBRARY if file.suffix == ".py" and file.stem.encode() in imported)]


def _content(file: Path) -> bytes:
    return _read(file, file.stat().st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _read(file: Path, _changed: int) -> bytes:
    return file.read_bytes()


def _without_others(file: Path, name: str) -> bytes:
    """Return the lines of ``file`` less those of the cases that are not called ``name``."""
    text = _content(file)
    lines = text.splitlines(keepends=True)
    kept: list[bytes] = []
    at = 0
    for case, first, last in _cases(text):
        if case != name:
            kept += lines[at:first]
            at = last
    return b"".join([*kept, *lines[at:]])


@functools.lru_cache(maxsize=256)
def _cases(text: bytes) -> tuple[tuple[str, int, int], ...]:
    """Return of each case in a file its name, the index of its first line and that after its last, by place."""
    spans = []
    for function in _functions(ast.parse(text)):
        first = min([function.lineno, *(each.lineno for each in function.decorator_list)])
        spans.append((function.name, first - 1, function.end_lineno or function.lineno))
    return tuple(sorted(spans, key=lambda span: span[1]))


def _functions(tree: ast.Module) -> Iterator[_Function]:
    """Yield the cases of a module: its functions called ``test…``, and the methods of its classes that are."""
    bodies = [tree.body, *(each.body for each in tree.body if isinstance(each, ast.ClassDef))]
    for body in bodies:
        yield from (each for each in body if isinstance(each, _Function) and each.name.startswith("test"))
