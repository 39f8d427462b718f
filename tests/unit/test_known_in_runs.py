"""Known issues in a run: visible, no failure of the run; what no longer holds is told."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.unit.test_history import OOPS, WARN, result, run_info

from vexlab.classify.kernel_faults import KERNEL_FAULTS
from vexlab.classify.known import KnownIssue, load
from vexlab.errors import UsageError
from vexlab.model.case import CaseResult, RunResult, RunState, Summary
from vexlab.model.problem import distinct
from vexlab.model.request import Request
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.model.verdict import Verdict
from vexlab.report import junit, ktap
from vexlab.report.content import Content
from vexlab.report.terminal import Progress
from vexlab.session.execution import Ended
from vexlab.session.known import Tolerated, is_whole

TODAY = datetime.date(2026, 11, 28)
RELEASES = {"6.1": "6.1.0-56-cloud-amd64"}
FAILED = result("f", verdict=Verdict.FAILED, reason="the tree is not what it was: expected [a], got 7")


def _issue(**fields: object) -> KnownIssue:
    issue = KnownIssue(reason="fixed in 2.1", owner="storage", expires=TODAY)
    return dataclasses.replace(issue, **fields)  # type: ignore[arg-type]


def _marked(case: CaseResult, *issues: KnownIssue) -> CaseResult:
    return Tolerated(issues, RELEASES, TODAY).mark(case)


CHECKS = (
    SubResult(name="x.a", verdict=SubVerdict.FAILED, words="expected 2, got 1"),
    SubResult(name="x.b", verdict=SubVerdict.FAILED, words="expected EPERM, got 0"),
)
FAMILY = result("family", verdict=Verdict.FAILED, subresults=CHECKS, reason="2 of 2 checks failed: x.a: expected")
CAPABILITY = result("c", OOPS, WARN, reason="`link` is broken: it crashes")
CAPABILITY = dataclasses.replace(
    CAPABILITY, key=dataclasses.replace(CAPABILITY.key, name="capability", parameters="link")
)


@pytest.mark.parametrize(
    ("case", "issues", "excused"),
    [
        (result("a", OOPS), [{"title": "BUG: NULL in f"}], True),
        (result("a", OOPS, reason="BUG: NULL in f (while fscheck ran x)"), [{"title": "BUG: NULL in f"}], True),
        (result("a", OOPS), [{"fingerprint": OOPS.fingerprint}], True),
        (result("a", OOPS), [{"problem": f"finding:{OOPS.fingerprint}"}], True),
        (result("a", OOPS), [{"title": "BUG: NULL in f", "kernels": ("6.1.*",)}], True),
        (result("a", OOPS), [{"title": "BUG: NULL in f", "kernels": ("6.12.*",)}], False),
        (result("a", OOPS), [{"title": "BUG: NULL in f", "case": "d.a*"}], True),
        (result("a", OOPS), [{"title": "BUG: NULL in f", "case": "d.b[6.1]"}], False),
        (result("a", OOPS), [{"title": "BUG: NULL in f", "expires": TODAY - datetime.timedelta(1)}], False),
        (result("a", OOPS, WARN), [{"title": "WARNING in g"}], False),
        (result("a", OOPS, WARN), [{"title": "WARNING in g"}, {"title": "BUG: NULL in f"}], True),
        (result("a", OOPS), [{"case": "d.a[6.1]"}], False),
        (FAILED, [{"case": "d.f[6.1]"}], True),
        (FAILED, [{"case": "d.f"}], False),
        (FAILED, [{"title": "the tree is not what it was: expected [a], got 7"}], True),
        (FAILED, [{"title": "the tree is not what it was: *"}], True),
        (FAILED, [{"problem": distinct([FAILED])[0].key}], True),
        (FAMILY, [{"problem": "check:x.a"}], False),
        (FAMILY, [{"problem": "check:x.a"}, {"problem": "check:x.b"}], True),
        (CAPABILITY, [{"title": "WARNING in g"}], False),
        (CAPABILITY, [{"case": "d.capability*"}], False),
        (CAPABILITY, [{"problem": "capability:link"}], True),
    ],
)
def test_a_case_is_excused_where_every_problem_of_it_is_known(
    case: CaseResult, issues: Sequence[dict[str, object]], *, excused: bool
) -> None:
    assert _marked(case, *(_issue(**each) for each in issues)).excused is excused


def test_a_known_warning_does_not_hide_that_the_same_case_lost_data() -> None:
    case = result("a", WARN, reason="a file is lost: x\nkernel: WARNING in g")
    assert not _marked(case, _issue(title="WARNING in g")).excused
    assert _marked(case, _issue(title="WARNING in g"), _issue(title="a file is lost: x")).excused
    assert _marked(result("a", WARN, reason="WARNING in g"), _issue(title="WARNING in g")).excused


def test_what_passed_is_not_excused() -> None:
    assert not _marked(result("a"), _issue(case="d.a[6.1]")).excused


def _ended(*cases: CaseResult, stale: tuple[str, ...] = ()) -> Ended:
    run = dataclasses.replace(run_info(1), state=RunState.FINISHED)
    return Ended(
        result=RunResult(run=run, summary=Summary.of(cases), cases=cases, stale=stale),
        errors=(), internal=False, usage=False,
    )  # fmt: skip


KNOWN = _marked(result("a", OOPS), _issue(title="BUG: NULL in f"))


@pytest.mark.parametrize(
    ("cases", "stale", "code"),
    [
        ((KNOWN,), (), 0),
        ((KNOWN, result("b")), (), 0),
        ((KNOWN, result("b", OOPS)), (), 1),
        ((KNOWN, result("b", verdict=Verdict.ERROR)), (), 3),
        ((KNOWN, result("b", verdict=Verdict.BLOCKED)), (), 4),
        ((KNOWN,), ("an entry",), 1),
        ((result("b"),), ("an entry",), 1),
        ((result("b", verdict=Verdict.ERROR),), ("an entry",), 3),
    ],
)
def test_the_exit_status_is_that_of_what_is_not_known(
    cases: tuple[CaseResult, ...], stale: tuple[str, ...], code: int
) -> None:
    assert _ended(*cases, stale=stale).exit_code == code


def test_what_is_known_stays_visible_in_terminal_and_junit(capfd: pytest.CaptureFixture[str]) -> None:
    ended = _ended(KNOWN, result("b")).result
    with Progress(plain=True) as progress:
        progress.finished(KNOWN)
        progress.end(ended, 1.0, "/e")
    said = capfd.readouterr()
    assert "CRASHED" in said.err
    assert "known issue: fixed in 2.1 (storage, until 2026-11-28)" in said.err
    assert "1 crashed · 1 of these known" in said.out
    assert "verdict: PASSED: nothing was found but known issues, in one case" in said.out
    (suite,) = ElementTree.fromstring(junit.render(Content.of(ended)))
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "1")
    skipped = suite.find("testcase/skipped")
    assert skipped is not None
    assert b"\nok 1 d.a[6.1] # SKIP crashed: known issue: fixed in 2.1" in ktap.render(Content.of(ended))
    assert skipped.get("message", "").startswith("known issue: fixed in 2.1 (storage, until 2026-11-28)")


def test_a_failed_check_of_an_excused_case_is_red_in_no_format() -> None:
    known = _marked(FAMILY, _issue(problem="check:x.a"), _issue(problem="check:x.b"))
    content = Content.of(_ended(known).result)
    assert b"not ok" not in ktap.render(content)
    assert b"<failure" not in junit.render(content)
    red = Content.of(_ended(_marked(FAMILY, _issue(problem="check:x.a"))).result)
    assert ktap.render(red).count(b"not ok") == 3
    assert junit.render(red).count(b"<failure") == 3


def test_what_is_joined_with_a_capability_names_the_key_by_which_a_case_shows_it() -> None:
    words = "cannot be made\nthe kernel said: VEXFS-fs error (vdc): directory 12 is bad"
    capability = dataclasses.replace(
        CAPABILITY, verdict=Verdict.FAILED, findings=(), reason=f"`link` is broken: {words}"
    )
    other = result("f", verdict=Verdict.FAILED, reason=words)
    (problem,) = distinct([capability, other])
    (key,) = problem.also
    assert key.startswith("log:")
    marked = [_marked(case, _issue(problem="capability:link"), _issue(problem=key)) for case in (capability, other)]
    assert [case.excused for case in marked] == [True, True]
    assert distinct(marked)[0].known == "fixed in 2.1 (storage, until 2026-11-28)"


def test_a_problem_is_known_where_it_is_in_every_case_that_shows_it() -> None:
    elsewhere = _marked(result("b", OOPS), _issue(title="BUG: NULL in f"))
    assert distinct([KNOWN, elsewhere])[0].known == "fixed in 2.1 (storage, until 2026-11-28)"
    assert distinct([KNOWN, result("b", OOPS)])[0].known == ""


def test_entries_that_expired_or_no_longer_happen_are_told() -> None:
    old = _issue(title="BUG: NULL in f", expires=TODAY - datetime.timedelta(1))
    gone, of_case, other = _issue(title="WARNING in g"), _issue(title="WARNING", case="d.a*"), _issue(case="d.z")
    elsewhere = _issue(title="WARNING in h", kernels=("6.12.*",))
    happens = _issue(title="BUG: NULL in f")
    tolerated = Tolerated([old, gone, of_case, other, elsewhere, happens], RELEASES, TODAY)
    cases = [tolerated.mark(result("a", OOPS)), tolerated.mark(result("b"))]
    whole = tolerated.stale(cases, whole=True)
    assert [words.partition(": ")[2].partition(" (")[0] for words in whole] == [
        "BUG: NULL in f",
        "WARNING in g",
        "WARNING in d.a*",
    ]
    assert whole[0].startswith("known issue expired on 2026-11-27")
    assert whole[1].startswith("known issue no longer happens")
    assert tolerated.stale(cases, whole=False) == (whole[0], whole[2]), "a part of the cases says nothing of the others"


def test_a_fault_of_the_kernel_is_known_in_its_cases_and_versions_alone_and_never_missed() -> None:
    shipped = [_issue(title="WARNING in g", case="d.a*", kernels=("6.1.*",), expires=datetime.date.max)]
    tolerated = Tolerated((), RELEASES, TODAY, shipped=shipped)
    cases = [tolerated.mark(result(name, WARN)) for name in ("a", "b")]
    assert [case.excused for case in cases] == [True, False]
    assert cases[0].known[0].words == "fixed in 2.1 (storage)"
    assert tolerated.stale([tolerated.mark(result("a"))], whole=True) == ()
    assert not Tolerated((), {"6.1": "6.12.9"}, TODAY, shipped=shipped).mark(result("a", WARN)).excused


@pytest.mark.parametrize("entry", KERNEL_FAULTS, ids=lambda entry: entry.title)
def test_entries_about_kernels_are_bound_to_versions_and_cases(entry: KnownIssue) -> None:
    assert all((entry.title, entry.case, entry.kernels, entry.reason))
    assert not any(pattern.startswith("*") for pattern in (*entry.kernels, entry.case, entry.title))


def test_an_entry_is_not_missed_where_its_case_did_not_come_to_its_end() -> None:
    tolerated = Tolerated([_issue(title="WARNING", case="d.a*"), _issue(title="WARNING in g")], RELEASES, TODAY)
    assert tolerated.stale([result("a", verdict=Verdict.SKIPPED)], whole=True) == ()


def test_a_narrowed_run_is_not_whole() -> None:
    assert is_whole(Request(target="t", strict=True, known="f", jobs=2))
    for more in ({"quick": True}, {"level": 1}, {"cases": ("d",)}, {"duration_s": 9.0}, {"paths": ("p",)}):
        assert not is_whole(Request(**more))


def test_one_file_serves_logs_and_runs(tmp_path: Path) -> None:
    file = tmp_path / "known.toml"
    rest = 'reason = "r"\nowner = "o"\nexpires = 2026-11-28\n'
    file.write_text(f'[[issue]]\nproblem = "check:link.count"\ncase = "filesystem_operations.family[*"\n{rest}')
    (issue,) = load(file)
    assert (issue.name, issue.words) == (
        "check:link.count in filesystem_operations.family[*",
        "r (o, until 2026-11-28)",
    )
    for wrong in ('case = "d.*"', 'problem = "c*"'):
        file.write_text(f"[[issue]]\n{wrong}\n{rest}")
        with pytest.raises(UsageError, match="nobody has seen"):
            load(file)
