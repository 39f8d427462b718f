"""A run's events as lines of JSON in its folder, for other processes to follow while the run goes on, and later.

Each line is ``{"seq": 1, "at": 1764340000.25, "event": "CaseStarted", …}`` in plain ASCII: whatever a guest printed
stands there as escapes, so that nothing in it drives the terminal of who looks at the file. A line is written at once
and whole, so a killed run leaves every event that it told; a last line without its end is not one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from vexlab.errors import InfraError, UsageError
from vexlab.model.case import CaseResult, RunResult
from vexlab.model.event import CaseFinished, Event, RunFinished, RunPlanned, RunStarted, Warned, decode, encode
from vexlab.model.subresult import SubVerdict

FILE = "events.jsonl"
MOST = 256 << 20  # bytes of a journal; after that only the run's end is written
LINE_MOST = 16 << 20  # bytes of a line: a plan of 60,000 cases
_FULL = "the journal of this run is full: its later events are only in the store"
_BEFORE_MOST = 200  # events before there is a folder to write to
_TEXT_MOST = 4_000
_WORDS_MOST = 2_000
_CHECKS_MOST = 200
_CHUNK = 1 << 20
# What JSON may hold as it is and a terminal may obey, and what is not ASCII: "\x7f", "\x9b", "\u202e", "é"
_ODD = re.compile(r"[\x7f-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of a journal; ``seq`` counts from 1, ``at`` is in seconds since the epoch."""

    seq: int
    at: float
    event: Event


class Journal:
    """The subscriber that writes a run's journal. Raises ``InfraError`` where it cannot be written."""

    def __init__(self, *, most: int = MOST, clock: Callable[[], float] = time.time) -> None:
        self._most = most
        self._clock = clock
        self._file: int | None = None
        self._before: list[tuple[float, Event]] = []
        self._seq = 0
        self._size = 0
        self._full = False

    def take(self, event: Event) -> None:
        """Write an event; those that come before the run has a folder are kept until then."""
        if isinstance(event, RunStarted):
            self._open(Path(event.folder))
        if self._file is None:
            self._before = [*self._before[-_BEFORE_MOST:], (self._clock(), event)]
            return
        for at, earlier in self._before:
            self._write(at, earlier)
        self._before = []
        self._write(self._clock(), event)
        if isinstance(event, RunFinished):
            os.close(self._file)
            self._file = None

    def _open(self, folder: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._file = os.open(folder / FILE, flags, 0o644)
            self._size = os.fstat(self._file).st_size
        except OSError as error:
            raise InfraError(f"the journal in {folder} cannot be written: {error}") from error

    def _write(self, at: float, event: Event) -> None:
        line = to_line(self._seq + 1, at, event)
        if self._size + len(line) > self._most and not isinstance(event, RunFinished):
            if self._full:
                return
            self._full = True
            line = to_line(self._seq + 1, at, Warned(words=_FULL))
        self._seq += 1
        if self._file is None:
            return
        try:
            written = os.write(self._file, line)
            if written < len(line):
                os.write(self._file, b"\n")  # the next line must not continue this one
        except OSError as error:
            raise InfraError(f"the journal of the run cannot be written: {error}") from error
        self._size += len(line)


def to_line(seq: int, at: float, event: Event) -> bytes:
    """Return an event as a line of a journal, its end included."""
    line = _line(seq, at, _shortened(event, _TEXT_MOST))
    if len(line) > LINE_MOST:
        line = _line(seq, at, _shortened(event, 0))
    if len(line) > LINE_MOST:
        line = _line(seq, at, Warned(words=f"a {type(event).__name__} of {len(line)} bytes was left out"))
    return line


def parse(line: bytes) -> Entry:
    """Return what ``to_line`` wrote; raise ``ValueError`` for anything else."""
    try:
        head = msgspec.json.decode(line, type=_Head)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no line of a journal: {line[:80]!r}") from error
    return Entry(seq=head.seq, at=head.at, event=decode(line))


def follow(
    file: Path,
    *,
    goes_on: Callable[[], bool],
    wait: Callable[[], None],
    start: int = 0,
) -> Iterator[Entry]:
    """Yield the entries of a journal whose ``seq`` is greater than ``start``, as they come.

    ``goes_on`` tells whether the run may still write, ``wait`` waits a moment. Ends with the run: with its
    ``RunFinished``, or once it does not go on and everything is read. Lines that are none are passed over.
    """
    reader = Reader(file)
    while True:
        alive = goes_on()  # asked before the last look, so that nothing written in between is missed
        for entry in reader.new():
            if entry.seq > start:
                yield entry
            if isinstance(entry.event, RunFinished):
                return
        if not alive:
            return
        wait()


class Reader:
    """Reads a journal from where it left off."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset = 0
        self._rest = b""

    def new(self) -> Iterator[Entry]:
        """Yield what was written since the last call; raise ``UsageError`` where the journal cannot be read."""
        while data := self._read():
            self._offset += len(data)
            *lines, self._rest = (self._rest + data).split(b"\n")
            if len(self._rest) > 2 * LINE_MOST:
                self._rest = b""
            for line in lines:
                with contextlib.suppress(ValueError):
                    yield parse(line)

    def _read(self) -> bytes:
        try:
            number = os.open(self._file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise UsageError(f"the journal {self._file} cannot be read: {error}") from error
        try:
            return os.pread(number, _CHUNK, self._offset)
        finally:
            os.close(number)


class _Head(msgspec.Struct):
    seq: int
    at: float


def _line(seq: int, at: float, event: Event) -> bytes:
    head = msgspec.json.encode({"seq": seq, "at": round(at, 3)})
    try:
        body = encode(event).decode()
    except UnicodeEncodeError:  # a lone surrogate, of a file name that is no UTF-8
        body = msgspec.json.encode({"event": "Warned", "words": f"a {type(event).__name__} that is no text"}).decode()
    return head[:-1] + b"," + _ODD.sub(_escape, body[1:]).encode("ascii") + b"\n"


def _escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _shortened(event: Event, text_most: int) -> Event:
    """Return what is needed to watch a run: the whole is in the store."""
    if isinstance(event, CaseFinished):
        return dataclasses.replace(event, case=_short_case(event.case, text_most))
    if isinstance(event, RunFinished):
        result = RunResult(run=event.result.run, summary=event.result.summary, cases=(), stale=event.result.stale[:50])
        return dataclasses.replace(event, result=result, errors=tuple(each[:_WORDS_MOST] for each in event.errors[:50]))
    if isinstance(event, RunPlanned) and not text_most:
        cases = tuple(dataclasses.replace(each, digest="") for each in event.plan.cases[:50_000])
        return dataclasses.replace(event, plan=dataclasses.replace(event.plan, cases=cases, left_out=(), faults=()))
    return event


def _short_case(case: CaseResult, text_most: int) -> CaseResult:
    findings = tuple(dataclasses.replace(each, text=each.text[:text_most]) for each in case.findings[:50])
    bad = [each for each in case.subresults if each.verdict is SubVerdict.FAILED] if text_most else []
    checks = tuple(dataclasses.replace(each, words=each.words[:_WORDS_MOST]) for each in bad[:_CHECKS_MOST])
    return dataclasses.replace(
        case,
        reason=case.reason[:_WORDS_MOST],
        findings=findings,
        subresults=checks,
        metrics=case.metrics[:_CHECKS_MOST],
        attempts=tuple(each[:_WORDS_MOST] for each in case.attempts[:5]),
    )
