"""How far a build of a kernel is: steps that make told of, and how long the rest may take."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

_EVERY_S = 30.0
#   CC [M]  fs/ext4/balloc.o
_STEP = re.compile(rb"^  [A-Z]+(?: \[M\])? +(\S+)$", re.MULTILINE)
_LOG = "make-{}.log"


class Steps:
    """Counts the steps in the logs of all attempts in ``folder``, and says now and then how many there are.

    ``log`` is the file of this attempt. Steps that an earlier attempt made are not made again, so they count as well.
    """

    def __init__(self, folder: Path, *, expected: int, say: Callable[[str], None]) -> None:
        earlier = sorted(folder.glob(_LOG.format("*")))
        self._made = {step for file in earlier for step in _STEP.findall(file.read_bytes())}
        self._before = len(self._made)
        self.log = folder / _LOG.format(len(earlier))
        self._read = 0
        self._expected = expected
        self._say = say
        self._begin = self._said = time.monotonic()

    @property
    def done(self) -> int:
        """How many different steps were made, in this attempt and before."""
        self._look()
        return len(self._made)

    def tell(self) -> None:
        """Say how far the build is, if that was not said lately."""
        now = time.monotonic()
        if now - self._said >= _EVERY_S:
            self._said = now
            self._say(progress_words(self.done, self._expected, now - self._begin, before=self._before))

    def _look(self) -> None:
        if self.log.exists():
            with self.log.open("rb") as file:
                file.seek(self._read)
                text = file.read()
            whole = text[: text.rfind(b"\n") + 1]
            self._read += len(whole)
            self._made.update(_STEP.findall(whole))


def progress_words(done: int, expected: int, seconds: float, *, before: int = 0) -> str:
    """Return what to say after ``done`` steps, of which ``before`` were made in earlier attempts.

    >>> progress_words(1000, 3000, 300.0)
    'compiling: 1000 of about 3000 steps, about 10 min to go'
    """
    made = done - before
    if made <= 0:
        return f"compiling: {done} of about {expected} steps"
    rest = max(0, expected - done) * seconds / made
    end = f"about {rest / 60:.0f} min to go" if done < expected else "the last ones"
    return f"compiling: {done} of about {expected} steps, {end}"
