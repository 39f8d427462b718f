"""The measure of the crash corpus, which lies outside the checkout (``VEXLAB_CORPUS``)."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vexlab.classify import classify

pytestmark = pytest.mark.corpus


def answers(log: str) -> list[dict[str, Any]]:
    """What the corpus' score.py wants of a classifier: ``score.py tests.unit.classify.test_corpus:answers FILE``."""
    return [
        {
            "title": report.title,
            "type": report.type,
            "frame": report.frame,
            "corrupted": report.corrupted,
            "alt_titles": list(report.alt_titles),
            "suppressed": report.suppressed,
            "executor": report.executor or None,
            "report": report.text,
        }
        for report in classify(log)
    ]


@pytest.fixture(scope="module")
def judged(corpus: Path) -> list[tuple[dict[str, Any], dict[str, Any] | None]]:
    return [(record, next(iter(answers(record["log"])), None)) for record in _records(corpus)]


def _records(corpus: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(corpus / "dev.jsonl.gz", "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def _share(pairs: list[tuple[Any, Any]]) -> float:
    return sum(1 for got, want in pairs if got == want) / len(pairs)


def test_titles(judged: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    pairs = [(got and got["title"], want["title"]) for want, got in judged if not want["no_crash"]]
    assert _share(pairs) >= 0.99


def test_types(judged: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    pairs = [(got and got["type"], want["type"]) for want, got in judged if not want["no_crash"]]
    assert _share(pairs) >= 0.99


def test_frames(judged: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    named = [(want, got) for want, got in judged if want["frame"] not in (None, "corrupted")]
    assert _share([(got and got["frame"], want["frame"]) for want, got in named]) >= 0.99


def test_corrupted_flag(judged: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    pairs = [(bool(got and got["corrupted"]), want["corrupted"]) for want, got in judged if not want["no_crash"]]
    hits = pairs.count((True, True))
    assert 2 * hits / (2 * hits + pairs.count((True, False)) + pairs.count((False, True))) >= 0.99


def test_nothing_is_reported_where_nothing_happened(judged: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    assert [want["id"] for want, got in judged if want["no_crash"] and got] == []


# [   12.345678][  T321] ...    (the first line's prefix, from which the lines of an ordinary log are made)
_STAMPED = re.compile(r"(?:<\d+>)?\[ *\d+\.\d+\](?P<mark>\[ *[TC]\d+\])?")


def _amid_life(log: str) -> str:
    """The log among lines of an ordinary one: what the minimal logs of the corpus lack."""
    stamped = _STAMPED.match(log.lstrip("\n"))
    mark = (stamped["mark"] or "") if stamped else ""
    before, after = (
        "".join((f"[ {base + i}.000000]{mark} " if stamped else "") + f"demo: line {i}\n" for i in range(1, 80))
        for base in (0, 999_000)
    )
    return before + log + after


def test_reports_are_believed_amid_an_ordinary_log(corpus: Path) -> None:
    whole = [want for want in _records(corpus) if not (want["no_crash"] or want["corrupted"])]
    found = [(next(iter(answers(_amid_life(want["log"]))), None), want) for want in whole]
    assert _share([(got and got["title"], want["title"]) for got, want in found]) >= 0.99
