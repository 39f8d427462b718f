"""Old runs go, with their evidence: not the pinned ones, not the one that goes on, not what history needs."""

from __future__ import annotations

import dataclasses
import datetime
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from tests.unit.test_history import OOPS, result, run_info

from vexlab.model.case import RunState
from vexlab.results import database
from vexlab.results.history import problems_of
from vexlab.results.retention import Held, expendable, pin, pinned_runs, prune
from vexlab.results.store import FILE, Store

pytestmark = pytest.mark.usefixtures("each_database")

NOW = datetime.datetime(2026, 11, 11, tzinfo=datetime.UTC)


def _days(*numbers: int, target: str = "vexfs", **fields: bool) -> list[Held]:
    return [Held(run=run_info(number, target), **fields) for number in numbers]


@pytest.mark.parametrize(
    ("keep_days", "keep_runs", "gone"),
    [(0, 0, []), (5, 0, [1, 2, 3, 4, 5]), (0, 3, [1, 2, 3, 4, 5, 6, 7]), (5, 8, [1, 2]), (30, 1, [])],
)
def test_a_run_goes_where_neither_limit_keeps_it(keep_days: int, keep_runs: int, gone: list[int]) -> None:
    found = expendable(_days(*range(1, 11)), keep_days=keep_days, keep_runs=keep_runs, now=NOW)
    assert [run.id for run in found] == [run_info(number).id for number in gone]


def test_more_days_than_a_calendar_has_keep_everything() -> None:
    assert not expendable(_days(1, 2), keep_days=10**12, keep_runs=0, now=NOW)


def test_each_target_has_its_newest_runs_and_what_is_pinned_or_goes_on_stays() -> None:
    held = [*_days(1, target="ext4"), *_days(2, pinned=True), *_days(3, running=True), *_days(4, 5)]
    found = expendable(held, keep_days=0, keep_runs=1, now=NOW)
    assert [run.id for run in found] == [run_info(4).id]


def _filled(folder: Path) -> Store:
    store = Store(folder)
    for number in range(1, 5):
        info = run_info(number)
        store.begin(info, str(folder / info.id))
        (folder / info.id / "log").write_text("x" * 5000)
        store.save(info.id, result("a", OOPS))
        if number < 4:
            store.finish(dataclasses.replace(info, finished=info.started, state=RunState.FINISHED))
    return store


def _left(store: Store) -> list[str]:
    return sorted(run.run.id[:8] for run in store.runs())


def test_evidence_and_rows_go_together_and_a_dry_run_removes_nothing(tmp_path: Path) -> None:
    with closing(_filled(tmp_path)) as store:
        pin(store, run_info(1).id)
        would = prune(store, keep_days=0, keep_runs=1, dry_run=True, now=NOW)
        assert _left(store) == ["20261101", "20261102", "20261103", "20261104"]
        assert all(each.evidence and each.evidence.is_dir() and each.size >= 5000 for each in would)
        assert prune(store, keep_days=0, keep_runs=1, now=NOW) == would
        assert _left(store) == ["20261101", "20261104"], "one is pinned, the other goes on"
        assert sorted(path.name[:8] for path in tmp_path.glob("2026*")) == ["20261101", "20261104"]
        assert prune(store, keep_days=0, keep_runs=1, now=NOW) == ()


def test_a_run_that_goes_on_stays_until_its_process_ends(tmp_path: Path) -> None:
    with closing(_filled(tmp_path)) as store, closing(Store(tmp_path)) as other:
        later = run_info(9)
        other.begin(later, str(tmp_path / later.id))
        pruned = prune(other, keep_days=0, keep_runs=1, now=NOW)
        assert _left(other) == ["20261104", "20261109"]
        store.close()
        pruned = prune(other, keep_days=0, keep_runs=1, now=NOW)
        assert [each.run.id for each in pruned] == [run_info(4).id]


def test_what_was_seen_first_in_a_pruned_run_is_still_told(tmp_path: Path) -> None:
    with closing(_filled(tmp_path)) as store:
        prune(store, keep_days=0, keep_runs=1, now=NOW)
        (history,) = problems_of(store).problems
        assert (history.first.revision, history.runs) == ("v1", 4)


def test_a_pin_can_be_taken_away(tmp_path: Path) -> None:
    with closing(_filled(tmp_path)) as store:
        run = pin(store, run_info(1).id)
        assert pinned_runs(store) == {run.id}
        pin(store, run.id, pinned=False)
        assert pinned_runs(store) == frozenset()


def test_a_copy_of_a_database_leaves_the_evidence_of_the_original_alone(tmp_path: Path, each_database: str) -> None:
    if each_database == "postgresql":
        pytest.skip("a server's database does not lie in the folder that is copied")
    _filled(tmp_path / "first").close()
    (tmp_path / "second").mkdir()
    for file in (tmp_path / "first").glob(f"{FILE}*"):
        shutil.copy(file, tmp_path / "second")
    with closing(Store(tmp_path / "second")) as copy:
        assert len(prune(copy, keep_days=0, keep_runs=1, now=NOW)) == 3
        assert _left(copy) == ["20261104"]
    assert len(list((tmp_path / "first").glob("2026*"))) == 4


@pytest.mark.parametrize("name", ["..", ".", "a/../.."])
def test_an_id_that_leads_elsewhere_removes_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "kept").touch()
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "kept").touch()
    info = dataclasses.replace(run_info(1), id=name)
    with closing(Store(tmp_path / "r")) as store:
        store.begin(info, str(tmp_path / "elsewhere"))
        store.finish(dataclasses.replace(info, finished=info.started, state=RunState.FINISHED))
        prune(store, keep_days=1, keep_runs=0, now=NOW)
        assert (tmp_path / "r" / "kept").exists()
    assert (tmp_path / "kept").exists()


def test_a_folder_elsewhere_is_never_removed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    info = run_info(1)
    with closing(Store(tmp_path / "r")) as store:
        store.begin(info, str(home))
        store.finish(dataclasses.replace(info, finished=info.started, state=RunState.FINISHED))
        assert len(prune(store, keep_days=1, keep_runs=0, now=NOW)) == 1
    assert home.is_dir()


def test_a_results_folder_that_was_moved_is_pruned_where_it_is(tmp_path: Path) -> None:
    url = database.url_of(tmp_path / "old").render_as_string(hide_password=False)
    _filled(tmp_path / "old").close()
    (tmp_path / "old").rename(tmp_path / "new")
    with closing(Store(tmp_path / "new", url.replace("/old/", "/new/"))) as store:
        prune(store, keep_days=0, keep_runs=1, now=NOW)
        assert [path.name[:8] for path in (tmp_path / "new").glob("2026*")] == ["20261104"]
