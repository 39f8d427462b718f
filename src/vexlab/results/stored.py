"""What columns of the store hold, read back as values."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar

import msgspec

T = TypeVar("T")


class Unreadable(ValueError):
    """A column holds what nobody writes there: the database is damaged."""


# What reading a row raises where its columns do not hold what was written: no JSON, another shape, another word.
UNREADABLE = (Unreadable, msgspec.MsgspecError, json.JSONDecodeError)


def decoded(words: str, kind: type[T]) -> T:
    """Return what a column of JSON holds. msgspec is several times faster than json, and takes no lone surrogates."""
    try:
        return msgspec.json.decode(words, type=kind)
    except msgspec.DecodeError:
        return msgspec.convert(json.loads(words), kind)


def read_as(kind: Callable[[str], T], word: str) -> T:
    """Return what ``kind`` makes of a column's word, a verdict or a time; raise ``Unreadable`` where it takes none."""
    try:
        return kind(word)
    except ValueError as error:
        raise Unreadable(str(error)) from error
