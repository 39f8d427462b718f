"""A store that hosts share on a PostgreSQL server: who may do what, and a backup that is given back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url
from tests.postgres import USER, Server
from tests.unit.test_history import OOPS, result, run_info

from vexlab.errors import InfraError
from vexlab.model.case import RunInfo
from vexlab.results.store import Store

ROLES = Path(__file__).parents[3] / "infrastructure" / "postgresql" / "roles.sql"
MEMBERS = {"lab1": "vexlab_writer", "team": "vexlab_reader"}


@pytest.fixture(scope="module")
def shared(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database with a run in it, for its owner; ``lab1`` may write there, ``team`` may read."""
    url = postgres.database_of(tmp_path_factory.mktemp("shared"))
    with closing(Store(tmp_path_factory.mktemp("owner"), url)) as store:
        _keep(store, run_info(1))
    with _asked(postgres, url) as connection:
        for _ in range(2):
            connection.execute(ROLES.read_bytes())
        for name, role in MEMBERS.items():
            connection.execute(f"CREATE ROLE {name} LOGIN IN ROLE {role}".encode())
        yield url
        for name in MEMBERS:
            connection.execute(f"DROP ROLE {name}".encode())


def _keep(store: Store, run: RunInfo) -> None:
    store.begin(run, str(store.folder / run.id))
    store.save(run.id, result("a", OOPS))


def _asked(server: Server, url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(host=str(server.folder), user=USER, dbname=make_url(url).database, autocommit=True)


def _as(name: str, url: str) -> str:
    return make_url(url).set(username=name).render_as_string(hide_password=False)


def test_a_host_adds_results_and_changes_no_table(shared: str, postgres: Server, tmp_path: Path) -> None:
    with closing(Store(tmp_path, _as("lab1", shared))) as store:
        _keep(store, run_info(2))
        assert [case.verdict for case in store.load(run_info(2).id).cases] == [result("a", OOPS).verdict]
    with psycopg.connect(host=str(postgres.folder), user="lab1", dbname=make_url(shared).database) as connection:
        for words in (b"UPDATE alembic_version SET version_num = '9999'", b"DROP TABLE cases", b"CREATE TABLE mine ()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(words)
            connection.rollback()


def test_a_reader_reads_and_can_add_nothing(shared: str, tmp_path: Path) -> None:
    with closing(Store(tmp_path, _as("team", shared), readonly=True)) as store:
        assert store.load(run_info(1).id).cases
    with closing(Store(tmp_path, _as("team", shared))) as store, pytest.raises(InfraError, match="permission denied"):
        _keep(store, run_info(3))


def test_nobody_else_comes_in(shared: str, postgres: Server, tmp_path: Path) -> None:
    with _asked(postgres, shared) as connection:
        connection.execute(b"CREATE ROLE stranger LOGIN")
        try:
            with pytest.raises(InfraError, match="permission denied for database"):
                Store(tmp_path, _as("stranger", shared), readonly=True)
        finally:
            connection.execute(b"DROP ROLE stranger")


def test_a_backup_is_given_back(shared: str, postgres: Server, tmp_path: Path) -> None:
    with closing(Store(tmp_path, shared, readonly=True)) as store:
        before = store.load(run_info(1).id)
    copy = postgres.database_of(tmp_path / "copy")
    dump = postgres.run(["pg_dump", "--format=custom", f"--dbname={_plain(shared)}"])
    postgres.run(["pg_restore", "--exit-on-error", f"--dbname={_plain(copy)}"], stdin=dump)
    with closing(Store(tmp_path, copy)) as store:
        assert store.load(run_info(1).id) == before
        _keep(store, run_info(4))


def _plain(url: str) -> str:
    """Return ``url`` as PostgreSQL's own programs read it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
