"""Avocado's status of a case: no success but that of a case which passed in a run that ended well."""

from __future__ import annotations

import json

import pytest

from vexlab.model.verdict import Verdict
from vexlab_avocado.outcome import STATUSES, judge

ID = "domain.name[6.1]"
BUILD = "kernel_module.build[6.1]"
FINDING = {"title": "BUG: KASAN: use-after-free in vexfs_write", "type": "KASAN", "severity": "crash"}


def _case(verdict: str, **more: object) -> dict[str, object]:
    return {"id": ID, "verdict": verdict, "kernel": "6.1", "target": "vexfs", **more}


def _document(*cases: dict[str, object]) -> bytes:
    return json.dumps({"run": {"id": "r1", "accelerator": "tcg"}, "cases": cases}).encode()


@pytest.mark.parametrize(
    ("verdict", "status", "result"),
    [
        ("passed", 0, "pass"),
        ("failed", 1, "fail"),
        ("crashed", 1, "fail"),
        ("skipped", 4, "skip"),
        ("blocked", 4, "error"),
        ("error", 3, "error"),
        ("undecided", 3, "error"),
        ("something later", 0, "error"),
    ],
)
def test_each_verdict_has_a_status(verdict: str, status: int, result: str) -> None:
    outcome = judge(_document(_case(verdict, reason="why")), ID, status, "")
    assert outcome.result == result
    assert outcome.reason == ("" if result == "pass" else "why")


def test_every_verdict_of_vexlab_is_in_the_table() -> None:
    assert set(STATUSES) == {verdict.value for verdict in Verdict}


@pytest.mark.parametrize("status", [1, 2, 3, 4, 130, -9])
def test_a_passed_case_of_a_run_that_did_not_end_well_is_an_error(status: int) -> None:
    outcome = judge(_document(_case("passed")), ID, status, "vexlab: the disk is full\n")
    assert outcome.result == "error"
    assert "the disk is full" in outcome.reason


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"", "told nothing"),
        (b"{", "cannot be read"),
        (b"[]", "cannot be read"),
        (_document(), "told nothing"),
        (_document(_case("passed") | {"id": "domain.other[6.1]"}), "told nothing"),
        (_document(_case("skipped") | {"id": "domain.other[6.1]"}), "told nothing"),
        (json.dumps({"cases": [{"verdict": "passed"}]}).encode(), "cannot be read"),
    ],
)
@pytest.mark.parametrize("status", [0, 4])
def test_what_tells_nothing_of_the_case_is_an_error(document: bytes, words: str, status: int) -> None:
    outcome = judge(document, ID, status, "")
    assert outcome.result == "error"
    assert words in outcome.reason


def test_a_module_that_does_not_build_fails_the_test() -> None:
    broken = _case("failed", reason="vexfs does not build") | {"id": BUILD}
    outcome = judge(_document(_case("undecided"), broken), ID, 1, "")
    assert outcome.result == "fail"
    assert "does not build" in outcome.reason


def test_what_the_kernel_said_is_the_reason_and_its_kind_the_class() -> None:
    outcome = judge(_document(_case("crashed", findings=[FINDING], reason="the machine died")), ID, 1, "")
    assert outcome.reason == "BUG: KASAN: use-after-free in vexfs_write; the machine died"
    assert outcome.fail_class == "KASAN"
    assert "finding: BUG: KASAN: use-after-free in vexfs_write" in outcome.lines


def test_a_known_issue_warns_and_says_which() -> None:
    known = [{"key": "k", "words": "slow disk, kernel team, until 2027-01-01"}]
    outcome = judge(_document(_case("failed", excused=True, known=known, reason="too slow")), ID, 0, "")
    assert outcome.result == "warn"
    assert outcome.reason.startswith("known: slow disk")


def test_metrics_and_kernel_are_on_the_whiteboard() -> None:
    metrics = [{"name": "load_s", "value": 0.25, "unit": "s"}]
    board = json.loads(judge(_document(_case("passed", metrics=metrics)), ID, 0, "").whiteboard)
    assert board["metrics"] == {"load_s": {"value": 0.25, "unit": "s"}}
    assert (board["case"], board["kernel"], board["accelerator"], board["run"]) == (ID, "6.1", "tcg", "r1")


def test_checks_that_did_not_pass_are_lines_of_the_log() -> None:
    checks = [{"name": "a", "verdict": "passed"}, {"name": "b", "verdict": "refused", "words": "no such call"}]
    lines = judge(_document(_case("passed", subresults=checks)), ID, 0, "").lines
    assert "check b: refused no such call" in lines
    assert not any("check a" in line for line in lines)


def test_hostile_words_are_made_harmless() -> None:
    outcome = judge(_document(_case("failed", reason="\x1b]0;owned\x07" + "x" * 5000)), ID, 1, "")
    assert outcome.reason.isprintable()
    assert len(outcome.reason) == 1000
    board = judge(_document(_case("failed", findings=[{"title": "\x9b\u202e"}])), ID, 1, "").whiteboard
    assert board.isascii()
    assert all(line.isprintable() for line in board.splitlines())
