"""The history of problems: a problem is only fixed where a run looked for it again."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from vexlab.errors import UsageError
from vexlab.model.case import CaseResult, RunInfo, RunState
from vexlab.model.history import History, PastRun, Standing, histories, looked, sightings
from vexlab.model.key import CaseKey
from vexlab.model.problem import GROUPING
from vexlab.model.provenance import Provenance
from vexlab.model.report import Severity
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.model.verdict import Finding, Verdict
from vexlab.report.content import Content
from vexlab.report.problems import render_problems
from vexlab.report.renderers import FORMATS
from vexlab.results.history import problems_of
from vexlab.results.schema import ProblemRow, RunRow
from vexlab.results.store import Store

pytestmark = pytest.mark.usefixtures("each_database")

OOPS = Finding(title="BUG: NULL in f", type="BUG", severity=Severity.CRASH, fingerprint="a" * 16)
WARN = Finding(title="WARNING in g", type="WARNING", severity=Severity.WARNING, fingerprint="b" * 16)


def run_info(number: int, target: str = "vexfs") -> RunInfo:
    """Return the run that began on the day ``number``."""
    return RunInfo(
        id=f"202611{number:02}-000000-0000", target=target, kernels=("6.1",), accelerator="tcg",
        started=f"2026-11-{number:02}T00:00:00+00:00", provenance=Provenance(revision=f"v{number}"),
    )  # fmt: skip


def result(name: str, *findings: Finding, digest: str = "0" * 16, **fields: object) -> CaseResult:
    """Return a case that crashed with ``findings``, or passed without any."""
    case = CaseResult(
        key=CaseKey(domain="d", name=name, kernel="6.1", target="vexfs"), node=f"t.py::{name}", level=1, digest=digest,
        verdict=Verdict.CRASHED if findings else Verdict.PASSED, findings=findings, evidence=f"/e/{name}",
    )  # fmt: skip
    return dataclasses.replace(case, **fields)  # type: ignore[arg-type]


def _histories(*runs: tuple[CaseResult, ...]) -> tuple[History, ...]:
    infos = [run_info(number) for number in range(1, len(runs) + 1)]
    found = [each for info, cases in zip(infos, runs, strict=True) for each in sightings(info, cases)]
    past = [
        PastRun(id=info.id, started=info.started, looked={case.key: looked(case) for case in cases})
        for info, cases in zip(infos, runs, strict=True)
    ]
    return histories(found, past)


BAD, GOOD = (result("a", OOPS),), (result("a"),)


@pytest.mark.parametrize(
    ("runs", "standing"),
    [
        ((BAD,), Standing.NEW),
        ((GOOD, BAD), Standing.NEW),
        ((BAD, BAD), Standing.KNOWN),
        ((BAD, GOOD), Standing.FIXED),
        ((BAD, GOOD, GOOD), Standing.FIXED),
        ((BAD, GOOD, BAD), Standing.CAME_BACK),
        ((BAD, GOOD, BAD, BAD), Standing.KNOWN),
        ((BAD, ()), Standing.OPEN),
        ((BAD, (), BAD), Standing.KNOWN),
        ((BAD, (result("a", WARN),)), Standing.OPEN),
        ((BAD, (result("a", verdict=Verdict.SKIPPED),)), Standing.OPEN),
        ((BAD, (result("a", digest="1" * 16),)), Standing.OPEN),
        (((result("a", OOPS, digest=""),), (result("a", digest=""),)), Standing.OPEN),
        (((*BAD, result("b", OOPS)), GOOD), Standing.OPEN),
    ],
)
def test_a_problem_is_fixed_only_where_all_that_showed_it_ran_again_and_passed(
    runs: tuple[tuple[CaseResult, ...], ...], standing: Standing
) -> None:
    found = {each.problem.key: each.standing for each in _histories(*runs)}
    assert found[f"finding:{OOPS.fingerprint}"] is standing


def test_what_came_and_went_in_the_same_runs_is_proposed_as_one() -> None:
    both, oops = (result("a", OOPS), result("b", WARN)), (result("a", OOPS), result("b"))
    gone = (result("a"), result("b"))
    told = _histories(both, both, gone)
    assert {each.problem.title: each.together for each in told} == {
        "BUG: NULL in f": (f"finding:{WARN.fingerprint}",),
        "WARNING in g": (f"finding:{OOPS.fingerprint}",),
    }
    words = render_problems(run_info(3), told, 0, {})
    assert words.count("perhaps one cause") == 2
    assert "gone together with 1, seen in the same runs" in words
    assert not any(each.together for each in _histories(oops, both, gone)), "one was there before the other"
    assert not any(each.together for each in _histories(both, oops, gone)), "one went before the other"
    assert not any(each.together for each in _histories(both, both)), "both are there"


def test_a_check_is_fixed_where_it_passes_though_its_case_still_fails() -> None:
    def family(first: SubVerdict) -> tuple[CaseResult, ...]:
        checks = (SubResult(name="x.a", verdict=first), SubResult(name="x.b", verdict=SubVerdict.FAILED, words="w"))
        return (result("family", verdict=Verdict.FAILED, subresults=checks),)

    found = {
        each.problem.key: each.standing for each in _histories(family(SubVerdict.FAILED), family(SubVerdict.PASSED))
    }
    assert found == {"check:x.a": Standing.FIXED, "check:x.b": Standing.KNOWN}
    found = {
        each.problem.key: each.standing for each in _histories(family(SubVerdict.FAILED), family(SubVerdict.BLOCKED))
    }
    assert found["check:x.a"] is Standing.OPEN


def _keep(store: Store, number: int, *cases: CaseResult, target: str = "vexfs", finish: bool = True) -> RunInfo:
    info = run_info(number, target)
    store.begin(info, str(store.folder / info.id))
    for case in cases:
        store.save(info.id, case)
    if finish:
        store.note_problems(info, cases)
        store.finish(dataclasses.replace(info, finished=info.started, state=RunState.FINISHED))
    return info


def test_the_store_tells_when_a_problem_was_seen_first_and_last_and_what_was_fixed(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        _keep(store, 1, result("a", OOPS), result("b"))
        _keep(store, 2, result("a", OOPS), result("b", WARN))
        _keep(store, 3, result("a"), result("b", WARN))
        _keep(store, 4, result("other", OOPS), target="ext4")
        told = problems_of(store, target="vexfs")
        assert told.run.id == run_info(3).id
        warning, oops = told.problems
        assert (warning.problem.title, warning.standing, warning.runs) == ("WARNING in g", Standing.KNOWN, 2)
        assert (warning.first.revision, warning.last.revision, warning.kernels) == ("v2", "v3", ("6.1",))
        assert (oops.standing, oops.first.revision, oops.last.revision) == (Standing.FIXED, "v1", "v2")
        assert oops.fixed is not None
        assert oops.fixed.revision == "v3"
        (then,) = problems_of(store, run_info(1).id).problems
        assert (then.standing, then.runs) == (Standing.NEW, 1), "what came later is not known to the first run"
        (elsewhere,) = problems_of(store).problems
        assert elsewhere.standing is Standing.NEW, "the problem of another target is another one"


def test_the_problems_of_a_killed_run_are_noted_when_asked_for_and_of_one_that_goes_on_are_not(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store, closing(Store(tmp_path)) as other:
        info = _keep(store, 1, result("a", OOPS), finish=False)
        assert other.is_running(info.id)
        assert [each.standing for each in problems_of(other).problems] == [Standing.NEW]
        store.save(info.id, result("b", WARN))
        assert len(problems_of(other).problems) == 2, "a run that goes on was not taken for complete"
        store.close()
        assert not other.is_running(info.id)
        assert len(problems_of(other).problems) == 2
    with closing(Store(tmp_path)) as again:
        assert len(problems_of(again).problems) == 2


def test_what_was_noted_by_other_keys_is_noted_anew(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        info = _keep(store, 1, result("a", OOPS))
        with store.writing() as session:
            session.get_one(RunRow, info.id).grouping = GROUPING + 1
            session.get_one(ProblemRow, (info.id, f"finding:{OOPS.fingerprint}")).key = "finding:by another key"
        (history,) = problems_of(store).problems
        assert history.problem.key == f"finding:{OOPS.fingerprint}"
        with store.reading() as session:
            assert list(session.scalars(select(ProblemRow.key))) == [history.problem.key]


def test_what_was_noted_by_other_keys_is_not_told_beside_todays(tmp_path: Path) -> None:
    """A store that is only read keeps what it has, and tells what would be noted today."""
    with closing(Store(tmp_path)) as store:
        info = _keep(store, 1, result("a", OOPS))
        with store.writing() as session:
            session.get_one(RunRow, info.id).grouping = GROUPING + 1
            row = session.get_one(ProblemRow, (info.id, f"finding:{OOPS.fingerprint}"))
            row.key = "finding:by another key"
            row.sighting = {**row.sighting, "problem": {**row.sighting["problem"], "key": row.key}}
    with closing(Store(tmp_path, readonly=True)) as store:
        (history,) = problems_of(store).problems
        assert history.problem.key == f"finding:{OOPS.fingerprint}"


def test_a_problem_whose_words_are_no_text_is_noted_and_told(tmp_path: Path) -> None:
    """NUL, which PostgreSQL takes in no text, and half a surrogate pair, which is no UTF-8."""
    reason = "lost \x00 and \udcff in it"
    with closing(Store(tmp_path)) as store:
        info = _keep(store, 1, result("a", verdict=Verdict.FAILED, reason=reason))
        (history,) = problems_of(store).problems
        assert (history.problem.title, history.first.run) == (reason, info.id)
        for form in FORMATS:
            for part in form.parts if not form.charts else ():
                assert part.render(Content.of(store.load("last"))).decode(), form.name


def test_a_target_without_runs_is_named(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        _keep(store, 1, result("a"))
        with pytest.raises(UsageError, match="no run `last` of the target `xfs`"):
            problems_of(store, target="xfs")
