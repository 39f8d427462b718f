"""Environments are compared by cases that ran in both, with the same code."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from vexlab.cli.compare import command
from vexlab.model.across import across
from vexlab.model.case import CaseResult, Plan, RunInfo, RunResult, RunState, Summary
from vexlab.model.key import CaseKey
from vexlab.model.provenance import Provenance
from vexlab.model.verdict import Verdict
from vexlab.results.store import Store


def _run(environment: str, number: int, **verdicts: Verdict) -> RunResult:
    cases = tuple(
        CaseResult(key=CaseKey(domain="d", name=name), node=name, level=1, digest="0" * 16, verdict=verdict)
        for name, verdict in verdicts.items()
    )
    run = RunInfo(
        id=f"20261128-00000{number}-000{number}",
        target="t",
        kernels=("6.1",),
        accelerator="tcg",
        started=f"2026-11-28T00:00:0{number}",
        finished=f"2026-11-28T00:01:0{number}",
        state=RunState.FINISHED,
        environment=environment,
    )
    return RunResult(run=run, summary=Summary.of(cases), cases=cases)


DEV = _run("dev", 1, a=Verdict.PASSED, b=Verdict.PASSED, c=Verdict.SKIPPED)
TEST = _run("test", 2, a=Verdict.PASSED, b=Verdict.CRASHED, c=Verdict.PASSED, e=Verdict.FAILED)


def test_only_what_was_decided_in_both_is_compared() -> None:
    found = across({"dev": DEV, "test": TEST})
    assert found.compared == 2
    (differing,) = found.differing
    assert differing.case == "d.b"
    assert differing.verdicts == {"dev": "passed", "test": "crashed"}


def test_the_newest_run_of_each_environment_counts(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for each in (_run("dev", 0, b=Verdict.FAILED), DEV, TEST):
        store.add(each.run, Plan(), each.cases, str(tmp_path / each.run.id))
    store.close()
    place = ["--results", str(tmp_path)]
    done = CliRunner().invoke(command, ["--environments", "dev,test", *place], standalone_mode=False)
    assert done.return_value == 1, done.output
    assert "d.b" in done.output
    assert "crashed" in done.output
    done = CliRunner().invoke(command, ["--environments", "dev,test", "--json", *place], standalone_mode=False)
    assert json.loads(done.output)["runs"] == {"dev": DEV.run.id, "test": TEST.run.id}
    missing = CliRunner().invoke(command, ["--environments", "dev,staging", *place], standalone_mode=False)
    assert "staging" in str(missing.exception)
    alone = CliRunner().invoke(command, ["--environments", "dev", *place], standalone_mode=False)
    assert "two" in str(alone.exception)


@pytest.mark.parametrize("names", ["dev,dev", ",", "dev, "])
def test_an_environment_is_not_compared_with_itself(tmp_path: Path, names: str) -> None:
    done = CliRunner().invoke(command, ["--environments", names, "--results", str(tmp_path)])
    assert "name two at least" in str(done.exception)


def _on(kernels: tuple[str, ...], number: int, revision: str, verdicts: dict[str, Verdict]) -> RunResult:
    made = _run("", number)
    cases = tuple(
        CaseResult(
            key=CaseKey(domain="d", name="a", kernel=kernel), node="a", level=1, digest="0" * 16, verdict=verdict
        )
        for kernel, verdict in verdicts.items()
    )
    run = dataclasses.replace(made.run, kernels=kernels, provenance=Provenance(revision=revision))
    return RunResult(run=run, summary=Summary.of(cases), cases=cases)


def test_kernels_of_one_run_and_revisions_are_set_side_by_side(tmp_path: Path) -> None:
    both = _on(("6.1", "6.12"), 1, "v1", {"6.1": Verdict.PASSED, "6.12": Verdict.FAILED})
    later = _on(("6.1",), 2, "v2", {"6.1": Verdict.CRASHED})
    store = Store(tmp_path)
    for each in (both, later):
        store.add(each.run, Plan(), each.cases, str(tmp_path / each.run.id))
    store.close()
    for words, runs, told in (
        (("--kernels", "6.1,6.12"), {"6.1": later, "6.12": both}, {"6.1": "crashed", "6.12": "failed"}),
        (("--revisions", "v1,v2"), {"v1": both, "v2": later}, {"v1": "passed", "v2": "crashed"}),
    ):
        asked = [*words, "--json", "--results", str(tmp_path)]
        found = json.loads(CliRunner().invoke(command, asked, standalone_mode=False).output)
        assert found["runs"] == {name: each.run.id for name, each in runs.items()}
        assert [each["verdicts"] for each in found["differing"]] == [told]
    refused = {
        "--kernels 6.1,7.0": "no finished run of t on the kernel `7.0`",
        "--revisions v1,v2 --kernels 6.1,6.12": "one thing is compared at a time",
    }
    for line, said in refused.items():
        assert said in str(CliRunner().invoke(command, [*line.split(), "--results", str(tmp_path)]).exception)
