"""``vexlab report RUN..RUN``: the runs between two, what changed, in each form; and what is no span."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.unit.reports.made import CONTROL, HOSTILE
from tests.unit.test_history import OOPS, WARN, result, run_info

from vexlab.cli.report import command
from vexlab.errors import UsageError
from vexlab.model.case import CaseResult, RunState, Summary
from vexlab.report.span import FORMS
from vexlab.results.store import Store

HOSTILE_OOPS = dataclasses.replace(OOPS, title=f"BUG {HOSTILE}", fingerprint="c" * 16)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Return a store with four runs of a target, of whose problems one goes and one comes, and a run of another."""
    runs: tuple[tuple[str, tuple[CaseResult, ...]], ...] = (
        ("vexfs", (result("z", WARN),)),
        ("vexfs", (result("a", OOPS), result("b"))),
        ("ext4", (result("a"),)),
        ("vexfs", (result("a"), result("b"))),
        ("vexfs", (result("a"), result("b", HOSTILE_OOPS))),
    )
    with closing(Store(tmp_path)) as store:
        for number, (target, cases) in enumerate(runs, 1):
            info = run_info(number, target)
            store.begin(info, str(tmp_path / info.id))
            for case in cases:
                store.save(info.id, case)
            store.note_problems(info, cases)
            finished = dataclasses.replace(info, finished=info.started, state=RunState.FINISHED)
            store.finish(finished, Summary.of(cases))
    return tmp_path


def _report(kept: Path, *argv: str) -> Result:
    return CliRunner().invoke(command, [*argv, "--results", str(kept)])


def test_the_runs_and_what_changed_are_printed(kept: Path) -> None:
    lines = _report(kept, "20261102..20261105").stdout.splitlines()
    assert lines[0] == "vexfs: 3 runs, 20261102-000000-0000 to 20261105-000000-0000"
    assert lines[3].split() == [
        *("20261102-000000-0000", "2026-11-02", "00:00", "v2", "2", "1", "1", "0", "0", lines[3].split()[9], "FAILED")
    ]
    assert [line.split()[0] for line in lines[3:6]] == [f"202611{day}-000000-0000" for day in ("02", "04", "05")]
    assert "problems: 1 new, 1 fixed" in lines
    assert "newly failing cases: 1" in lines
    assert lines[-1] == "2 regressions"


def test_the_second_is_the_newest_where_it_is_left_out_and_order_does_not_matter(kept: Path) -> None:
    told = _report(kept, "20261102..20261105").stdout
    assert _report(kept, "20261102..").stdout == told
    assert _report(kept, "last..20261102").stdout == told


def test_every_form_has_the_same_runs(kept: Path, tmp_path: Path) -> None:
    done = _report(kept, "20261102..last", "--format", ",".join(FORMS), "--output", str(tmp_path / "out"))
    assert done.stdout.split() == [str(tmp_path / "out" / name) for name, _ in FORMS.values()]
    said = {name: (tmp_path / "out" / file).read_text() for name, (file, _) in FORMS.items()}
    runs = [f"202611{day}-000000-0000" for day in ("02", "04", "05")]
    document = json.loads(said["json"])
    assert [each["run"]["id"] for each in document["runs"]] == runs
    assert document["changed"]["regressions"] == 2
    assert [row["run"] for row in csv.DictReader(io.StringIO(said["csv"]))] == runs
    for name in ("text", "md", "html"):
        table = said[name].partition("revision")[2]
        places = [table.index(run) for run in runs]
        assert places == sorted(places)
        assert not CONTROL.search(said[name])
    assert "<script" not in said["html"]
    assert "default-src 'none'" in said["html"]


def test_one_form_goes_into_a_file(kept: Path, tmp_path: Path) -> None:
    done = _report(kept, "20261102..", "--format", "md", "--output", str(tmp_path / "a.md"))
    assert done.stdout == f"{tmp_path / 'a.md'}\n"
    assert (tmp_path / "a.md").read_text().startswith("## `vexfs: 3 runs")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("20261102..20261103",), "different targets, `vexfs` and `ext4`"),
        (("20261102..20261102",), "a span needs two runs"),
        (("20261102..", "--format", "junit"), "no format `junit` for several runs"),
        (("20261102..", "--format", ","), "no format is named"),
        (("20261102..", "--format", "md,csv"), "2 files cannot go to standard output"),
        (("20261102..", "--format", "md,csv", "--output", "x.md"), "one file for 2 formats"),
        (("20261102..", "--only", "stability"), "is about one run"),
        (("2025..",), "no run"),
    ],
)
def test_what_is_no_span_is_said(kept: Path, argv: tuple[str, ...], said: str) -> None:
    done = _report(kept, *argv)
    assert isinstance(done.exception, UsageError)
    assert said in done.exception.message
