"""Fixtures of several files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url
from tests.postgres import MissingServerError, Server, server

from vexlab.results import database


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server of this test process."""
    try:
        with server() as running:
            yield running
    except MissingServerError as error:
        pytest.skip(f"no PostgreSQL server: {error}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what needs a store, and so a folder, with each database; the rest once."""
    if "each_database" in metafunc.fixturenames:
        kinds = ["sqlite", "postgresql"] if "tmp_path" in metafunc.fixturenames else ["sqlite"]
        metafunc.parametrize("each_database", kinds, indirect=True)


@pytest.fixture
def each_database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every store that names no database has one of this kind; a folder has the same one each time."""
    if request.param == "postgresql":
        running: Server = request.getfixturevalue("postgres")
        monkeypatch.setattr(database, "url_of", lambda folder: make_url(running.database_of(Path(folder))))
    return str(request.param)
