"""Databases of earlier versions are brought up to date; those in stores/ are of real runs, as that schema kept them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from vexlab.errors import InfraError
from vexlab.model.case import RunResult, RunState
from vexlab.model.history import Standing
from vexlab.model.key import CaseKey
from vexlab.model.metric import Direction, Metric
from vexlab.model.problem import GROUPING
from vexlab.model.provenance import Provenance
from vexlab.model.verdict import Verdict
from vexlab.results.evidence import check_evidence
from vexlab.results.findings import reported
from vexlab.results.history import problems_of
from vexlab.results.schema import Base
from vexlab.results.store import FILE, Store

STORES = Path(__file__).parent / "stores"


def _upgraded(folder: Path, version: str) -> dict[str, RunResult]:
    """Return the runs of a store as it is now, by the beginning of their names."""
    with closing(sqlite3.connect(folder / FILE)) as old:
        old.executescript((STORES / f"{version}.sql").read_text())
    Store(folder).close()
    with closing(Store(folder)) as again:  # opened again, there is nothing to do
        return {each.run.id[9:15]: each for each in again.runs()}


def test_a_database_without_a_version_is_upgraded(tmp_path: Path) -> None:
    runs = _upgraded(tmp_path, "0001")
    assert {each.run.state for each in runs.values()} == {RunState.FINISHED}
    assert {each.run.provenance for each in runs.values()} == {Provenance()}
    assert runs["093254"].cases == ()
    (crashed,) = runs["083055"].cases
    assert crashed.key == CaseKey(
        domain="filesystem_operations", name="family", kernel="6.1", parameters="xattr", target="vexfs"
    )
    assert (crashed.verdict, crashed.digest, len(crashed.findings)) == (Verdict.CRASHED, "", 1)
    assert crashed.findings[0].frame == "vexfs_set_xattr"
    with closing(Store(tmp_path)) as store:
        (seen,) = reported(store, "vexfs_set_xattr")
    assert (seen.title, seen.case, seen.cases) == (crashed.findings[0].title, crashed.id, 1)
    figures = {case.key.name: case.metrics for case in runs["081013"].cases}
    assert figures["mount_cycles"] == (Metric(name="slowest_s", value=0.088941, unit="s", direction=Direction.LOWER),)
    assert figures["tree_kept"] == ()


def test_a_database_with_plans_is_upgraded(tmp_path: Path) -> None:
    runs = Store(tmp_path / "none").runs()
    assert runs == ()
    _upgraded(tmp_path, "0002")
    with closing(Store(tmp_path)) as store:
        interrupted, finished = store.runs()
    assert (interrupted.run.state, finished.run.state) == (RunState.INTERRUPTED, RunState.FINISHED)
    assert [(case.id, case.verdict.value, case.reason[:19]) for case in interrupted.cases] == [
        ("mine.good[6.1]", "passed", ""),
        ("mine.spin[6.1]", "undecided", "the run was interru"),
    ]
    assert (finished.summary.passed, finished.summary.skipped, finished.summary.crashed) == (2, 3, 1)
    assert {case.key.parameters for case in finished.cases} == {"", "link", "ext4"}
    assert {case.key.target for case in finished.cases} == {"myfs"}


def test_the_problems_of_earlier_runs_are_noted_when_asked_for(tmp_path: Path) -> None:
    _upgraded(tmp_path, "0005")
    with closing(Store(tmp_path)) as store:
        told = problems_of(store)
        assert (told.run.id, told.run.target) == ("20261128-122830-9fb9", "vexfs-five")
        standings = {(each.problem.cases[0], each.standing) for each in told.problems}
    assert standings == {
        ("safety_validation.operation_leaks[6.1-cold]", Standing.KNOWN),
        ("filesystem_operations.operations[6.1-directories]", Standing.KNOWN),
        ("filesystem_operations.operations[6.1-files]", Standing.KNOWN),
        ("filesystem_operations.tree_persists[6.1]", Standing.NEW),
        ("filesystem_operations.tree_persists[6.1]", Standing.OPEN),  # it now fails in other words
        ("filesystem_operations.family[6.1-io]", Standing.FIXED),
        ("filesystem_operations.mount_cycles[6.1]", Standing.FIXED),
        ("filesystem_operations.refusals[6.1]", Standing.OPEN),
    }
    with closing(sqlite3.connect(tmp_path / FILE)) as upgraded:
        assert upgraded.execute("SELECT count(*) FROM problems").fetchone() == (11,)
        assert upgraded.execute("SELECT min(grouping), sum(pinned) FROM runs").fetchone() == (GROUPING, 0)


def test_the_findings_of_the_version_before_are_noted(tmp_path: Path) -> None:
    (run,) = _upgraded(tmp_path, "0008").values()
    with closing(Store(tmp_path)) as store:
        (seen,) = reported(store, "vexfs_readdir")
        assert check_evidence(store, "last").same == 0, "what earlier versions left was not noted"
    assert (seen.title, seen.run) == (
        "BUG: unable to handle kernel NULL pointer dereference in vexfs_readdir",
        "20261129-091417-b10a",
    )
    assert (seen.case, seen.kernels) == ("safety_validation.damaged_fields[6.1-even]", ("6.1",))
    assert "RIP: 0010:vexfs_readdir" in seen.excerpt
    assert run.summary.crashed == 1


def test_every_id_stays_what_it_was(tmp_path: Path) -> None:
    for version in ("0001", "0002", "0005", "0008"):
        folder = tmp_path / version
        folder.mkdir()
        _upgraded(folder, version)
        with closing(sqlite3.connect(folder / FILE)) as upgraded:
            ids = {row[0] for row in upgraded.execute("SELECT id FROM cases")}
        with closing(Store(folder)) as store:
            assert {case.id for each in store.runs() for case in each.cases} == ids


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / FILE)) as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
        newer.commit()
    with pytest.raises(InfraError, match="newer vexlab"):
        Store(tmp_path)


def test_the_tables_are_what_the_migrations_make(tmp_path: Path) -> None:
    Store(tmp_path).close()
    engine = create_engine(f"sqlite:///{tmp_path / FILE}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()
