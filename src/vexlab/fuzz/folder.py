"""A campaign on disk: everything that must survive the death of whoever works on it.

Files are replaced whole. One process works in a folder at a time (flock(2)); others read, and may ask it to stop.
"""

from __future__ import annotations

import fcntl
import io
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

import msgspec

from vexlab.errors import InfraError, UsageError
from vexlab.fuzz.crash import Crash, Mode
from vexlab.tables import suggest

FOLDER = "fuzz"  # in the results folder
PROGRAM = "program.txt"
_STATE = "campaign.json"
_LOG = "rounds.jsonl"
_CORPUS = "corpus.txt"
_CRASHES = "crashes"
_CRASH = "crash.json"
_STOP = "stop"
_LOCK = ".lock"
_NAME = re.compile(r"[\w.+-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a campaign is about: a folder belongs to one."""

    mode: Mode
    target: str
    kernel: str
    build_args: tuple[str, ...] = ()
    blind: bool = False
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How far a campaign has come. ``seconds`` are of the host, ``guest_seconds`` those in which calls were made."""

    asked: Asked
    rounds: int = 0
    seconds: float = 0.0
    guest_seconds: float = 0.0
    programs: int = 0
    calls: int = 0
    succeeded: int = 0
    signatures: int = 0
    cover: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A line of the log: what one machine did, ``at`` seconds of the campaign."""

    at: float
    programs: int
    calls: int
    guest_seconds: float
    signatures: int = 0
    cover: int | None = None
    crashes: int = 0
    titles: tuple[str, ...] = ()


class Folder:
    """One campaign's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: io.TextIOWrapper | None = None

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        return self.path.name

    def begin(self, asked: Asked) -> State:
        """Take the folder for this process, and return how far it has come.

        Raises ``UsageError`` where another process works in it, or it is about something else.
        """
        try:
            (self.path / _CRASHES).mkdir(parents=True, exist_ok=True)
            self._lock = (self.path / _LOCK).open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            hint = "`vexlab fuzz stop` ends it; --campaign names another folder"
            raise UsageError(f"another process works in {self.path}", hint=hint) from error
        except OSError as error:
            raise InfraError(f"the campaign's folder {self.path} cannot be written: {error}") from error
        (self.path / _STOP).unlink(missing_ok=True)
        earlier = self.state()
        if earlier is None or (earlier == State(asked=earlier.asked) and not self.crashes()):  # nothing was done yet
            state = State(asked=asked)
            self.save(state)
            return state
        if replace(earlier.asked, seed=asked.seed) != asked:
            names = [each.name for each in fields(Asked) if each.name != "seed"]
            other = [name for name in names if getattr(earlier.asked, name) != getattr(asked, name)]
            raise UsageError(
                f"{self.path} holds a campaign with another {', '.join(other)}", hint="--campaign names another folder"
            )
        return earlier

    def state(self) -> State | None:
        """Return how far the campaign has come; ``None`` where there is none."""
        file = self.path / _STATE
        if not file.exists():
            return None
        try:
            return msgspec.json.decode(file.read_bytes(), type=State)
        except (OSError, msgspec.MsgspecError) as error:
            raise InfraError(f"{file} cannot be read: {error}", hint="move the folder away") from error

    def save(self, state: State) -> None:
        """Keep how far it has come."""
        _replace(self.path / _STATE, msgspec.json.format(msgspec.json.encode(state)))

    def log(self, line: Logged) -> None:
        """Add a line to the log."""
        with (self.path / _LOG).open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")

    def logged(self) -> Iterator[Logged]:
        """Yield the lines of the log; one that was cut short by somebody's death is left out."""
        file = self.path / _LOG
        for line in file.read_bytes().splitlines() if file.exists() else ():
            try:
                yield msgspec.json.decode(line, type=Logged)
            except msgspec.MsgspecError:
                continue

    def corpus(self) -> str:
        """Return the programs to begin with."""
        file = self.path / _CORPUS
        return file.read_text(errors="replace") if file.exists() else ""

    def save_corpus(self, programs: str) -> None:
        """Keep the programs to begin with next time."""
        if programs:
            _replace(self.path / _CORPUS, programs.encode())

    def crashes(self) -> tuple[Crash, ...]:
        """Return what was found, the first one first."""
        found = []
        for file in self.path.glob(f"{_CRASHES}/*/{_CRASH}"):
            try:
                found.append(msgspec.json.decode(file.read_bytes(), type=Crash))
            except (OSError, msgspec.MsgspecError) as error:
                raise InfraError(f"{file} cannot be read: {error}") from error
        return tuple(sorted(found, key=lambda crash: crash.seconds))

    def place(self, crash: Crash) -> Path:
        """Return the folder of a crash."""
        return self.path / _CRASHES / crash.slug

    def save_crash(self, crash: Crash, program: str = "") -> Path:
        """Keep a crash, and the program that shows it where one is given; return its folder."""
        place = self.place(crash)
        place.mkdir(parents=True, exist_ok=True)
        if program:
            _replace(place / PROGRAM, program.encode())
        _replace(place / _CRASH, msgspec.json.format(msgspec.json.encode(crash)))
        return place

    def program(self, crash: Crash) -> str:
        """Return the program that shows a crash; ``""`` where none is known."""
        file = self.place(crash) / PROGRAM
        return file.read_text(errors="replace") if file.exists() else ""

    def running(self) -> bool:
        """Whether a process works in the folder now."""
        file = self.path / _LOCK
        if not file.exists():
            return False
        with file.open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    def ask_to_stop(self) -> None:
        """Ask whoever works in the folder to end after what it is at."""
        (self.path / _STOP).write_text(json.dumps({"asked": time.time()}))

    def stop_asked(self) -> bool:
        """Whether somebody asked so."""
        return (self.path / _STOP).exists()

    def close(self) -> None:
        """Let others work in the folder."""
        if self._lock:
            self._lock.close()


def campaigns(results: Path) -> tuple[Folder, ...]:
    """Return the campaigns of a results folder, the one worked on last at the end."""
    found = [file for file in (results / FOLDER).glob(f"*/{_STATE}") if file.is_file()]
    return tuple(Folder(file.parent) for file in sorted(found, key=lambda file: file.stat().st_mtime))


def find_campaign(results: Path, name: str) -> Folder:
    """Return the campaign ``name``, without one the last; raise ``UsageError`` where there is none."""
    if name and Path(name, _STATE).is_file():
        return Folder(Path(name).absolute())
    known = {folder.name: folder for folder in campaigns(results)}
    if not known:
        raise UsageError(f"there is no campaign in {results / FOLDER}", hint="`vexlab fuzz ioctl` begins one")
    if not name:
        return list(known.values())[-1]
    if name not in known:
        raise UsageError(f"no campaign `{name}`", hint=suggest(name, known))
    return known[name]


def campaign_name(asked: Asked, defect: str = "") -> str:
    """Return what a campaign is called where no name is given."""
    words = [
        asked.mode.value,
        asked.target,
        asked.kernel,
        *(["blind"] if asked.blind else []),
        *([defect] if defect else []),
    ]
    return "-".join("".join(_NAME.findall(word)) for word in words)


def shown_rate(each_second: float) -> str:
    """Return programs a second, with a digit more where they are few.

    >>> shown_rate(252.4), shown_rate(0.31)
    ('252', '0.3')
    """
    return f"{each_second:.1f}" if each_second < 10 else f"{each_second:.0f}"


def _replace(file: Path, content: bytes) -> None:
    draft = file.with_name(f".{file.name}.draft")
    try:
        draft.write_bytes(content)
        draft.replace(file)
    except OSError as error:
        raise InfraError(f"{file} cannot be written: {error}", hint="is the disk full?") from error


def seconds_in(folder: Path) -> float:
    """Return how long the campaign in a folder has gone on in all its starts; 0 where there is none."""
    try:
        return msgspec.json.decode((folder / _STATE).read_bytes(), type=State).seconds
    except (OSError, msgspec.MsgspecError):
        return 0.0
