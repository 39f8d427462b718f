"""A run as two tables of comma-separated values (RFC 4180): its cases, and what they measured."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from vexlab.report.content import Content, bounded

# A spreadsheet takes a cell that begins with one of these for a formula, also one that a guest printed.
_FORMULA = ("=", "+", "-", "@", "\t")
_KEY = ("target", "configuration", "domain", "name", "parameters", "kernel", "flavour")
_CASE = ("level", "scenario", "safety", "verdict", "duration_s", "overhead_s")
_COUNTS = ("findings", "subresults", "metrics", "attempts")


def render_cases(content: Content) -> bytes:
    """Return a line for each case; of findings, checks, metrics and attempts their numbers."""
    rows = (
        [
            case.id,
            *(getattr(case.key, name) for name in _KEY),
            *(getattr(case, name) for name in _CASE),
            *(len(getattr(case, name)) for name in _COUNTS),
            case.reason,
            case.evidence,
        ]
        for case in content.cases
    )
    return _table(["id", *_KEY, *_CASE, *_COUNTS, "reason", "evidence"], rows)


def render_metrics(content: Content) -> bytes:
    """Return a line for each metric."""
    rows = ([case.id, each.name, each.value, each.unit, each.direction] for case, each in content.metrics)
    return _table(["case", "metric", "value", "unit", "direction"], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(head)
    for row in rows:
        writer.writerow([cell(each) if isinstance(each, str) else each for each in row])
    return file.getvalue().encode()


def cell(words: str) -> str:
    """Return what a cell may hold: bounded, and no formula."""
    words = bounded(str(words))
    return f"'{words}" if words.startswith(_FORMULA) else words
