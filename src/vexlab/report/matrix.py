"""The verdict table: domains down, kernels and configurations across, and the cases that differ among these. Pure."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from vexlab.model.case import CaseResult
from vexlab.model.verdict import Verdict

_STYLE = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "red",
    Verdict.CRASHED: "bold red",
    Verdict.SKIPPED: "yellow",
    Verdict.BLOCKED: "yellow",
    Verdict.ERROR: "magenta",
    Verdict.UNDECIDED: "magenta",
}


def verdict_table(cases: Sequence[CaseResult]) -> Table:
    """Return one row for each domain, one column for each kernel and configuration; each cell counts the verdicts."""
    places = _unique(case.key.place for case in cases)
    table = Table("domain", *map(escape, places), box=None, pad_edge=False)
    for domain in _unique(case.domain for case in cases):
        cells = [[case.verdict for case in cases if (case.domain, case.key.place) == (domain, at)] for at in places]
        table.add_row(escape(domain), *map(_cell, cells))
    for name, verdicts in _disagreements(cases):
        table.add_row(escape(f"  {name}"), *(Text(*_words(verdicts.get(at))) for at in places))
    return table


def _unique(names: Iterable[str]) -> list[str]:
    return sorted(dict.fromkeys(names))


def _cell(verdicts: Sequence[Verdict]) -> Text:
    counts = Counter(verdicts)
    parts = [
        Text(f"{counts[verdict]} {verdict.value}", style=_STYLE[verdict]) for verdict in Verdict if counts[verdict]
    ]
    return Text(", ").join(parts) if parts else Text("-", style="dim")


def _words(verdict: Verdict | None) -> tuple[str, str]:
    return (verdict.value, _STYLE[verdict]) if verdict else ("-", "dim")


def _disagreements(cases: Sequence[CaseResult]) -> list[tuple[str, dict[str, Verdict]]]:
    """Return each case with different verdicts in different places, its id without kernel and configuration."""
    found: dict[str, dict[str, Verdict]] = {}
    for case in cases:
        anywhere = dataclasses.replace(case.key.across_kernels, configuration="")
        found.setdefault(str(anywhere), {})[case.key.place] = case.verdict
    return [(name, verdicts) for name, verdicts in found.items() if len(set(verdicts.values())) > 1]
