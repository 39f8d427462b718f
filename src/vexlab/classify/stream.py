"""Logs of any length in bounded memory: classify() over a window that slides along the text."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from vexlab.classify.core import classify
from vexlab.model.report import Report

BLOCK = 8 << 20  # characters classified at once
KEEP = 1 << 20  # characters at a block's end that are read again with the next block


def classify_stream(chunks: Iterable[str], *, target_modules: Collection[str] = ()) -> Iterator[Report]:
    """Yield the reports of a log that comes in pieces, in order; line numbers count over the whole log.

    Memory is bounded by the block, not by the log. A report that begins near a block's end is read together
    with what follows it, so that it is whole.
    """
    buffer: list[str] = []
    size = lines = 0
    for chunk in chunks:
        buffer.append(chunk)
        size += len(chunk)
        if size < BLOCK:
            continue
        text = "".join(buffer)
        cut = text.rfind("\n", 0, len(text) - KEEP) + 1 or len(text) - KEEP
        reports = classify(text, target_modules=target_modules)
        kept_from = _first_open(text, cut, reports)
        last_line = text.count("\n", 0, kept_from)
        for report in reports:
            if report.first_line <= last_line:
                yield _shift(report, lines)
        buffer = [text[kept_from:]]
        size = len(buffer[0])
        lines += last_line
    for report in classify("".join(buffer), target_modules=target_modules):
        yield _shift(report, lines)


def _first_open(text: str, cut: int, reports: tuple[Report, ...]) -> int:
    """Where the next block begins: at the cut, or later behind a report that reaches over it."""
    line = text.count("\n", 0, cut) + 1
    for report in reports:
        if report.first_line < line <= report.last_line:
            return _line_start(text, cut, report.last_line - line + 1)
    return cut


def _line_start(text: str, pos: int, lines: int) -> int:
    for _ in range(lines):
        newline = text.find("\n", pos)
        if newline < 0:
            return len(text)
        pos = newline + 1
    return pos


def _shift(report: Report, lines: int) -> Report:
    if not lines:
        return report
    return replace(report, first_line=report.first_line + lines, last_line=report.last_line + lines)
