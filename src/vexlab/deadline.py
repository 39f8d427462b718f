"""One deadline value, made once and passed down, so that nested waits never add up to more than was granted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vexlab.errors import DeadlineError


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in the time of ``clock``, in seconds."""

    at: float
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """Return the deadline that lies ``seconds`` from now by ``clock``."""
        return cls(clock() + seconds, clock)

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - self.clock())

    @property
    def expired(self) -> bool:
        """Whether no time is left."""
        return self.clock() >= self.at

    def check(self, what: str) -> None:
        """Raise ``DeadlineError`` naming ``what`` if no time is left."""
        if self.expired:
            raise DeadlineError(f"{what} did not end in time")

    def sooner(self, seconds: float) -> Deadline:
        """Return this deadline or the one ``seconds`` from now, whichever comes first."""
        return Deadline(min(self.at, self.clock() + seconds), self.clock)

    def poll(self, first: float = 0.002, most: float = 0.05) -> Iterator[float]:
        """Yield until the deadline, sleeping ``first`` seconds, then a quarter longer each time up to ``most``."""
        pause = first
        while not self.expired:
            yield self.remaining
            time.sleep(min(pause, self.remaining))
            pause = min(pause * 1.25, most)
