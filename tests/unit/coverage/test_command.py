"""``vexlab coverage`` as a user calls it, on runs that were made here."""

from __future__ import annotations

import dataclasses
import json
import re
from contextlib import closing
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from tests.unit.coverage.made import KERNEL, counted_build, counted_run, counters

from vexlab.cli.main import cli
from vexlab.cli.past import past_of
from vexlab.coverage.reasons import read_reasons
from vexlab.errors import UsageError
from vexlab.model.case import RunInfo, RunState
from vexlab.model.inputs import CASE_FILE, OperationInputs
from vexlab.report.content import Content
from vexlab.report.page import render
from vexlab.results.store import Store

OLD = RunInfo(
    id="20261127-000000-0000", target="vexfs", kernels=(KERNEL,), accelerator="tcg",
    started="2026-11-27T00:00:00", state=RunState.FINISHED,
)  # fmt: skip
NEW = dataclasses.replace(OLD, id="20261128-000000-0000", started="2026-11-28T00:00:00")
LATER = dataclasses.replace(OLD, id="20261129-000000-0000", started="2026-11-29T00:00:00")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store: one run reached ``twice``, the next ``small``, the newest counted nothing."""
    folder = tmp_path_factory.mktemp("made")
    counted_build(folder / "build")
    counted_run(folder / "results" / OLD.id, folder / "build", {"twice": counters(folder / "build", 5)})
    counted_run(folder / "results" / NEW.id, folder / "build", {"small": counters(folder / "build", 1)})
    asked = {"mkdir": OperationInputs(calls=1, errnos={0: 1})}
    (folder / "results" / OLD.id / "cases" / "case-0" / CASE_FILE).write_bytes(msgspec.json.encode(asked))
    (folder / "results" / LATER.id).mkdir()
    with closing(Store(folder / "results")) as store:
        for run in (OLD, NEW, LATER):
            store.begin(run, str(folder / "results" / run.id))
            store.finish(run)
    return folder / "results"


def _coverage(results: Path, *words: str) -> Result:
    argv = ["coverage", *words, "--results", str(results)]
    return CliRunner().invoke(cli, argv, standalone_mode=False, catch_exceptions=False)


def test_the_newest_run_that_counted_is_shown(results: Path) -> None:
    text = _coverage(results).stdout
    assert text.startswith(f"run {NEW.id} of vexfs")
    assert "chosen.c" in text
    assert "small" in _coverage(results, "--functions").stdout


def test_missed_and_line(results: Path) -> None:
    assert "never is never called" in _coverage(results, "--missed").stdout
    told = _coverage(results, OLD.id, "--line", "twice.h:3").stdout
    assert "return 2 * n;" in told
    assert f"d.twice[{KERNEL}]" in told


def test_reasons_stand_beside_what_is_missed(results: Path, tmp_path: Path) -> None:
    file = tmp_path / "reasons.toml"
    file.write_text('[[reason]]\nfunction = "never"\nwhy = "nobody calls it"\n')
    assert "never is never called -- nobody calls it" in _coverage(results, "--missed", "--reasons", str(file)).stdout
    with pytest.raises(UsageError, match="what is missed"):
        _coverage(results, "--reasons", str(file))


def test_the_reasons_of_vexfs_are_of_its_source() -> None:
    target = Path(__file__).parents[3] / "targets" / "vexfs"
    for each in read_reasons(target / "uncovered.toml"):
        files = [file for file in (target / "module").glob("*.c") if fnmatchcase(file.name, each.file)]
        words = re.sub(r"\*", r"\\w*", each.function)
        found = any(re.search(rf"\b{words}\b", file.read_text()) for file in files)
        assert found or each.function == "*", f"{each.file}: {each.function} is nowhere"
        assert files, f"{each.file} is no source"


@pytest.mark.parametrize(
    ("text", "words"),
    [('why = "x"', "every line"), ('file = "a.c"\nwhy = " "', "no `why`"), ('fil = "a.c"\nwhy = "x"', "fil")],
)
def test_reasons_without_sense_are_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "reasons.toml").write_text(f"[[reason]]\n{text}\n")
    with pytest.raises(UsageError, match=words):
        read_reasons(tmp_path / "reasons.toml")


@pytest.mark.parametrize("where", ["chosen.c", "chosen.c:0", "nonesuch.c:1", "c:x"])
def test_what_is_no_line_is_refused(results: Path, where: str) -> None:
    with pytest.raises(UsageError):
        _coverage(results, "--line", where)


def test_runs_of_the_same_source_are_joined(results: Path) -> None:
    def reached(*words: str) -> int:
        total = json.loads(_coverage(results, *words, "--json", "-").stdout)["totals"]
        return int(total["lines"]["reached"])

    both = reached(OLD.id, "--with", NEW.id)
    assert both == reached(NEW.id, "--with", OLD.id)
    assert both > max(reached(OLD.id), reached(NEW.id))
    told = _coverage(results, OLD.id, "--with", NEW.id, "--line", "twice.h:3").stdout
    assert f"d.twice[{KERNEL}]" in told


def test_runs_of_other_sources_are_not_joined(tmp_path: Path) -> None:
    counted_build(tmp_path / "build")
    with closing(Store(tmp_path / "results")) as store:
        for run in (OLD, NEW):
            folder = tmp_path / "results" / run.id
            counted_run(folder, tmp_path / "build", {"twice": counters(tmp_path / "build", 5)})
            store.begin(run, str(folder))
            store.finish(run)
    source = next((tmp_path / "results" / NEW.id).glob("coverage/*/source/chosen.c"))
    source.write_text(source.read_text() + "/* changed */\n")
    with pytest.raises(UsageError, match=r"chosen\.c differs"):
        _coverage(tmp_path / "results", OLD.id, "--with", NEW.id)


def test_a_difference_names_lines_gained_and_lost(results: Path) -> None:
    text = _coverage(results, NEW.id, "--against", OLD.id).stdout
    assert "chosen.c: 4 lines gained, 1 lost" in text
    assert "lost: 16" in text
    assert "the same lines" in _coverage(results, "--against", NEW.id).stdout


def test_json_has_lines_and_cases(results: Path, tmp_path: Path) -> None:
    found = json.loads(_coverage(results, OLD.id, "--json", "-").stdout)
    assert found["files"]["twice.h"]["lines"]["3"] == 1
    assert found["cases"][f"d.twice[{KERNEL}]"]["twice.h"] == "1,3"
    assert found["totals"]["functions"] == {"reached": 2, "of": 4}
    assert _coverage(results, "--json", str(tmp_path / "out.json")).stdout == f"{tmp_path / 'out.json'}\n"
    assert json.loads((tmp_path / "out.json").read_text())["run"] == NEW.id


def test_a_runs_page_tells_what_was_asked_and_what_never(results: Path, tmp_path: Path) -> None:
    with closing(Store(results)) as store:
        run = store.load(OLD.id)
        content = Content.of(run, past=past_of(store, run))
    told = {each.operation: each for each in content.asked}
    assert (told["mkdir"].calls, told["rename"].calls) == (1, 0)
    assert 0 < told["mkdir"].tried < told["mkdir"].of
    page = render(content).decode()
    assert "What was asked of the filesystem" in page
    assert re.search(r'rename</th><td class="number">0</td>.*all of it', page)


def test_inputs_come_from_the_newest_run_that_counted_them(results: Path, tmp_path: Path) -> None:
    text = _coverage(results, "--inputs").stdout
    assert text.startswith(f"run {OLD.id} of vexfs")
    assert "rename: never called" in text
    assert json.loads(_coverage(results, "--inputs", "--json", "-").stdout)["operations"]["mkdir"]["calls"] == 1
    _coverage(results, "--inputs", "--html", str(tmp_path))
    assert "mkdir" in (tmp_path / "inputs.html").read_text()
    assert "mkdir" not in _coverage(results, "--inputs", "--rare", str(tmp_path / "rare")).stdout
    assert "pwrite size 18" in (tmp_path / "rare").read_text().splitlines(), "the run made no such call at all"
    with pytest.raises(UsageError, match="is told with --inputs"):
        _coverage(results, "--rare", "x")
    with pytest.raises(UsageError, match="no place for inputs"):
        _coverage(results, "--inputs", "--lcov", "x")
    with pytest.raises(UsageError, match="did not count"):
        _coverage(results, NEW.id, "--inputs")


def test_a_run_that_counted_nothing_is_told_what_to_do(results: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did not count") as caught:
        _coverage(results, LATER.id)
    assert "--coverage" in caught.value.hint
    with pytest.raises(UsageError):
        _coverage(tmp_path)
