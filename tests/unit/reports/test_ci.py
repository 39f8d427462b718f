"""What CI services read: annotations, a job's summary, SARIF; and where in the source a finding points to."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from tests.unit.reports.made import HOSTILE, case, everything, finding, run_of

from vexlab.model.event import RunFinished
from vexlab.model.verdict import Verdict
from vexlab.report.actions import SARIF, ActionsReport
from vexlab.report.content import Content
from vexlab.report.github import commands
from vexlab.report.places import Place, Places, named
from vexlab.report.sarif import render, render_with

WARNING = "WARNING: CPU: 1 PID: 233 at ./super.c:3 vexfs_fill_super+0x1a/0x40 [vexfs]"
SOURCE = (
    "#include <linux/fs.h>\n"
    "static struct dentry *vexfs_lookup(struct inode *dir, struct dentry *dentry,\n"
    "\t\t\t\t   unsigned int flags);\n\n"
    "static struct dentry *\n"
    "vexfs_lookup(struct inode *dir, struct dentry *dentry,\n"
    "\t     unsigned int flags)\n"
    "{\n\treturn vexfs_other(dir);\n}\n"
)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    source = tmp_path / "fs" / "module"
    source.mkdir(parents=True)
    (source / "super.c").write_text("a\nb\nc\n")
    (source / "dir.c").write_text(SOURCE)
    return Places(source, tmp_path)


def test_a_line_that_the_kernel_names_is_the_place(places: Places) -> None:
    found = finding(text=WARNING)
    assert named(found) == Place(file="super.c", line=3)
    assert places.of(found) == Place(file="fs/module/super.c", line=3)
    assert places.of(finding(text="kernel BUG at super.c:2!")) == Place(file="fs/module/super.c", line=2)
    assert places.of(finding(text="WARNING: at fs/inode.c:12 iput", frame="iput")) is None, "the kernel's own"
    assert places.of(finding(text="at ../../../etc/passwd.c:1")) is None
    assert places.of(None) is None


def test_else_it_is_the_definition_of_the_blamed_function(places: Places) -> None:
    assert places.of(finding()) == Place(file="fs/module/dir.c", line=6)
    assert places.of(finding(frame="vexfs_other")) is None


def test_the_line_that_the_debug_information_tells_is_nearer_than_the_definition(places: Places) -> None:
    assert places.of(finding(place="dir.c:8")) == Place(file="fs/module/dir.c", line=8)
    assert places.of(finding(place="../../../etc/passwd:1")) is None
    assert places.of(finding(place="dir.c")) == Place(file="fs/module/dir.c", line=6), "no line, so the definition"


def test_each_problem_is_an_annotation(places: Places) -> None:
    content = Content.of(run_of((case("lookup", Verdict.CRASHED, "x", findings=(finding(),)),)))
    (line,) = commands(content, places.of)
    assert line.startswith("::error file=fs/module/dir.c,line=6,title=BUG%3A unable to handle")
    assert "(shown by filesystem_operations.lookup[6.1])" in line


def test_hostile_words_end_no_annotation() -> None:
    lines = list(commands(everything()))
    assert lines
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) and "\n" not in line for line in lines)
    assert not any(line.split("::", 2)[2].startswith(":") for line in lines)


def test_sarif_has_a_result_for_each_problem(places: Places) -> None:
    content = everything()
    (run,) = json.loads(render_with(content, places.of))["runs"]
    assert len(run["results"]) == len(content.problems)
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {result["ruleId"] for result in run["results"]} == rules
    assert all(result["message"]["text"] and result["locations"] for result in run["results"])
    prints = [result["partialFingerprints"]["problem/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints)
    lines = [each["locations"][0].get("physicalLocation", {}).get("region") for each in run["results"]]
    assert {"startLine": 6} in lines


def test_sarif_is_json_whatever_a_guest_says() -> None:
    content = Content.of(run_of((case("h", Verdict.FAILED, HOSTILE, findings=(finding(frame=HOSTILE),)),)))
    assert json.loads(render(content))["version"] == "2.1.0"


def _ended(folder: Path) -> RunFinished:
    result = run_of((case("lookup", Verdict.CRASHED, "x", findings=(finding(),)),))
    return RunFinished(result=result, folder=str(folder), seconds=1.0)


def test_a_step_of_a_workflow_gets_all_three(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    ActionsReport(environment, None).take(_ended(tmp_path))
    assert capsys.readouterr().out.startswith("::error ")
    assert "vexfs_lookup" in (tmp_path / "summary.md").read_text()
    assert json.loads((tmp_path / SARIF).read_bytes())["runs"][0]["results"]


def test_elsewhere_nothing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ActionsReport({}, None).take(_ended(tmp_path))
    assert capsys.readouterr().out == ""
    assert not (tmp_path / SARIF).exists()


def test_known_issues_are_suppressed_and_no_errors() -> None:
    content = everything()
    known = dataclasses.replace(content, problems=tuple(dataclasses.replace(p, known="k") for p in content.problems))
    (run,) = json.loads(render(known))["runs"]
    assert all(result["level"] == "note" and result["suppressions"] for result in run["results"])
    assert not any(line.startswith("::error") for line in commands(known))
