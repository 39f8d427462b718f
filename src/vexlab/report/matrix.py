"""The verdict table: domains down, kernels across, and the cases on which the kernels do not agree. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

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
    """Return one row for each domain and one column for each kernel; each cell counts the verdicts."""
    kernels = _unique(case.kernel for case in cases)
    table = Table("domain", *kernels, box=None, pad_edge=False)
    for domain in _unique(case.domain for case in cases):
        cells = [[case.verdict for case in cases if (case.domain, case.kernel) == (domain, k)] for k in kernels]
        table.add_row(domain, *map(_cell, cells))
    for name, verdicts in _disagreements(cases):
        table.add_row(f"  {name}", *(Text(*_words(verdicts.get(kernel))) for kernel in kernels))
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
    """Return each case with different verdicts on different kernels, its id without the kernel."""
    found: dict[str, dict[str, Verdict]] = {}
    for case in cases:
        found.setdefault(str(case.key.across_kernels), {})[case.kernel] = case.verdict
    return [(name, verdicts) for name, verdicts in found.items() if len(set(verdicts.values())) > 1]
