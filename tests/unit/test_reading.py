"""Commands that read leave the store alone, and say what to do where they cannot read it."""

from __future__ import annotations

import dataclasses
import hashlib
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text
from tests.postgres import Server
from tests.unit.test_history import OOPS, result, run_info

from vexlab.cli.results import command as results
from vexlab.config import load_settings, without_password
from vexlab.errors import InfraError, UsageError
from vexlab.model.case import RunState
from vexlab.results.baseline import baselines, revision_before, set_baseline, unset_baseline
from vexlab.results.history import problems_of
from vexlab.results.migrations import HEAD
from vexlab.results.retention import prune
from vexlab.results.store import FILE, Store

pytestmark = pytest.mark.usefixtures("each_database")


def _keep(store: Store, number: int, *, finished: bool = True) -> None:
    info = run_info(number)
    store.begin(info, str(store.folder / info.id))
    store.save(info.id, result("a", OOPS) if number > 1 else result("a"))
    if finished:
        store.finish(dataclasses.replace(info, finished=info.started, state=RunState.FINISHED))


def test_what_is_only_read_is_not_written(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        _keep(store, 1)
        _keep(store, 2)
    before = _digests(tmp_path)
    with closing(Store(tmp_path, readonly=True)) as store:
        assert len(problems_of(store).problems) == 1
        assert [each.summary.crashed for each in store.overview()] == [1, 0]
        with pytest.raises(InfraError, match="cannot be written"):
            _keep(store, 3)
    assert _digests(tmp_path) == before


def _digests(folder: Path) -> dict[str, str]:
    """Return the digests of all files but those that SQLite has for itself, and the mark of a run."""
    own = (f"{FILE}-shm", f"{FILE}-wal", ".running")
    files = (each for each in folder.rglob("*") if each.is_file() and each.name not in own)
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_where_nothing_is_yet_nothing_is_made(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "none", readonly=True)) as store:
        assert store.overview() == ()
        with pytest.raises(UsageError, match="there is none yet"):
            store.load("last")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("schema", "error", "words"),
    [("0006", UsageError, "an earlier version of vexlab"), ("9999", InfraError, "a newer vexlab")],
)
def test_a_schema_of_another_version_is_told(tmp_path: Path, schema: str, error: type, words: str) -> None:
    with closing(Store(tmp_path)) as store, store.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :now"), {"now": schema})
    with pytest.raises(error, match=words):
        Store(tmp_path, readonly=True)


@pytest.mark.parametrize("change", ["cases SET result = '[1]'", "runs SET state = 'weird'"])
def test_a_damaged_database_is_told_with_the_next_step(tmp_path: Path, change: str) -> None:
    with closing(Store(tmp_path)) as store:
        _keep(store, 1)
        with store.writing() as session:
            session.execute(text(f"UPDATE {change}"))
    with closing(Store(tmp_path, readonly=True)) as store, pytest.raises(InfraError, match="cannot be read") as told:
        store.load("last")
    assert "is the database damaged?" in told.value.hint


@pytest.mark.parametrize("words", ["state = 'weird'", "provenance = '[1]'"])
def test_what_a_run_holds_is_told_as_damaged(tmp_path: Path, words: str) -> None:
    with closing(Store(tmp_path)) as store:
        _keep(store, 1)
        with store.writing() as session:
            session.execute(text(f"UPDATE runs SET {words}"))
        with pytest.raises(InfraError, match="cannot be read"):
            store.overview()


def test_a_mistake_of_who_reads_is_no_damage(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        _keep(store, 1)
        with pytest.raises(ValueError, match="invalid literal"), store.reading():
            int("a word of the caller's")


def test_no_list_is_longer_than_a_database_counts(tmp_path: Path) -> None:
    done = CliRunner().invoke(results, ["--results", str(tmp_path), "--limit", "9" * 30])
    assert (done.exit_code, "not in the range" in done.output) == (2, True)


def test_the_runs_of_a_store_are_listed_with_their_sums(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        _keep(store, 1)
        _keep(store, 2, finished=False)
    said = CliRunner().invoke(results, ["--results", str(tmp_path), "--limit", "1"]).output
    assert said.count("\n") == 1
    assert "unfinished" in said
    assert "1 crashed" in said
    assert HEAD in CliRunner().invoke(results, ["upgrade", "--results", str(tmp_path)]).output


def test_a_run_that_is_shown_ends_with_its_verdict_and_what_says_more(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        _keep(store, 1)
        _keep(store, 2)
        green, red = (CliRunner().invoke(results, [run_info(n).id, "--results", str(tmp_path)]).output for n in (1, 2))
    assert "1 passed\nverdict: PASSED: " in green
    assert "`vexlab problems" not in green
    assert "1 crashed\nverdict: FAILED: the module is at fault\n" in red
    assert red.endswith(f"1 distinct problem: `vexlab problems {run_info(2).id}`\n")


def test_a_run_that_goes_on_has_no_verdict_yet(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        _keep(store, 1, finished=False)
        said = CliRunner().invoke(results, [run_info(1).id, "--results", str(tmp_path)]).output
    assert "running" in said
    assert "verdict: " not in said


def test_a_baseline_stays_and_names_the_revision_before(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        for number in (1, 2, 3):
            _keep(store, number)
        assert revision_before(store, run_info(3), "d.a[6.1]") == "v1", "it passed there"
        set_baseline(store, run_info(2).id)
        assert [each.id for each in baselines(store, "vexfs")] == [run_info(2).id]
        assert revision_before(store, run_info(3), "d.a[6.1]") == "v2"
        prune(store, keep_days=0, keep_runs=1)
        assert {each.run.id for each in store.overview()} == {run_info(2).id, run_info(3).id}
        assert unset_baseline(store, "vexfs")
        assert not unset_baseline(store, "vexfs")
        assert revision_before(store, run_info(3), "d.a[6.1]") == "", "the run that passed is gone"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://host/db", "cannot be kept in `mysql`"),
        ("postgresql+psycopg://host", "names no database"),
        ("postgresql+psycopg://", "names no database"),
        ("nonsense", "is no URL"),
    ],
)
def test_a_url_that_names_no_database_is_refused(tmp_path: Path, url: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Store(tmp_path, url)


def test_a_server_that_does_not_answer_is_told_without_the_password(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://me:secret@/db?host={tmp_path}"
    with pytest.raises(InfraError, match="cannot be opened") as error:
        Store(tmp_path, url)
    assert "secret" not in f"{error.value.message} {error.value.hint}"
    assert without_password(url) == f"postgresql+psycopg://me@/db?host={tmp_path}"
    assert without_password("postgresql+psycopg://me@h/db") == "postgresql+psycopg://me@h/db"


def test_settings_name_a_database_or_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: Server
) -> None:
    monkeypatch.chdir(tmp_path)
    url = postgres.database_of(tmp_path / "settings")
    for words in (f'results = "{url}"', f'[results]\nurl = "{url}"\nfolder = "there"'):
        Path("vexlab.toml").write_text(words)
        assert load_settings(None).results.url == url
    with closing(Store(tmp_path / "there", url)) as store:
        _keep(store, 1)
    said = CliRunner().invoke(results, []).output
    assert run_info(1).id in said
    assert not list(tmp_path.rglob(FILE))


def test_an_empty_list_of_runs_says_so(tmp_path: Path) -> None:
    done = CliRunner().invoke(results, ["--results", str(tmp_path)])
    assert (done.exit_code, done.stdout) == (0, "")
    assert f"no run in {tmp_path} yet" in done.stderr


def test_a_beginning_that_fits_several_runs_is_refused(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        for number in range(1, 6):
            _keep(store, number)
        whole = run_info(3).id
        assert store.info(whole).id == whole
        with pytest.raises(UsageError, match=f"of several runs, {run_info(5).id} and {run_info(4).id}"):
            store.info(whole[:4])


@pytest.mark.parametrize("words", [["pin", "last"], ["unpin", "last"], ["prune", "--keep-runs", "1"]])
def test_what_changes_results_makes_none(tmp_path: Path, words: list[str]) -> None:
    done = CliRunner().invoke(results, [*words, "--results", str(tmp_path / "mistyped")])
    assert isinstance(done.exception, UsageError)
    assert "there are no results in" in done.exception.message
    assert not list(tmp_path.iterdir())
