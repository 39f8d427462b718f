"""Files of settings and descriptions, which may be anybody's, read into dataclasses; unknown keys get a suggestion."""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
import stat
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from vexlab.errors import UsageError

T = TypeVar("T")

_MOST_BYTES = 1 << 20  # of a file; the longest known has some 50 KiB
DEEPEST = 32
# Basic and literal strings of TOML, of several lines or one, and comments: "a.b"  ·  'a.b'  ·  # a.b
_STRING = re.compile(r'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*', re.DOTALL)
_LONG_KEY = re.compile(r"(?<![\w-])(?:[\w-]+[ \t]*\.[ \t]*){" + str(DEEPEST) + "}")  # a.a.a.a
# Control characters, and those that turn the direction of a line or end it: "\x1b[2J"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def read_toml(path: Path, kind: type[T]) -> T:
    """Read the TOML file ``path`` into the dataclass ``kind``; raise ``UsageError`` that names file, key and remedy."""
    return decode(read_table(path), kind, source=str(path))


def read_table(path: Path) -> dict[str, object]:
    """Return what a TOML file holds; raise ``UsageError``.

    The file may be anybody's: one that is no regular file, too long or nested too deeply is refused before it can
    hold us up, and so are control characters in it, since what it says is printed.
    """
    text = read_text(path)
    if nested_too_deeply(text):
        raise UsageError(f"{path} is nested more than {DEEPEST} deep")
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: a date or number that Python does not have, too
        raise UsageError(f"{path} is not valid TOML: {visible(str(error))}") from error
    for value in texts_of(table):
        if has_control(value.replace("\n", "").replace("\t", "")):
            raise UsageError(f"{path}: there is a control character in `{visible(value)[:200]}`")
    return table


def visible(text: str) -> str:
    """Return ``text`` with control characters, other than the ends of lines and tabs, as escapes that do nothing."""
    return _CONTROL.sub(lambda found: found[0] if found[0] in "\n\t" else ascii(found[0])[1:-1], text)


def has_control(text: str) -> bool:
    """Return whether ``text`` cannot stand in one line of a terminal as it is."""
    return _CONTROL.search(text) is not None


def read_text(path: Path) -> str:
    """Return the text of a file that may be anybody's; raise ``UsageError`` where it is none, or far too long."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)  # opening a FIFO would else wait for a writer
        try:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                raise UsageError(f"{path} is no regular file")
            with open(number, "rb", closefd=False) as file:
                data = file.read(_MOST_BYTES + 1)
        finally:
            os.close(number)
        if len(data) > _MOST_BYTES:
            raise UsageError(f"{path} is longer than {_MOST_BYTES >> 20} MiB")
        return data.decode()
    except FileNotFoundError as error:
        raise UsageError(f"{path} does not exist") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def nested_too_deeply(text: str) -> bool:
    """Return whether brackets or dotted keys are nested too deeply for a parser that recurses or is quadratic."""
    bare = _STRING.sub("x", text)
    depth = 0
    for bracket in re.findall(r"[][{}]", bare):
        depth = max(0, depth + (1 if bracket in "[{" else -1))
        if depth > DEEPEST:
            return True
    return _LONG_KEY.search(bare) is not None


def texts_of(value: object) -> typing.Iterator[str]:
    """Yield every key and text of a parsed table, or of what is one in a program."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from value
        for each in value.values():
            yield from texts_of(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_of(each)


def decode(table: Mapping[str, object], kind: type[T], *, source: str) -> T:
    """Turn a parsed table into the dataclass ``kind``; raise ``UsageError`` for unknown keys and wrong types."""
    _reject_unknown(table, kind, where=source)
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise UsageError(f"{source}: {error}") from error


def _reject_unknown(table: Mapping[str, object], kind: object, *, where: str) -> None:
    hints = typing.get_type_hints(kind)
    known = [f.name for f in dataclasses.fields(typing.cast("type", kind))]
    for key, value in table.items():
        if key not in known:
            raise UsageError(f"{where}: unknown key `{key}`", hint=suggest(key, known))
        for name, each in _tables_in(key, value, hints[key]):
            for inner in _dataclasses_in(hints[key]):
                _reject_unknown(each, inner, where=f"{where} [{name}]")


def _tables_in(key: str, value: object, hint: object) -> typing.Iterator[tuple[str, Mapping[str, object]]]:
    """Yield the tables under ``key`` that must be of a kind, each with its name: ``run``, ``domains.integration``."""
    if isinstance(value, Mapping) and typing.get_origin(hint) is dict:
        yield from ((f"{key}.{name}", each) for name, each in value.items() if isinstance(each, Mapping))
        return
    for each in value if isinstance(value, list) else (value,):
        if isinstance(each, Mapping):
            yield key, each


def _dataclasses_in(hint: object) -> list[object]:
    if dataclasses.is_dataclass(hint):
        return [hint]
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) in (typing.Union, tuple, dict):
        return [found for part in typing.get_args(hint) for found in _dataclasses_in(part)]
    return []


def suggest(word: str, known: typing.Iterable[str]) -> str:
    """Return a did-you-mean sentence for ``word``, or the list of what is known."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    return f"did you mean `{close[0]}`?" if close else f"known: {', '.join(names)}"
