"""What workers report reaches the run, whatever becomes of a worker."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from vexlab.model.case import PLAN, CaseResult, Plan, PlannedCase
from vexlab.model.key import CaseKey
from vexlab.model.verdict import Verdict
from vexlab.session.collector import RESULT, Collector, Worker

CASE = PlannedCase(key=CaseKey(domain="d", name="a"), node="t.py::test_a", level=1)


class Heard:
    """Keeps what a collector passes on."""

    def __init__(self, folder: Path) -> None:
        self.plans: list[Plan] = []
        self.started: list[str] = []
        self.finished: list[CaseResult] = []
        self.collector = Collector(folder, self.plans.append, self.started.append, self.finished.append)


@pytest.fixture
def heard(tmp_path: Path) -> Heard:
    return Heard(tmp_path)


def _report(when: str, node: str = CASE.node, **more: object) -> Any:
    return SimpleNamespace(when=when, nodeid=node, **more)


def test_a_result_comes_with_the_report_of_the_last_phase(heard: Heard) -> None:
    collector = heard.collector
    collector.pytest_runtest_logstart(CASE.node)
    assert (heard.started, collector.running) == ([CASE.node], {CASE.node})
    for when in ("setup", "call"):
        collector.pytest_runtest_logreport(_report(when))
    assert collector.running == {CASE.node}
    result = CASE.undecided("")
    collector.pytest_runtest_logreport(_report("teardown", **{RESULT: msgspec.to_builtins(result)}))
    assert heard.finished == [result]
    assert (collector.running, collector.died) == (set(), {})
    assert heard.finished[0].verdict is Verdict.UNDECIDED


def test_a_case_whose_worker_died_is_told(heard: Heard) -> None:
    heard.collector.pytest_runtest_logstart(CASE.node)
    heard.collector.pytest_runtest_logreport(_report("???"))  # what xdist says for a worker that is gone
    assert list(heard.collector.died) == [CASE.node]
    assert "must not end it" in heard.collector.died[CASE.node]
    assert (heard.finished, heard.collector.running) == ([], set())


def test_the_plan_is_read_once_from_where_workers_left_it(heard: Heard, tmp_path: Path) -> None:
    heard.collector.pytest_xdist_node_collection_finished()
    assert heard.plans == [], "no worker has left one yet"
    (tmp_path / PLAN).write_bytes(msgspec.json.encode(Plan(cases=(CASE,))))
    for _ in range(2):
        heard.collector.pytest_xdist_node_collection_finished()
    assert heard.plans == [Plan(cases=(CASE,))]
    assert heard.collector.plan.cases == (CASE,)


def test_a_spoilt_plan_is_none(heard: Heard, tmp_path: Path) -> None:
    (tmp_path / PLAN).write_text("{")
    heard.collector.pytest_xdist_node_collection_finished()
    assert heard.plans == []


def test_a_file_that_cannot_be_collected_is_an_error_of_the_input(heard: Heard) -> None:
    text = "t.py:1: in <module>\n    import nothing\nE   ModuleNotFoundError: No module named 'nothing'"
    heard.collector.pytest_collectreport(cast("Any", SimpleNamespace(failed=True, longreprtext=text)))
    assert heard.collector.uncollected
    assert "ModuleNotFoundError: No module named 'nothing'" in heard.collector.errors[0]
    heard.collector.pytest_collectreport(cast("Any", SimpleNamespace(failed=False, longreprtext="")))
    assert len(heard.collector.errors) == 1


def test_a_worker_that_dies_before_it_knows_its_cases(heard: Heard) -> None:
    node = cast("Worker", SimpleNamespace(gateway=object()))
    heard.collector.pytest_testnodedown(node, "killed")
    heard.collector.plan = Plan(cases=(CASE,))
    heard.collector.pytest_testnodedown(node, "killed again")  # its case is told of instead
    assert heard.collector.errors == ["a worker process died before it knew its cases: killed"]


def test_interrupting_ends_every_worker_at_once(heard: Heard) -> None:
    killed: list[int] = []
    for number in range(2):
        popen = SimpleNamespace(kill=lambda number=number: killed.append(number))
        gateway = SimpleNamespace(_io=SimpleNamespace(popen=popen))
        heard.collector.pytest_testnodeready(cast("Worker", SimpleNamespace(gateway=gateway)))
    heard.collector.pytest_testnodeready(cast("Worker", SimpleNamespace(gateway=object())))  # of a kind without one
    heard.collector.pytest_keyboard_interrupt()
    assert killed == [0, 1]


def test_an_internal_error_is_told_by_its_last_line(heard: Heard) -> None:
    heard.collector.pytest_internalerror("Traceback\n  somewhere\nKeyError: 'x'\n")
    assert heard.collector.errors == ["KeyError: 'x'"]
