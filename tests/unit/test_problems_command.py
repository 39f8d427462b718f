"""``vexlab problems`` and ``vexlab results``: what they print of a store."""

from __future__ import annotations

import dataclasses
import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.unit.test_history import OOPS, WARN, result, run_info

from vexlab.cli.problems import command
from vexlab.cli.results import command as results
from vexlab.errors import UsageError
from vexlab.model.case import CaseResult, RunState
from vexlab.model.verdict import Finding, Source, Verdict
from vexlab.report.terminal import Progress
from vexlab.results.store import Store


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Return a store with four runs: two problems, of which one is fixed in the last and one not looked for."""
    runs: tuple[tuple[CaseResult, ...], ...] = (
        (result("a", OOPS), result("b", WARN), result("c", WARN)),
        (result("a", OOPS),),
        (result("a"),),
    )
    with closing(Store(tmp_path)) as store:
        for number, cases in enumerate(runs, 1):
            info = run_info(number)
            folder = tmp_path / info.id / "cases" / "a"
            folder.mkdir(parents=True)
            if number == 1:
                (folder / "reproduce").touch()
            store.begin(info, str(tmp_path / info.id))
            for case in cases:
                store.save(info.id, case)
            store.note_problems(info, cases)
            store.finish(dataclasses.replace(info, finished=info.started, state=RunState.FINISHED))
    return tmp_path


def _said(folder: Path, *argv: str) -> list[str]:
    done = CliRunner().invoke(command, [*argv, "--results", str(folder)])
    assert done.exception is None
    return [line.strip() for line in done.output.splitlines()]


def test_a_run_tells_what_it_shows_and_what_it_shows_gone(kept: Path) -> None:
    head, title, seen, case, again, rest = _said(kept)
    assert head == "run 20261103-000000-0000 of vexfs on 6.1, revision v3: 1 fixed"
    assert title == "1. crash          fixed      BUG: NULL in f"
    first, last, gone = (f"20261{day}-000000-0000 (v{day[-1]})" for day in ("101", "102", "103"))
    assert seen == f"first seen in {first}, last in {last}; 2 runs on 6.1; gone in {gone}"
    assert (case, rest) == ("d.a[6.1] (0 s)", "besides, earlier runs showed 1 problem: --all tells what became of that")
    assert again == "again: vexlab run --target vexfs --kernel 6.1 --case 'd.a[6.1]'"


def test_a_problem_becomes_a_mail(kept: Path) -> None:
    said = CliRunner().invoke(command, ["20261101", "1", "--mail", "--results", str(kept)]).output
    assert said.startswith("Subject: [BUG] vexfs: BUG: NULL in f\n\nHello,\n")
    for words in ("revision v1", "The case d.a[6.1] shows it in 0 s:", "Seen once on 6.1, first 2026-11-01"):
        assert words in said
    assert all(len(line) <= 72 or line.startswith("  $ ") for line in said.splitlines())


def test_a_hostile_problem_becomes_a_plain_mail(tmp_path: Path) -> None:
    hostile = dataclasses.replace(OOPS, title="\x1b[2J\u202e<b>", text="\x1b]0;x\x07" + "y" * 5000 + "\n" * 5000)
    with closing(Store(tmp_path)) as store:
        info = run_info(1)
        store.begin(info, str(tmp_path / info.id))
        store.save(info.id, result("a", hostile, reason="\x00\x1b[31m" * 500))
        store.finish(dataclasses.replace(info, finished=info.started, state=RunState.FINISHED))
    said = CliRunner().invoke(command, ["last", "1", "--mail", "--results", str(tmp_path)]).output
    assert said.startswith("Subject: [BUG] vexfs:")
    assert not {"\x1b", "\u202e", "\x00", "\x07"} & set(said)
    assert len(said) < 30_000


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["last", "--mail"], "--mail is about one problem"),
        (["last", "--bundle", "x"], "--bundle is about one problem"),
        (["last", "9"], "no problem 9"),
    ],
)
def test_a_mail_is_about_one_problem_that_is_there(kept: Path, argv: list[str], words: str) -> None:
    done = CliRunner().invoke(command, [*argv, "--results", str(kept)])
    assert isinstance(done.exception, UsageError)
    assert words in done.exception.message


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (OOPS, "d.a[6.1]: {folder}/20261101-000000-0000/cases/a has no record of what was done in the machine"),
        (dataclasses.replace(OOPS, source=Source.POST_MORTEM), "but by a question from outside (post-mortem)"),
        (None, "the case itself, outside the machine, judged what it saw"),
    ],
)
def test_what_cannot_be_bundled_is_told_with_what_to_send_instead(
    tmp_path: Path, finding: Finding | None, words: str
) -> None:
    case = result("a", finding) if finding else result("a", verdict=Verdict.FAILED, reason="EIO")
    with closing(Store(tmp_path)) as store:
        info = run_info(1)
        store.begin(info, str(tmp_path / info.id))
        store.save(info.id, case)
        store.finish(dataclasses.replace(info, finished=info.started, state=RunState.FINISHED))
    done = CliRunner().invoke(command, ["last", "1", "--bundle", str(tmp_path / "b"), "--results", str(tmp_path)])
    assert isinstance(done.exception, UsageError)
    assert words.format(folder=tmp_path) in done.exception.message
    assert "--mail" in done.exception.hint
    assert not (tmp_path / "b").exists()


def test_an_earlier_run_tells_what_was_known_then_and_has_its_script(kept: Path) -> None:
    said = _said(kept, "20261101", "--target", "vexfs")
    assert said[0].endswith("revision v1: 2 new")
    assert "d.b[6.1] (0 s) and 1 more" in said
    assert f"again: {kept}/20261101-000000-0000/cases/a/reproduce" in said


def test_all_problems_of_a_target_can_be_had_as_json(kept: Path) -> None:
    document = json.loads("\n".join(_said(kept, "--all", "--json")))
    assert document["left_out"] == 0
    found = {each["problem"]["title"]: each for each in document["problems"]}
    assert found["BUG: NULL in f"]["standing"] == "fixed"
    assert found["BUG: NULL in f"]["fixed"]["revision"] == "v3"
    assert found["WARNING in g"]["standing"] == "open"
    assert found["WARNING in g"]["last"]["run"] == "20261101-000000-0000"
    assert found["WARNING in g"]["problem"]["key"] == f"finding:{WARN.fingerprint}"


def _results(folder: Path, *argv: str) -> str:
    done = CliRunner().invoke(results, [*argv, "--results", str(folder)])
    assert done.exit_code == 0, done.output
    return done.output


def test_one_problem_comes_with_what_the_kernel_said(tmp_path: Path) -> None:
    oops = dataclasses.replace(
        OOPS, frame="vexfs_f", place="dir.c:8", text="\x1b[2JBUG\nRIP: vexfs_f+0x1/0x2 (dir.c:8)"
    )
    with closing(Store(tmp_path)) as store:
        info, cases = run_info(1), (result("a", oops), result("b", WARN))
        store.begin(info, str(tmp_path / info.id))
        for case in cases:
            store.save(info.id, case)
        store.note_problems(info, cases)
        store.finish(dataclasses.replace(info, finished=info.started, state=RunState.FINISHED))
    said = CliRunner().invoke(command, ["last", "1", "--results", str(tmp_path)]).output
    assert "BUG: NULL in f at dir.c:8" in said
    assert said.endswith("what the kernel said:\n    \\x1b[2JBUG\n  > RIP: vexfs_f+0x1/0x2 (dir.c:8)\n")
    assert "besides" not in said, "the other one is of this run"


def test_show_may_be_left_out(kept: Path) -> None:
    assert len(_results(kept).splitlines()) == 3
    assert _results(kept, "last") == _results(kept, "show", "last")
    assert json.loads(_results(kept, "20261101", "--json"))["run"]["id"] == "20261101-000000-0000"
    assert "prune" in CliRunner().invoke(results, ["--help"]).output


def test_runs_are_pinned_and_pruned(kept: Path) -> None:
    assert _results(kept, "pin", "20261101") == "20261101-000000-0000 is pinned\n"
    assert _results(kept).splitlines()[-1].endswith("pinned")
    assert _results(kept, "prune", "--keep-runs", "1", "--dry-run").endswith("\n1 run, 0.0 MiB would go\n")
    assert len(_results(kept).splitlines()) == 3
    assert _results(kept, "prune", "--keep-runs", "1").startswith("20261102-000000-0000  vexfs")
    assert [line[:8] for line in _results(kept).splitlines()] == ["20261103", "20261101"]
    _results(kept, "unpin", "20261101")
    assert "1 run, " in _results(kept, "prune", "--keep-days", "1", "--keep-runs", "1")


def test_without_a_limit_nothing_is_pruned(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(kept)
    assert "no limit is set" in _results(kept, "prune")
    (kept / "vexlab.toml").write_text("[results]\nkeep_runs = 2\n")
    assert "1 run, " in _results(kept, "prune")
    assert len(_results(kept).splitlines()) == 2


def test_the_command_at_the_end_of_a_run_can_be_pasted(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The brackets in the folder of a case are a pattern for a shell."""
    with closing(Store(tmp_path)) as store:
        info = run_info(1)
        store.begin(info, str(tmp_path / info.id))
        store.save(info.id, dataclasses.replace(result("a", OOPS), evidence="/e/d.a[6.1]"))
        ended = store.load(info.id)
    with Progress(plain=True) as progress:
        progress.end(ended, 1.0, "/e")
    assert "again: '/e/d.a[6.1]/reproduce'\n" in capfd.readouterr().out
