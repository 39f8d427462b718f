"""``vexlab report`` and ``vexlab run --report-format``: what is written where, and what a mistake is told."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from tests.unit.reports.made import before, case, everything

from vexlab.cli.report import command
from vexlab.errors import UsageError
from vexlab.model.event import ProfileKnown, RunFinished
from vexlab.model.metric import measured
from vexlab.model.profile import RUN_FILE, encode_all
from vexlab.model.verdict import Verdict
from vexlab.report import jsonfile
from vexlab.report.files import ReportFiles
from vexlab.report.renderers import FORMATS, chosen
from vexlab.results.earlier import earlier_runs
from vexlab.results.store import Store

CONTENT = everything("A" * 10_000)
RUN = CONTENT.result.run
SCHEMA = Path(__file__).parents[3] / "docs" / "reference" / "result.schema.json"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Return a store's folder that holds the run, and its profile beside the evidence."""
    folder = tmp_path / "results"
    store = Store(folder)
    (folder / RUN.id).mkdir()
    (folder / RUN.id / RUN_FILE).write_bytes(encode_all(CONTENT.profiles))
    store.begin(RUN, str(folder / RUN.id))
    for each in CONTENT.cases:
        store.save(RUN.id, each)
    store.finish(RUN)
    return folder


def _report(results: Path, *argv: str) -> Result:
    return CliRunner().invoke(command, [*argv, "--results", str(results)])


def test_the_last_run_is_printed_as_text(results: Path) -> None:
    done = _report(results)
    assert done.exit_code == 0
    assert "Totals: 11 tests, 5 failures, 2 skipped, 2 errors" in done.stdout
    assert "Profile on 6.1:\n  works: 1 of 2" in done.stdout


@pytest.mark.parametrize("name", [each.name for each in FORMATS if each.screen])
def test_one_format_is_printed_as_it_is_written(results: Path, name: str) -> None:
    (form,) = chosen(name)
    stored = Store(results).load(RUN.id[:12])
    done = _report(results, RUN.id[:12], "--format", name)
    assert done.stdout_bytes == form.parts[0].render(type(CONTENT).of(stored, CONTENT.profiles))


def test_formats_go_into_a_folder_that_is_made(results: Path, tmp_path: Path) -> None:
    place = tmp_path / "new" / "folder"
    done = _report(results, "last", "--format", ",".join(each.name for each in FORMATS), "--output", str(place))
    names = [part.file for form in FORMATS for part in form.parts]
    assert done.stdout.split() == [str(place / name) for name in names]
    assert sorted(file.name for file in place.iterdir()) == sorted(names)


def test_a_page_goes_into_the_runs_folder(results: Path) -> None:
    done = _report(results, "--format", "html")
    assert done.stdout == f"{results / RUN.id / 'report.html'}\n"
    assert (results / RUN.id / "report.html").read_bytes().startswith(b"<!doctype html>")


def test_one_format_goes_into_a_file_and_its_second_table_beside_it(results: Path, tmp_path: Path) -> None:
    done = _report(results, "--format", "csv", "--output", str(tmp_path / "x.csv"))
    assert done.stdout.split() == [str(tmp_path / "x.csv"), str(tmp_path / "x-metrics.csv")]
    assert (tmp_path / "x.csv").read_text().startswith("id,target,")
    assert (tmp_path / "x-metrics.csv").read_text().startswith("case,metric,")


def test_stability_is_printed_alone(results: Path, tmp_path: Path) -> None:
    done = _report(results, "--only", "stability")
    lines = done.stdout.splitlines()
    assert lines[0] == f"stability of vexfs on 6.1, 6.12, run {RUN.id}: 13.7 of 100"
    assert lines[2].startswith("  = 100 * 7 / (7 + 44): ")
    assert "  2 of 7 passed" in lines
    assert "  harm  20  crash, 2 cases: BUG: unable to handle kernel NULL pointer dereference in vexfs_lookup" in lines
    assert "  harm   4  2 failures without a finding" in lines
    assert "    13.7 of 100  filesystem_operations, 2 of 7 passed" in lines
    _report(results, "--only", "stability", "--output", str(tmp_path / "s.txt"))
    assert (tmp_path / "s.txt").read_text() == done.stdout


@pytest.mark.parametrize(
    ("argv", "message", "hint"),
    [
        (["20990101"], "no run `20990101`", "`vexlab results` lists the runs"),
        (["%"], "no run `%`", "`vexlab results`"),
        ([""], "no run ``", "`vexlab results`"),
        (["--format", "docx"], "no format `docx`", "html"),
        (["--only", "stability", "--format", "md"], "--only stability is text", "leave --format away"),
        (["--format", "csv", "--output", "-"], "2 files cannot go to standard output", "--output FOLDER"),
        (["--format", "md,text", "--output", "a.md"], "one file for 2 formats", "--output FOLDER"),
        (["--format", "md", "--output", "/dev/null/x.md"], "cannot be written", "--output names another place"),
    ],
)
def test_a_mistake_is_explained(results: Path, argv: list[str], message: str, hint: str) -> None:
    done = _report(results, *argv)
    assert isinstance(done.exception, UsageError)
    assert message in done.exception.message
    assert hint in done.exception.hint


def test_without_a_run_the_next_step_is_said(tmp_path: Path) -> None:
    done = _report(tmp_path / "none")
    assert isinstance(done.exception, UsageError)
    assert "there is none yet" in done.exception.message
    assert "`vexlab run` makes one" in done.exception.hint


def test_a_damaged_profile_does_not_keep_the_report_away(results: Path, caplog: pytest.LogCaptureFixture) -> None:
    (results / RUN.id / RUN_FILE).write_bytes(b"{")
    done = _report(results)
    assert done.exit_code == 0
    assert "Totals: 11 tests" in done.stdout
    assert RUN_FILE in caplog.text


def test_a_run_leaves_the_reports_it_was_asked_for(tmp_path: Path) -> None:
    writer = ReportFiles(formats=chosen("html,csv"), earlier=lambda result: before(result.cases))
    writer.take(ProfileKnown(run=RUN.id, profile=CONTENT.profiles[0]))
    writer.take(RunFinished(result=CONTENT.result, folder=str(tmp_path), seconds=1.0))
    names = ["cases.csv", "junit.xml", "metrics.csv", "report.html", "result.json"]
    assert sorted(file.name for file in tmp_path.iterdir()) == names
    assert "Pass rate over time" in (tmp_path / "report.html").read_text()
    assert "No chart “Pass rate" not in (tmp_path / "report.html").read_text()
    assert len(json.loads((tmp_path / "result.json").read_bytes())["profiles"]) == 1


def test_the_runs_before_are_those_of_the_target_in_order(results: Path) -> None:
    store = Store(results)
    runs = ((27, "vexfs", Verdict.FAILED), (26, "vexfs", Verdict.PASSED), (25, "other", Verdict.PASSED),
            (29, "vexfs", Verdict.PASSED), (24, "vexfs", Verdict.SKIPPED))  # fmt: skip
    for day, target, verdict in runs:
        run = dataclasses.replace(RUN, id=f"202611{day}-1", target=target, started=f"2026-11-{day}T12:00:00+00:00")
        (results / run.id).mkdir()
        store.begin(run, str(results / run.id))
        values = (measured("load_s", float(day)),)
        store.save(run.id, case("reads", metrics=values))
        store.save(run.id, case("writes", metrics=values, digest="another"))
        store.save(run.id, case("skipped", verdict, metrics=values))
        if verdict is Verdict.SKIPPED:
            store.save(run.id, case("lookup", Verdict.FAILED))
        store.finish(run)
    found = earlier_runs(store, store.load(RUN.id))
    assert [(each.run, each.passed, each.decided) for each in found] == [
        ("20261124-1", 2, 3), ("20261126-1", 3, 3), ("20261127-1", 2, 3),
    ]  # fmt: skip
    assert [dict(each.values) for each in found] == [
        {("filesystem_operations.reads[6.1]", "load_s"): value} for value in (24.0, 26.0, 27.0)
    ]
    done = _report(results, RUN.id, "--format", "svg")
    assert "Pass rate over time" in done.stdout


def test_the_published_schema_is_that_of_the_model() -> None:
    assert jsonfile.schema() == SCHEMA.read_bytes(), "vexlab report --schema > docs/reference/result.schema.json"


def test_the_document_is_what_the_schema_says() -> None:
    document = json.loads(jsonfile.render(CONTENT))
    kind = jsonfile.Document
    read = msgspec.convert(document, kind)
    assert (read.version, len(read.cases)) == (jsonfile.VERSION, len(CONTENT.cases))
    schema = json.loads(SCHEMA.read_bytes())
    for name, part in (("Document", document), ("Case", document["cases"][0]), ("RunInfo", document["run"])):
        described = schema["$defs"][name]["properties"]
        assert set(part) == set(described), name
        assert set(schema["$defs"][name]["required"]) <= set(part)
    document["cases"][0]["verdict"] = "great"
    with pytest.raises(msgspec.ValidationError, match="great"):
        msgspec.convert(document, kind)
