"""The store keeps what is finished; the reports say what the store says."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import multiprocessing
from pathlib import Path
from xml.etree import ElementTree

import pytest

from vexlab.errors import InfraError, UsageError
from vexlab.model.case import CaseResult, Plan, PlannedCase, RunInfo, RunResult, RunState, Summary, with_undecided
from vexlab.model.key import CaseKey
from vexlab.model.metric import measured
from vexlab.model.report import Severity
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.model.verdict import Finding, Verdict
from vexlab.report import jsonfile, junit
from vexlab.report.content import Content
from vexlab.report.terminal import printable
from vexlab.results.store import Store

pytestmark = pytest.mark.usefixtures("each_database")

HOSTILE = "\x1b[2J]]><script>\x00\ud800 end"


def key(name: str) -> CaseKey:
    """Return the key of a case."""
    return CaseKey(domain="d", name=name, kernel="6.1", target="vexfs")


def _case(name: str, verdict: Verdict = Verdict.PASSED, reason: str = "") -> CaseResult:
    finding = Finding(
        title="T", type="BUG", severity=Severity.CRASH, frame="f", text=reason, fingerprint="0123456789abcdef"
    )
    findings = (finding,) if verdict is Verdict.CRASHED else ()
    return CaseResult(
        key=key(name), node=f"t.py::{name}", level=1, verdict=verdict,
        reason=reason, findings=findings, metrics=(measured("load_s", 0.5),), evidence=f"cases/d.{name}",
    )  # fmt: skip


def begun(store: Store, name: str = "20261128-000000-0000") -> RunInfo:
    """Begin a run in ``store``."""
    run = RunInfo(id=name, target="vexfs", kernels=("6.1",), accelerator="tcg", started="2026-11-28T00:00:00+00:00")
    store.begin(run, str(store.folder / name))
    return run


def _stored(tmp_path: Path, *cases: CaseResult) -> RunResult:
    store = Store(tmp_path)
    run = begun(store)
    for case in cases:
        store.save(run.id, case)
    return store.load("last")


def test_a_run_that_never_finished_keeps_its_cases(tmp_path: Path) -> None:
    _stored(tmp_path, _case("a"), _case("b", Verdict.FAILED, "why"))
    result = Store(tmp_path).load("last")
    assert [case.id for case in result.cases] == ["d.a[6.1]", "d.b[6.1]"]
    assert result.run.finished == ""
    assert result.cases[0] == _case("a")


def test_a_result_never_replaces_another(tmp_path: Path) -> None:
    with pytest.raises(InfraError, match=r"two results of the case d\.a"):
        _stored(tmp_path, _case("a", Verdict.FAILED), _case("a"))
    assert [case.verdict for case in Store(tmp_path).load("last").cases] == [Verdict.FAILED]


def _planned(*names: str) -> Plan:
    cases = (PlannedCase(key=key(name), node=f"t.py::{name}", level=1) for name in names)
    return Plan(cases=tuple(cases))


def test_a_killed_run_names_what_it_did_not_come_to(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run = begun(store)
    store.plan(run.id, _planned("a", "b"))
    store.save(run.id, _case("a"))
    result = Store(tmp_path).load("last")
    assert [(case.id, case.verdict) for case in result.cases] == [
        ("d.a[6.1]", Verdict.PASSED),
        ("d.b[6.1]", Verdict.UNDECIDED),
    ]
    assert result.run.state is RunState.RUNNING
    assert result.summary.exit_code == 3, "a pass of the first says nothing of the second"


def test_undecided_cases_are_told_in_every_report(tmp_path: Path) -> None:
    cases = with_undecided(_planned("a", "b"), (_case("a"),), {"t.py::b": "its process died"}, "other")
    result = dataclasses.replace(_stored(tmp_path), cases=cases, summary=Summary.of(cases))
    told = json.loads(jsonfile.render(Content.of(result)))["cases"]
    (case,) = [each for each in told if each["verdict"] == "undecided"]
    assert (case["id"], case["reason"]) == ("d.b[6.1]", "its process died")
    (suite,) = ElementTree.fromstring(junit.render(Content.of(result)))
    assert suite.get("errors") == "1"
    error = suite.find("testcase/error")
    assert error is not None
    assert error.get("type") == "undecided"


def test_two_cases_of_one_id_are_no_plan() -> None:
    plan = Plan(cases=(*_planned("a", "b").cases, dataclasses.replace(_planned("a").cases[0], node="u.py::a")))
    assert plan.duplicates == (("d.a[6.1]", ("t.py::a", "u.py::a")),)
    assert "d.a[6.1] is the id of 2 cases" in plan.refusal


def test_unknown_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run `x`"):
        Store(tmp_path).load("x")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InfraError, match="cannot be written"):
        Store(tmp_path / "file" / "results")


def test_json_has_the_promised_shape(tmp_path: Path) -> None:
    document = json.loads(jsonfile.render(Content.of(_stored(tmp_path, _case("a", Verdict.CRASHED, "text")))))
    assert set(document) == {"version", "run", "summary", "problems", "profiles", "stale", "advice", "flaky", "cases"}
    assert {"id", "target", "kernels", "accelerator", "started", "finished"} <= set(document["run"])
    assert document["summary"] == {
        "passed": 0, "failed": 0, "crashed": 1, "skipped": 0, "errors": 0, "blocked": 0, "known": 0,
        "undecided": 0, "stability": 4.8,
    }  # fmt: skip
    (case,) = document["cases"]
    wanted = {"id", "domain", "level", "kernel", "verdict", "reason", "duration_s", "findings", "metrics", "evidence"}
    assert wanted <= set(case)
    assert case["metrics"] == [{"name": "load_s", "value": 0.5, "unit": "s", "direction": "lower"}]
    assert {"title", "type", "frame"} <= set(case["findings"][0])
    assert case["findings"][0]["fingerprint"] == "0123456789abcdef"


def test_junit_survives_hostile_text(tmp_path: Path) -> None:
    text = HOSTILE.replace("\ud800", "")
    result = _stored(tmp_path, _case("a", Verdict.CRASHED, text), _case("b", Verdict.SKIPPED, text))
    document = junit.render(Content.of(result))
    (suite,) = ElementTree.fromstring(document)
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "1", "1")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.get("type") == "crashed"
    assert "\x1b" not in (failure.text or "")


def test_checks_of_a_case_are_told_and_are_not_counted_as_cases(tmp_path: Path) -> None:
    checks = (
        SubResult(name="link.count", verdict=SubVerdict.PASSED, duration_s=0.25),
        SubResult(name="link.hard", verdict=SubVerdict.REFUSED, words=f"no hard links {HOSTILE[:4]}"),
    )
    result = _stored(tmp_path, dataclasses.replace(_case("a"), subresults=checks))
    (case,) = json.loads(jsonfile.render(Content.of(result)))["cases"]
    assert case["subresults"][0] == {"name": "link.count", "verdict": "passed", "words": "", "duration_s": 0.25}
    suite, of_checks = ElementTree.fromstring(junit.render(Content.of(result)))
    assert suite.get("tests") == str(len(suite.findall("testcase"))) == "1"
    assert (of_checks.get("tests"), of_checks.get("skipped"), of_checks.get("failures")) == ("2", "1", "0")
    assert [case.get("name") for case in of_checks] == ["link.count", "link.hard"]
    assert suite.findtext("testcase/system-out") == "passed  link.count\nrefused link.hard no hard links \ufffd[2J"


def test_terminal_text_cannot_drive_the_terminal() -> None:
    assert "\x1b" not in printable(HOSTILE)


def test_readers_do_not_disturb_a_run(tmp_path: Path) -> None:
    with concurrent.futures.ProcessPoolExecutor(3, multiprocessing.get_context("fork")) as readers:
        waiting = [readers.submit(read_often, tmp_path) for _ in range(3)]
        store = Store(tmp_path)
        run = begun(store)
        for number in range(30):
            store.save(run.id, _case(str(number)))
        for each in waiting:
            each.result()
    assert len(store.load("last").cases) == 30


def read_often(folder: Path) -> None:
    for _ in range(20):
        store = Store(folder)
        store.runs()
        store.close()
