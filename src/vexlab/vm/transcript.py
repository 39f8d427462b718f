"""What is done in a guest from outside, written down as it happens: commands, their input, files. Bounded in size."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from vexlab.model.machine import CommandResult, script_line
from vexlab.model.replay import Act, Step

DATA_MOST = 16 << 20  # bytes of input and files that are kept
_WORDS_MOST = 4 << 20  # characters of all commands
_STEPS_MOST = 20_000

Ended = Callable[[CommandResult], CommandResult]


class Transcript:
    """What was done in one machine since it came up.

    ``data`` are inputs and contents of files by their SHA-256. ``why_not`` says why it is not all that happened; once
    it says so, nothing more is kept. ``count`` is how many commands were begun and files written, whether they are kept
    or not; ``before`` is told of each, by its number and its words, before it is done.
    """

    def __init__(self) -> None:
        self.count = 0
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
        self._comes(argv)
        if self._is_paused or self.why_not:
            yield lambda result: result
            return
        number = self.count
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
            self._add(Step(act=Act.END, number=number, at=self.now, status=result.status))
            return result

        yield ended

    def put(self, source: Path | bytes, path: str, mode: int) -> None:
        """Note that a file was written."""
        self._comes(("write", path))
        if self._is_paused or self.why_not:
            return
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        if self._size + size > DATA_MOST:
            self.cannot(f"more than {DATA_MOST >> 20} MiB were written into the guest")
            return
        data = self._kept(source if isinstance(source, bytes) else source.read_bytes())
        self._add(Step(act=Act.PUT, number=self.count, at=self.now, data=data, path=path, mode=mode))

    def _comes(self, argv: Sequence[str]) -> None:
        if self._is_paused:
            return
        self.count += 1
        if self.before:
            self.before(self.count, script_line(argv))

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
