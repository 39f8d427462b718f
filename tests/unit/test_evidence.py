"""Evidence is noted by its checksums, equal contents lie on the disk once, and what was changed since is told."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from tests.unit.test_history import OOPS, WARN, result, run_info

from vexlab.cli.results import command
from vexlab.model.case import CaseResult, RunState
from vexlab.results.archive import export_runs, import_runs
from vexlab.results.evidence import CONTENT, Kind, check_evidence, keep_evidence
from vexlab.results.findings import reported
from vexlab.results.retention import prune
from vexlab.results.schema import ArtifactRow, FindingRow
from vexlab.results.store import Store

pytestmark = pytest.mark.usefixtures("each_database")

SAME = "what every machine says when it boots\n" * 100


def _save(store: Store, number: int, case: CaseResult, **files: str) -> CaseResult:
    """Keep a run of one case with ``files`` as its evidence; ``__`` in their names stands for a dot."""
    info = run_info(number)
    folder = store.folder / info.id / "cases" / case.id
    folder.mkdir(parents=True)
    for name, words in files.items():
        (folder / name.replace("__", ".")).write_text(words)
    case = dataclasses.replace(case, evidence=str(folder))
    store.begin(info, str(store.folder / info.id))
    store.save(info.id, case)
    keep_evidence(store, info.id, case)
    store.finish(dataclasses.replace(info, finished=info.started, state=RunState.FINISHED))
    return case


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "results")) as opened:
        yield opened


def test_equal_contents_lie_on_the_disk_once(store: Store) -> None:
    first = _save(store, 1, result("a"), boot__log=SAME, console__log="one", empty="")
    second = _save(store, 2, result("a"), boot__log=SAME, console__log="two", empty="")
    logs = [Path(each.evidence, "boot.log") for each in (first, second)]
    assert logs[0].stat().st_ino == logs[1].stat().st_ino
    assert [Path(each.evidence, "console.log").read_text() for each in (first, second)] == ["one", "two"]
    assert len([each for each in (store.folder / CONTENT).rglob("*") if each.is_file()]) == 3, "nothing of the empty"
    with store.reading() as session:
        rows = session.scalars(select(ArtifactRow).order_by(ArtifactRow.case, ArtifactRow.name)).all()
    assert [(row.name, row.kind, row.size) for row in rows[:3]] == [
        ("boot.log", Kind.OTHER, len(SAME)), ("console.log", Kind.CONSOLE, 3), ("empty", Kind.OTHER, 0)
    ]  # fmt: skip
    assert rows[0].digest == rows[3].digest


def test_a_script_does_not_lose_that_it_can_be_run(store: Store) -> None:
    _save(store, 1, result("a"), reproduce="#!/bin/sh\n")
    folder = store.folder / run_info(2).id / "cases" / result("a").id
    folder.mkdir(parents=True)
    script = folder / "reproduce"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    case = dataclasses.replace(result("a"), evidence=str(folder))
    store.begin(run_info(2), str(store.folder / run_info(2).id))
    store.save(run_info(2).id, case)
    keep_evidence(store, run_info(2).id, case)
    assert script.stat().st_mode & 0o777 == 0o755


def test_what_was_changed_or_removed_is_told(store: Store) -> None:
    case = _save(store, 1, result("a"), console__log="BUG: f", outcome__txt="failed", case__json="{}")
    assert (check_evidence(store, "last").same, check_evidence(store, "last").changed) == (3, ())
    folder = Path(case.evidence)
    (folder / "console.log").write_text("all fine")
    (folder / "outcome.txt").unlink()
    checked = check_evidence(store, "last")
    assert (checked.same, checked.changed, checked.missing) == (
        1, (f"cases/{case.id}/console.log",), (f"cases/{case.id}/outcome.txt",)
    )  # fmt: skip


def test_links_and_folders_elsewhere_are_left_alone(store: Store, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    info = run_info(1)
    folder = store.folder / info.id / "cases" / "a"
    folder.mkdir(parents=True)
    (folder / "link").symlink_to(outside / "secret")
    os.mkfifo(folder / "fifo")
    case, other = (dataclasses.replace(result(n), evidence=str(f)) for n, f in (("a", folder), ("b", outside)))
    odd = dataclasses.replace(result("c"), evidence=f"{store.folder}/../outside")
    store.begin(info, str(store.folder / info.id))
    for each in (case, other, odd):
        store.save(info.id, each)
        assert keep_evidence(store, info.id, each) == ()
    assert (outside / "secret").stat().st_nlink == 1
    assert not (store.folder / CONTENT).exists()


def test_what_somebody_wrote_into_shared_evidence_gets_into_no_other_run(store: Store) -> None:
    first, second = (_save(store, number, result("a"), boot__log=SAME) for number in (1, 2))
    with Path(first.evidence, "boot.log").open("r+") as shared:
        shared.write("X")
    third = _save(store, 3, result("a"), boot__log=SAME)
    assert Path(third.evidence, "boot.log").read_text() == SAME
    assert check_evidence(store, run_info(3).id).same == 1
    for number, case in ((1, first), (2, second)):
        assert check_evidence(store, run_info(number).id).changed == (f"cases/{case.id}/boot.log",)
    fourth = _save(store, 4, result("a"), boot__log=SAME)
    logs = [Path(each.evidence, "boot.log") for each in (third, fourth)]
    assert logs[0].stat().st_ino == logs[1].stat().st_ino, "the content is what it was again, and shared"


def test_names_that_look_alike_are_one_row(store: Store) -> None:
    _save(store, 1, result("a"), **{"a\x01": "one", "a\\x01": "two"})
    with store.reading() as session:
        assert [row.name for row in session.scalars(select(ArtifactRow))] == ["a\\x01"]


def test_what_no_run_has_any_more_goes_with_the_last_one(store: Store) -> None:
    for number in (1, 2, 3):
        _save(store, number, result("a"), boot__log=SAME * 30, console__log=str(number) * 9000)
    gone = prune(store, keep_days=0, keep_runs=2)
    assert [each.run.id for each in gone] == [run_info(1).id]
    assert gone[0].size < len(SAME * 30), "what the others share stays, and is not counted"
    kept = [each for each in (store.folder / CONTENT).rglob("*") if each.is_file()]
    assert len(kept) == 3
    assert check_evidence(store, "last").same == 2
    with store.reading() as session:
        assert len(session.scalars(select(ArtifactRow)).all()) == 4
    prune(store, keep_days=0, keep_runs=1)
    assert len([each for each in (store.folder / CONTENT).rglob("*") if each.is_file()]) == 2


def test_a_run_from_elsewhere_shares_and_an_archive_has_no_links(store: Store, tmp_path: Path) -> None:
    _save(store, 1, result("a"), boot__log=SAME, again__log=SAME)
    file = tmp_path / "a.tar.gz"
    export_runs(store, ["last"], file, evidence=True)
    with closing(Store(tmp_path / "other")) as other:
        (done,) = import_runs(other, file)
        assert done.added
        assert check_evidence(other, "last").same == 2
        assert len([each for each in (other.folder / CONTENT).rglob("*") if each.is_file()]) == 1


def test_reports_are_found_in_all_runs(store: Store) -> None:
    framed = dataclasses.replace(OOPS, frame="vexfs_f", text="\x00BUG: first\nRIP: vexfs_f")
    for number in (1, 2, 3):
        _save(store, number, result("a", framed) if number < 3 else result("a", WARN))
    assert [(each.title, each.cases, each.runs) for each in reported(store, "null")] == [("BUG: NULL in f", 2, 2)]
    (found,) = reported(store, "vexfs_f")
    assert (found.first[:10], found.last[:10], found.run) == ("2026-11-01", "2026-11-02", run_info(2).id)
    assert (found.targets, found.kernels) == (("vexfs",), ("6.1",))
    assert found.excerpt.endswith("BUG: first\nRIP: vexfs_f")
    assert "\0" not in found.excerpt
    assert [each.title for each in reported(store, "in")] == ["WARNING in g", "BUG: NULL in f"]
    assert [each.title for each in reported(store, "bbbb")] == ["WARNING in g"]
    assert reported(store, "100%") == ()
    assert prune(store, keep_days=0, keep_runs=1)
    with store.reading() as session:
        assert len(session.scalars(select(FindingRow)).all()) == 1


def test_the_commands_say_what_they_found(store: Store, each_database: str) -> None:
    if each_database != "sqlite":
        pytest.skip("the command opens the store by its folder")
    case = _save(store, 1, result("a", OOPS), console__log="BUG")
    run = CliRunner().invoke
    found = run(command, ["find", "NULL", "--results", str(store.folder)])
    assert found.output.splitlines()[0] == "BUG: NULL in f"
    assert "1 case of 1 run" in found.output
    assert run(command, ["find", "nothing", "--results", str(store.folder)]).exit_code == 1
    checked = run(command, ["check", "--results", str(store.folder)])
    assert (checked.output, checked.exit_code) == ("1 file as they were, 0 changed, 0 missing\n", 0)
    Path(case.evidence, "console.log").write_text("fine")
    checked = run(command, ["check", "--results", str(store.folder)])
    assert (checked.output.splitlines()[0], checked.exit_code) == (f"changed  cases/{case.id}/console.log", 1)
