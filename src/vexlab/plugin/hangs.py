"""A hang that one case of a run has shown is recognised in the others: they end soon, ``blocked`` by it.

Without this each case that comes the same way would sit out its own deadline. A command that does not return is
looked at, and ends where a task of that machine is stuck, twice, in the very function in which the other case's was.
So does the first such command, once the kernel itself has said twice that a task is blocked (kernel/hung_task.c).
What hangs anywhere else is waited for as ever. The cases run in several processes, so that hangs are noted in the run's
folder.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from vexlab.cache import key_of
from vexlab.errors import HangAgain, TaskBlocked
from vexlab.model.case import CaseResult
from vexlab.plugin.options import run_folder
from vexlab.vm.machine import Machine

_FOLDER = "hangs"
_TYPE = "HANG"
_FIRST_LOOK_S = 20.0  # that a command may take before anybody looks; far more than most take
_AGAIN_S = 10.0  # between two looks: what is only slow is elsewhere then
_NEW = ".new"
_BLOCKED_TIMES = 2  # that the kernel says so of one task before it is believed
# INFO: task sync:7 blocked for more than 30 seconds.
_BLOCKED = re.compile(r"INFO: task (.{1,32}?:\d+) blocked for more than \d+ seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hang:
    """The kernel hung in the function ``frame`` when ``case`` ran, which reports it as ``title``."""

    frame: str
    case: str
    title: str


def note_hangs(config: pytest.Config, result: CaseResult) -> None:
    """Note where the kernel hung in a case that is over. Raises ``OSError``."""
    for finding in result.findings:
        if finding.type == _TYPE and finding.frame:
            note = hangs_folder(config) / key_of(finding.frame)
            note.parent.mkdir(parents=True, exist_ok=True)
            if not note.exists():  # the first one stays
                hang = Hang(frame=finding.frame, case=result.id, title=finding.title)
                _replace(note, msgspec.json.encode(hang))


def hangs_folder(config: pytest.Config) -> Path:
    """Return the folder in which the run's hangs are noted."""
    return run_folder(config) / _FOLDER


def known_hangs(folder: Path) -> Mapping[str, Hang]:
    """Return the hangs of the run so far, by function."""
    notes = sorted(folder.iterdir()) if folder.exists() else []
    hangs = [msgspec.json.decode(note.read_bytes(), type=Hang) for note in notes if note.suffix != _NEW]
    return {hang.frame: hang for hang in hangs}


class HangWatch:
    """Looks at ``machine`` while a command's answer is awaited for long; otherwise does what ``watch`` did before.

    ``stuck_in`` returns the module's function in which a task is stuck, ``""`` where none is.
    """

    def __init__(self, machine: Machine, stuck_in: Callable[[], str], folder: Path) -> None:
        self._machine = machine
        self._before = machine.watch
        self._stuck_in = stuck_in
        self._folder = folder
        self._alone = threading.Lock()  # a case may use threads
        self._asked_at = 0.0
        self._next_look = 0.0
        self._seen = ""
        self._blocked: Counter[str] = Counter()  # how often the kernel said so of each task, since the command began

    def __call__(self, text: str) -> None:
        """Look at new console text, and at the machine where it is time to.

        Raises ``HangAgain`` for a known hang, and ``TaskBlocked`` for one that the kernel tells of.
        """
        if self._before:
            self._before(text)
        if not self._alone.acquire(blocking=False):
            return  # what is asked below waits, too
        try:
            if self._machine.streams and self._is_time(text):  # the packaged agent answers one question at a time
                self._look()
        finally:
            self._alone.release()

    def _is_time(self, text: str) -> bool:
        asked_at, now = self._machine.asked_at, self._machine.clock()
        if asked_at != self._asked_at:  # another command
            self._asked_at, self._next_look, self._seen = asked_at, asked_at + _FIRST_LOOK_S, ""
            self._blocked.clear()
        told = _BLOCKED.findall(text)
        self._blocked.update(told)
        return now >= self._next_look or (bool(told) and self._is_blocked)

    @property
    def _is_blocked(self) -> bool:
        return max(self._blocked.values(), default=0) >= _BLOCKED_TIMES

    def _look(self) -> None:
        known = known_hangs(self._folder)
        if known or self._is_blocked:
            frame = self._stuck_in()
            if frame and frame == self._seen:
                self._end(known.get(frame), frame)
            self._seen = frame
        now = self._machine.clock()
        soon = self._seen in known or (self._seen and self._is_blocked)
        # A look costs an emulated guest seconds: one that is elsewhere is left alone for as long as it has run so far.
        self._next_look = now + (_AGAIN_S if soon else max(_AGAIN_S, now - self._asked_at))

    def _end(self, hang: Hang | None, frame: str) -> None:
        """Raise what ends a command that was stuck in ``frame`` in both looks, where it is known or told of."""
        seconds = self._machine.clock() - self._asked_at
        if hang:
            raise HangAgain(
                f'blocked by "{hang.title}", which {hang.case} shows: after {seconds:.0f} s a task is stuck there',
                by=hang.title,
            )
        if self._is_blocked:
            command = self._machine.last_command
            raise TaskBlocked(
                f"`{command}` does not end: after {seconds:.0f} s the kernel has said {_BLOCKED_TIMES} times that a "
                f"task is blocked, and in two looks one was stuck in {frame}",
                command=command,
                seconds=seconds,
            )


def _replace(file: Path, data: bytes) -> None:
    new = file.with_suffix(_NEW)
    new.write_bytes(data)
    new.replace(file)
