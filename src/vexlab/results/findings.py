"""What kernels reported in all the runs of a store: each report with how often it was seen, and where last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select

from vexlab.results.schema import CaseRow, FindingRow, RunRow
from vexlab.results.store import Store
from vexlab.tables import visible

FOUND_MOST = 50
_Row = tuple[FindingRow, str, str, str, str, str]  # with case, kernel, run, target, and when the run began


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """One report: ``cases`` of ``runs`` showed it, from ``first`` to ``last`` (when these runs began, ISO 8601).

    ``run`` and ``case`` are the newest that did, ``excerpt`` the first lines of what the kernel said there.
    """

    title: str
    type: str
    frame: str
    fingerprint: str
    cases: int
    runs: int
    targets: tuple[str, ...]
    kernels: tuple[str, ...]
    first: str
    last: str
    run: str
    case: str
    excerpt: str


def reported(store: Store, words: str, most: int = FOUND_MOST) -> tuple[Reported, ...]:
    """Return the reports in whose title ``words`` stand, whose function they are, or whose fingerprint they begin.

    The last seen come first, ``most`` of them.
    """
    words = visible(words.strip())
    asked = (
        select(FindingRow, CaseRow.id, CaseRow.kernel, RunRow.id, RunRow.target, RunRow.started)
        .join(CaseRow, CaseRow.number == FindingRow.case)
        .join(RunRow, RunRow.id == CaseRow.run)
        .where(
            or_(
                func.lower(FindingRow.title).contains(words.lower(), autoescape=True),
                FindingRow.frame == words,
                FindingRow.fingerprint.startswith(words, autoescape=True),
            )
        )
        .order_by(RunRow.started, RunRow.id, CaseRow.number, FindingRow.place)
    )
    seen: dict[tuple[str, str], list[_Row]] = {}
    with store.reading() as session:
        for found, case, kernel, run, target, started in session.execute(asked):
            row = (found, case, kernel, run, target, started)
            seen.setdefault((found.fingerprint, found.title), []).append(row)
    every = sorted((_told(rows) for rows in seen.values()), key=lambda each: (each.last, each.cases), reverse=True)
    return tuple(every[:most])


def _told(rows: Sequence[_Row]) -> Reported:
    found, case, _, run, _, last = rows[-1]
    return Reported(
        title=found.title,
        type=found.type,
        frame=found.frame,
        fingerprint=found.fingerprint,
        cases=len({row[0].case for row in rows}),
        runs=len({row[3] for row in rows}),
        targets=_sorted(row[4] for row in rows),
        kernels=_sorted(row[2] for row in rows),
        first=rows[0][5],
        last=last,
        run=run,
        case=case,
        excerpt=found.excerpt,
    )


def _sorted(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({word for word in words if word}))
