"""What is done in a guest from outside, written down as it happens: commands, their input, files. Bounded in size."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from vexlab.model.machine import CommandResult, script_line
from vexlab.model.replay import Act, Step

DATA_MOST = 16 << 20  # bytes of input and files that are kept
_WORDS_MOST = 4 << 20  # characters of all commands
_STEPS_MOST = 20_000

_DONE_MOST, _LINE_MOST = 5_000, 400

Ended = Callable[[CommandResult], CommandResult]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A command or a file by its ``words``, ``at`` seconds since the machine came up; ``None`` where it never ended."""

    at: float
    words: str
    status: int | None = None


class Transcript:
    """What was done in one machine since it came up.

    ``data`` are inputs and contents of files by their SHA-256. ``why_not`` says why it is not all that happened; once
    it says so, nothing more is kept. ``count`` is how many commands were begun and files written, whether they are kept
    or not, and ``done`` the first of them as lines for people; ``before`` is told of each, by its number and its words,
    before it is done.
    """

    def __init__(self) -> None:
        self.count = 0
        self.done: dict[int, Done] = {}
        self._counting = threading.Lock()  # a case may use threads
        self.before: Callable[[int, str], None] | None = None
        self.steps: list[Step] = []
        self.data: dict[str, bytes] = {}
        self.why_not = ""
        self._began = time.monotonic()
        self._size = self._words = 0
        self._is_paused = False

    @property
    def now(self) -> float:
        """Seconds since the machine came up."""
        return round(time.monotonic() - self._began, 3)

    def cannot(self, why: str) -> None:
        """Note that what happens cannot be done again by a script in the guest."""
        if not self._is_paused:
            self.why_not = self.why_not or why

    def begin_with(self, steps: Sequence[Step]) -> None:
        """Note what was done in the machine before it was saved, none of it with input; before anything else."""
        for step in steps:
            self._add(replace(step, at=0.0))
        self.count = max((step.number for step in steps), default=0)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out what is done meanwhile: questions to a kernel that has already said what it had to say."""
        before, self._is_paused = self._is_paused, True
        try:
            yield
        finally:
            self._is_paused = before

    @contextmanager
    def command(self, argv: Sequence[str], stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Iterator[Ended]:
        """Note that a command begins; what is given calls the function it is given when it knows how it ended."""
        number = self._comes(argv)
        if self._is_paused or self.why_not:
            yield lambda result: self._noted(number, result)
            return
        words = (*argv, *(env or {}), *(env or {}).values())
        self._words += sum(map(len, words))
        step = Step(
            act=Act.BEGIN,
            number=number,
            at=self.now,
            argv=tuple(argv),
            env=tuple((env or {}).items()),
            data=self._kept(stdin) if stdin else "",
        )
        self._add(step)

        def ended(result: CommandResult) -> CommandResult:
            self._noted(number, result)
            self._add(Step(act=Act.END, number=number, at=self.now, status=result.status))
            return result

        yield ended

    def put(self, source: Path | bytes, path: str, mode: int) -> None:
        """Note that a file was written."""
        number = self._comes(("write", path))
        if self._is_paused or self.why_not:
            return
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        if self._size + size > DATA_MOST:
            self.cannot(f"more than {DATA_MOST >> 20} MiB were written into the guest")
            return
        data = self._kept(source if isinstance(source, bytes) else source.read_bytes())
        self._add(Step(act=Act.PUT, number=number, at=self.now, data=data, path=path, mode=mode))

    def _comes(self, argv: Sequence[str]) -> int:
        """Count something that is about to be done, and return its number; 0 for what is left out."""
        if self._is_paused:
            return 0
        with self._counting:
            self.count = number = self.count + 1
        words = script_line(argv)[:_LINE_MOST]
        if len(self.done) < _DONE_MOST:
            self.done[number] = Done(at=self.now, words=words)
        if self.before:
            self.before(number, words)
        return number

    def _noted(self, number: int, result: CommandResult) -> CommandResult:
        if number in self.done:
            self.done[number] = replace(self.done[number], status=result.status)
        return result

    def _kept(self, data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        if name not in self.data:
            self._size += len(data)
            self.data[name] = data
        if self._size > DATA_MOST:
            self.cannot(f"more than {DATA_MOST >> 20} MiB were written into the guest")
        return name

    def _add(self, step: Step) -> None:
        if len(self.steps) >= _STEPS_MOST or self._words > _WORDS_MOST:
            self.cannot(f"more than {_STEPS_MOST} commands and files, or {_WORDS_MOST >> 20} MiB of words")
        if self.why_not:
            self.data.clear()
            self.steps.clear()
        else:
            self.steps.append(step)
