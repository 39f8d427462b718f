"""What kernels reported in all the runs of a store: each report with how often it was seen, and where last."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select, tuple_
from sqlalchemy.orm import Session

from vexlab.results.schema import CaseRow, FindingRow, RunRow
from vexlab.results.store import Store
from vexlab.tables import visible

FOUND_MOST = 50


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

    The last seen come first, ``most`` of them. The database counts: one report may be in each of a million results.
    """
    words = visible(words.strip())
    asked = or_(
        func.lower(FindingRow.title).contains(words.lower(), autoescape=True),
        FindingRow.frame == words,
        FindingRow.fingerprint.startswith(words, autoescape=True),
    )
    with store.reading() as session:
        return tuple(_told(session, asked, most))


def _told(session: Session, asked: ColumnElement[bool], most: int) -> Iterable[Reported]:
    last = func.max(FindingRow.case)
    counted = (
        select(FindingRow.fingerprint, FindingRow.title, func.count(FindingRow.case.distinct()), last)
        .add_columns(func.count(CaseRow.run.distinct()), func.min(RunRow.started), func.max(RunRow.started))
        .join(CaseRow, CaseRow.number == FindingRow.case)
        .join(RunRow, RunRow.id == CaseRow.run)
        .where(asked)
        .group_by(FindingRow.fingerprint, FindingRow.title)
        .order_by(func.max(RunRow.started).desc(), last.desc())
        .limit(most)
    )
    groups = session.execute(counted).all()
    places = _places(session, [(group[0], group[1]) for group in groups])
    for fingerprint, title, cases, newest, runs, first, final in groups:
        found = select(FindingRow, CaseRow.id, CaseRow.run).join(CaseRow, CaseRow.number == FindingRow.case)
        of_it = (FindingRow.case == newest, FindingRow.fingerprint == fingerprint, FindingRow.title == title)
        row, case, run = session.execute(found.where(*of_it).limit(1)).one()
        targets, kernels = (tuple(sorted(filter(None, each))) for each in places[fingerprint, title])
        yield Reported(
            title=title,
            type=row.type,
            frame=row.frame,
            fingerprint=fingerprint,
            cases=cases,
            runs=runs,
            targets=targets,
            kernels=kernels,
            first=first,
            last=final,
            run=run,
            case=case,
            excerpt=row.excerpt,
        )


def _places(session: Session, groups: list[tuple[str, str]]) -> dict[tuple[str, str], tuple[set[str], set[str]]]:
    """Return the targets and the kernels of each of ``groups``, reports by fingerprint and title."""
    found: dict[tuple[str, str], tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    asked = (
        select(FindingRow.fingerprint, FindingRow.title, RunRow.target, CaseRow.kernel)
        .join(CaseRow, CaseRow.number == FindingRow.case)
        .join(RunRow, RunRow.id == CaseRow.run)
        .where(tuple_(FindingRow.fingerprint, FindingRow.title).in_(groups))
        .distinct()
    )
    for fingerprint, title, target, kernel in session.execute(asked):
        targets, kernels = found[fingerprint, title]
        targets.add(target)
        kernels.add(kernel)
    return found
