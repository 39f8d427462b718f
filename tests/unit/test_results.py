"""The store keeps what is finished; the reports say what the store says."""

from __future__ import annotations

import concurrent.futures
import json
import multiprocessing
from pathlib import Path
from xml.etree import ElementTree

import pytest

from vexlab.errors import InfraError, UsageError
from vexlab.model.case import CaseResult, RunResult
from vexlab.model.report import Severity
from vexlab.model.verdict import Finding, Verdict
from vexlab.report import jsonfile, junit
from vexlab.report.terminal import printable
from vexlab.results.store import Store

HOSTILE = "\x1b[2J]]><script>\x00\ud800 end"


def _case(name: str, verdict: Verdict = Verdict.PASSED, reason: str = "") -> CaseResult:
    finding = Finding(title="T", type="BUG", severity=Severity.CRASH, frame="f", text=reason)
    findings = (finding,) if verdict is Verdict.CRASHED else ()
    return CaseResult(
        id=f"d.{name}", node=f"t.py::{name}", domain="d", level=1, kernel="6.1", verdict=verdict,
        reason=reason, findings=findings, metrics={"load_s": 0.5}, evidence=f"cases/d.{name}",
    )  # fmt: skip


def _stored(tmp_path: Path, *cases: CaseResult) -> RunResult:
    store = Store(tmp_path)
    run, folder = store.begin("vexfs", ("6.1",), "tcg")
    assert folder.is_dir()
    for case in cases:
        store.save(run, case)
    return store.load("last")


def test_a_run_that_never_finished_keeps_its_cases(tmp_path: Path) -> None:
    _stored(tmp_path, _case("a"), _case("b", Verdict.FAILED, "why"))
    result = Store(tmp_path).load("last")
    assert [case.id for case in result.cases] == ["d.a", "d.b"]
    assert result.run.finished == ""
    assert result.cases[0] == _case("a")


def test_a_case_run_again_replaces_its_result(tmp_path: Path) -> None:
    result = _stored(tmp_path, _case("a", Verdict.ERROR), _case("a"))
    assert [case.verdict for case in result.cases] == [Verdict.PASSED]


def test_unknown_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run `x`"):
        Store(tmp_path).load("x")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InfraError, match="cannot be written"):
        Store(tmp_path / "file" / "results")


def test_json_has_the_promised_shape(tmp_path: Path) -> None:
    document = json.loads(jsonfile.render(_stored(tmp_path, _case("a", Verdict.CRASHED, "text"))))
    assert set(document) == {"run", "summary", "cases"}
    assert {"id", "target", "kernels", "accelerator", "started", "finished"} <= set(document["run"])
    assert document["summary"] == {"passed": 0, "failed": 0, "crashed": 1, "skipped": 0, "errors": 0, "stability": 4.8}
    (case,) = document["cases"]
    wanted = {"id", "domain", "level", "kernel", "verdict", "reason", "duration_s", "findings", "metrics", "evidence"}
    assert wanted <= set(case)
    assert {"title", "type", "frame"} <= set(case["findings"][0])


def test_junit_survives_hostile_text(tmp_path: Path) -> None:
    text = HOSTILE.replace("\ud800", "")
    document = junit.render(_stored(tmp_path, _case("a", Verdict.CRASHED, text), _case("b", Verdict.SKIPPED, text)))
    (suite,) = ElementTree.fromstring(document)
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "1", "1")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.get("type") == "crashed"
    assert "\x1b" not in (failure.text or "")


def test_terminal_text_cannot_drive_the_terminal() -> None:
    assert "\x1b" not in printable(HOSTILE)


def test_readers_do_not_disturb_a_run(tmp_path: Path) -> None:
    with concurrent.futures.ProcessPoolExecutor(3, multiprocessing.get_context("fork")) as readers:
        waiting = [readers.submit(read_often, tmp_path) for _ in range(3)]
        store = Store(tmp_path)
        run, _ = store.begin("vexfs", ("6.1",), "tcg")
        for number in range(30):
            store.save(run, _case(str(number)))
        for each in waiting:
            each.result()
    assert len(store.load("last").cases) == 30


def read_often(folder: Path) -> None:
    for _ in range(20):
        store = Store(folder)
        store.runs()
        store.close()
