"""A real PostgreSQL server for a test: of the distribution's package, on a socket of its own, as an ordinary user."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from vexlab.apt import Apt
from vexlab.config import cache_dir
from vexlab.errors import VexlabError

PACKAGES = ("postgresql-15", "postgresql-client-15", "libpq5")
NOBODY = 65534  # initdb refuses root
USER = "vexlab"
_START_S = 120.0
# Nothing here outlives the test, so no write waits for the disk.
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "jit": "off",
    "max_connections": "60",
    "shared_buffers": "256MB",
}


class MissingServerError(Exception):
    """There is no server to test with; the words say why."""


class Server:
    """A running server."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make a cluster and start the server; raise ``MissingServerError`` where that fails."""
        data = self.folder / "data"
        made = self._run(
            ["initdb", "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        )
        if made.returncode:
            raise MissingServerError(f"initdb failed: {made.stderr.decode(errors='replace')[-500:]}")
        self.start_again()

    def start_again(self) -> None:
        """Start the server on the data that it has; raise ``MissingServerError`` where that fails."""
        data = self.folder / "data"
        options = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                self._argv(["postgres", "-D", str(data), "-k", str(self.folder), *options]), stdout=log, stderr=log
            )
        deadline = time.monotonic() + _START_S
        while not (self.folder / ".s.PGSQL.5432").exists() or not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log_text = (self.folder / "log").read_text(errors="replace")
                raise MissingServerError(f"the server did not start: {log_text[-500:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End the server by its own process id."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGQUIT)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(20)
        self._process.kill()
        self._process.wait()

    def kill(self) -> None:
        """End the server as the kernel does where memory runs out, and wait till nobody works on its data."""
        assert self._process is not None
        backends = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for pid in (self._process.pid, *map(int, backends)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(20)
        deadline = time.monotonic() + 20
        while any(Path(f"/proc/{pid}").exists() for pid in backends) and time.monotonic() < deadline:
            time.sleep(0.05)

    def url(self, database: str) -> str:
        """Return the URL of a database of this server."""
        return f"postgresql+psycopg://{USER}@/{database}?host={self.folder}"

    def database_of(self, folder: Path) -> str:
        """Return the URL of a database for the results in ``folder``, which is made when it is first asked for."""
        self.make(_name_of(folder))
        return self.url_of(folder)

    def url_of(self, folder: Path) -> str:
        """Return the URL of the database for the results in ``folder``."""
        return self.url(_name_of(folder))

    def make(self, name: str) -> None:
        """Make a database, unless it is there."""
        import psycopg

        with closing(psycopg.connect(host=str(self.folder), user=USER, dbname="postgres", autocommit=True)) as asked:
            for _ in range(20):
                if asked.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
                    return
                # another process may make it, too, or a third hold the template just now
                with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                    asked.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        raise AssertionError(f"no database {name}")

    def run(self, argv: Sequence[str], stdin: bytes = b"") -> bytes:
        """Return what one of the server's programs, ``pg_dump`` for one, writes; it must end well."""
        ended = self._run(argv, stdin)
        assert not ended.returncode, ended.stderr.decode(errors="replace")
        return ended.stdout

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(host=str(self.folder), user=USER, dbname="postgres", connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, argv: Sequence[str], stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(self._argv(argv), check=False, capture_output=True, input=stdin, timeout=300)

    def _argv(self, argv: Sequence[str]) -> list[str]:
        """Return the command as an ordinary user's, which ends with this process."""
        user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
        return ["setpriv", *user, "--pdeathsig=QUIT", str(self._programs / argv[0]), *argv[1:]]


def _name_of(folder: Path) -> str:
    return f"d{hashlib.sha256(str(folder).encode()).hexdigest()[:20]}"


@contextmanager
def server() -> Iterator[Server]:
    """Give a running server; raise ``MissingServerError`` where there can be none."""
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise MissingServerError(f"psycopg is not installed: {error}") from error
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # short: the socket lies in it
    try:
        running = Server(_programs(folder), folder)
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        try:
            running.start()
            yield running
        finally:
            running.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs(folder: Path) -> Path:
    """Return the folder of an installed server's programs, or of those that are unpacked into ``folder``."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if installed:
        return installed[-1].parent
    for file in _packages():
        subprocess.run(["dpkg-deb", "-x", str(file), str(folder / "root")], check=True, timeout=120)
    folder.chmod(0o755)
    (programs,) = (folder / "root").glob("usr/lib/postgresql/*/bin")
    needed = subprocess.run(
        ["ldd", str(programs / "postgres")], check=False, capture_output=True, text=True, timeout=60
    )
    # libldap-2.5.so.0 => not found
    if lacking := re.findall(r"(\S+) => not found", needed.stdout):
        raise MissingServerError(f"PostgreSQL's server needs libraries that this host lacks: {', '.join(lacking)}")
    return programs


def _packages() -> list[Path]:
    """Return the package files: those fetched before, or fetched now."""
    apt = Apt(cache_dir() / "apt")
    archives = apt.root / "cache" / "archives"
    found = [sorted(archives.glob(f"{name}_*.deb")) for name in PACKAGES]
    if all(found):
        return [files[-1] for files in found]
    try:
        fetched = apt.download_closure(PACKAGES)
    except (VexlabError, OSError) as error:
        raise MissingServerError(f"PostgreSQL's packages cannot be had: {error}") from error
    return [each.file for each in fetched if each.name in PACKAGES]
