"""The database behind a store: SQLite in the results folder, or that of a PostgreSQL server, named by its URL."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from vexlab.errors import InfraError, UsageError
from vexlab.results.migrations import HEAD, check, upgrade
from vexlab.results.schema import Base
from vexlab.tables import visible

FILE = "vexlab.sqlite"
POSTGRES = "postgresql+psycopg"
_LOCK = ".lock"
_BUSY_S = 30.0
_CONNECT_S = 10
_UPGRADE_LOCK = 0x7665786C  # of PostgreSQL's advisory locks, those of one 64-bit number: "vexl"


def url_of(folder: Path) -> URL:
    """Return the URL of the database of the results in ``folder``, where no other is named."""
    return URL.create("sqlite", database=str(folder / FILE))


class Database:
    """An open database. Raises ``UsageError`` for a URL that names none, ``InfraError`` where it cannot be opened.

    With ``readonly`` nothing is ever written, not even a newer schema: ``UsageError`` tells of an older one. Where
    there is no database yet it is an empty one, of which nobody but the caller knows.
    """

    def __init__(self, folder: Path, url: str = "", *, readonly: bool = False) -> None:
        self._folder = folder
        self._url = _parsed(url) if url else url_of(folder)
        self.is_shared = self._url.drivername == POSTGRES
        self._file = None if self.is_shared else Path(str(self._url.database))
        self.name = self._url.render_as_string(hide_password=True) if self.is_shared else str(folder)
        self._locks: dict[str, Connection] = {}
        self.schema: str | None = HEAD
        try:
            if not readonly:  # evidence lies there, whatever the database
                folder.mkdir(parents=True, exist_ok=True)
            self.engine = self._made(readonly=readonly)
            if readonly:
                self._look()
            else:
                self.schema = self._upgrade()
        except ImportError as error:
            raise UsageError(
                f"results in PostgreSQL need the package psycopg: {error}", hint="pip install 'vexlab[postgres]'"
            ) from error
        except (OSError, SQLAlchemyError) as error:
            raise self._refusal(error, readonly=readonly) from error

    def _refusal(self, error: Exception, *, readonly: bool) -> InfraError:
        words = str(getattr(error, "orig", None) or error).strip()
        if self.is_shared and not isinstance(error, OSError):
            hint = "is the server up, and are name, password and database of the URL right?"
            return InfraError(f"the results in {self.name} cannot be opened: {words}", hint=hint)
        done = "read" if readonly else "written"
        return InfraError(
            f"the results folder {self._folder} cannot be {done}: {words}", hint="choose another with --results"
        )

    def _made(self, *, readonly: bool) -> Engine:
        if self._file is None:
            options = "-c default_transaction_read_only=on" if readonly else ""
            arguments = {"connect_timeout": _CONNECT_S, "options": options, "application_name": "vexlab"}
            return create_engine(self._url, connect_args=arguments, pool_pre_ping=True)
        if not readonly:
            engine = create_engine(self._url, connect_args={"timeout": _BUSY_S})
            event.listen(engine, "connect", _set_up_connection)
            return engine
        if not self._file.exists():
            return create_engine("sqlite://")
        uri = _read_only(self._file)
        return create_engine(
            "sqlite://", creator=lambda: sqlite3.connect(uri, uri=True, timeout=_BUSY_S), poolclass=NullPool
        )

    def _look(self) -> None:
        """See that there is something to read; of an empty database make an empty one of our own."""
        with self.engine.connect() as connection:
            if check(connection):
                return
        self.engine.dispose()
        self.engine = create_engine("sqlite://")
        Base.metadata.create_all(self.engine)

    def _upgrade(self) -> str | None:
        """Bring the schema up to date, one process at a time; return what it was, ``None`` where there was none."""
        with self._alone(), self.engine.begin() as connection:
            if self.is_shared:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
            return upgrade(connection)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from the file meanwhile: two may both find an empty folder."""
        if self._file is None:
            yield
            return
        with (self._file.parent / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def hold(self, run: str) -> None:
        """Have the server know that ``run`` goes on until it is released or this process ends; on a file nothing."""
        if self.is_shared:
            connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._locks[run] = connection
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _key_of(run)})

    def release(self, run: str) -> None:
        """Let go of ``run``."""
        if connection := self._locks.pop(run, None):
            with contextlib.suppress(SQLAlchemyError):  # a server that went away has let go already
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _key_of(run)})
            connection.invalidate()  # a lock that is left is that of the server's session, which a pool would keep
            connection.close()

    def is_held(self, run: str) -> bool:
        """Whether a process somewhere holds ``run``; of a file the server knows nothing, and says no."""
        if not self.is_shared:
            return False
        with self.engine.connect() as connection:  # shared: who only looks does not stop others from looking
            free = connection.scalar(text("SELECT pg_try_advisory_xact_lock_shared(:key)"), {"key": _key_of(run)})
        return not free

    def close(self) -> None:
        """Close every connection."""
        for run in tuple(self._locks):
            self.release(run)
        self.engine.dispose()


def _parsed(words: str) -> URL:
    try:
        url = make_url(words)
    except ArgumentError as error:
        raise UsageError(f"`{visible(words)}` is no URL of a database", hint=_EXAMPLE) from error
    if url.drivername not in (POSTGRES, "sqlite"):
        raise UsageError(f"results cannot be kept in `{visible(url.drivername)}`", hint=_EXAMPLE)
    if url.drivername == POSTGRES and not url.database:
        raise UsageError("the URL of the results names no database", hint=_EXAMPLE)
    return url


_EXAMPLE = f"{POSTGRES}://user@host/database is one; a password may stand in ~/.pgpass"


def _read_only(file: Path) -> str:
    """Return SQLite's URI (https://www.sqlite.org/uri.html) of a file to read.

    In a folder that cannot be written SQLite cannot make the shared memory of a write-ahead log. Nobody else can,
    either, and where no log is left the file is complete by itself.
    """
    fixed = not os.access(file.parent, os.W_OK) and not Path(f"{file}-wal").exists()
    return f"{file.absolute().as_uri()}?mode=ro{'&immutable=1' if fixed else ''}"


def _key_of(run: str) -> int:
    """Return a number of 64 bits, signed, as PostgreSQL's advisory locks have it."""
    return int.from_bytes(hashlib.sha256(run.encode()).digest()[:8], signed=True)


def _set_up_connection(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    if isinstance(connection, sqlite3.Connection):
        (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        # In WAL mode NORMAL survives a kill without an fsync a case. Where the filesystem has no shared memory, as some
        # network filesystems do, SQLite stays in another mode, in which NORMAL may lose the file with the power.
        connection.execute(f"PRAGMA synchronous={'NORMAL' if mode == 'wal' else 'FULL'}")
