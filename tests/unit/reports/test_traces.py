"""Traces in a run's evidence: figures of all together, pictures as pictures, nothing of a guest's words as markup."""

from __future__ import annotations

import base64
import dataclasses
from pathlib import Path

import pytest
from tests.unit.reports.made import HOSTILE, case, everything

from vexlab.model.report import Frame
from vexlab.model.trace import Bucket, ProbeFigures, StackSum, Trace
from vexlab.report import page
from vexlab.report.content import Content
from vexlab.report.traces import NO_TRACES, Traces, traces_of
from vexlab.trace.files import write_trace


def traced(folder: Path, *, calls: int = 3) -> Traces:
    """Return what two traced cases say, whose guest was hostile."""
    probe = ProbeFigures(
        name="write", place="vexfs:vexfs_write_iter", calls=calls, cost_ns=900,
        buckets=(Bucket(low=1024, high=2048, count=calls),),
    )  # fmt: skip
    stack = StackSum(frames=(Frame(function=HOSTILE), Frame(function="vexfs_open", module="vexfs")), count=7)
    made = Trace(
        target="vexfs", module="vexfs", kernel="6.1", what=HOSTILE, probes=(probe,), on_cpu=(stack,), notes=(HOSTILE,)
    )
    cases = []
    for name in ("one", "two"):
        write_trace(made, folder / name)
        cases.append(dataclasses.replace(case(name), evidence=str(folder / name)))
    return traces_of([*cases, case("untraced")])


def test_figures_are_those_of_all_cases_together(tmp_path: Path) -> None:
    found = traced(tmp_path)
    assert found.rows == (("write", "vexfs:vexfs_write_iter", "6", "0", "1.54 us", "1.95 us", "2.04 us", "900 ns"),)
    assert [Path(each.folder).name for each in found.cases] == ["one", "two"]
    (picture,) = found.cases[0].pictures
    head, _, data = picture.uri.partition(",")
    assert head == "data:image/svg+xml;base64"
    assert base64.b64decode(data) == (tmp_path / "one" / "on-cpu.svg").read_bytes()
    assert "\x1b" not in "".join(found.cases[0].notes)


def test_a_damaged_trace_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "trace.json").write_bytes(b"{")
    assert traces_of([dataclasses.replace(case("one"), evidence=str(tmp_path))]) == NO_TRACES


def test_a_page_allows_pictures_only_where_it_has_some(tmp_path: Path) -> None:
    pytest.importorskip("jinja2", reason="the extra vexlab[report] is not installed")
    plain = everything("")
    shown = page.render(_with(plain, traced(tmp_path))).decode()
    assert "img-src data:;" in shown
    assert shown.count('<img class="flame"') == 2
    assert "<img src=x" not in shown
    assert "img-src" not in page.render(plain).decode()


def _with(content: Content, found: Traces) -> Content:
    return dataclasses.replace(content, traces=found)
