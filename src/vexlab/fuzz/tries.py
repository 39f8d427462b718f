"""Whether a program, or an image, shows a crash again, in fresh machines: what minimising and verifying ask."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Protocol, Self

from vexlab.errors import InfraError, TargetFailure
from vexlab.fuzz.crash import Crash, Verified, same
from vexlab.fuzz.guest import Ended, Guest
from vexlab.fuzz.minimise import fewest, operations, programs_of, simplest
from vexlab.lab import Lab, Order
from vexlab.model.verdict import Finding

log = logging.getLogger(__name__)

TIMES = (1, 30, 400)  # how often a program is repeated in one machine until it shows what it showed
REPLAY_S = 25
_LAB_FAILURES = 3


class Retry(Protocol):
    """What reproduces a crash: parts are operations of a program, or damages to an image."""

    def parts(self, text: str) -> list[str]:
        """Return the parts of a reproducer."""

    def text(self, parts: Sequence[str]) -> str:
        """Return the reproducer that parts amount to."""

    def shows(self, crash: Crash, text: str, *, times: int) -> bool:
        """Whether the crash comes of it; the machine may be one in which nothing came of earlier tries."""

    def fresh(self) -> None:
        """Let the next try have a fresh machine."""

    def simplify(self, parts: list[str], shows: Callable[[Sequence[str]], bool]) -> list[str]:
        """Return the parts made simpler, each by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much time is spent on one crash, in seconds, and how often it is verified."""

    seconds: float = 300.0
    tries: int = 5


class Programs:
    """Programs of ``fsfuzz``. Use it as a context manager."""

    def __init__(self, lab: Lab, order: Order, table: str) -> None:
        self._lab, self._order, self._table = lab, order, table
        self._stack = ExitStack()
        self._guest: Guest | None = None

    def parts(self, text: str) -> list[str]:
        """Return the programs in ``text`` where there are several, the operations of a single one."""
        programs = programs_of(text)
        return programs if len(programs) > 1 else operations(text)

    def text(self, parts: Sequence[str]) -> str:
        """Return programs, or the program of operations."""
        several = any("\n" in part for part in parts)
        return "end\n".join(parts) if several else "".join(f"{part}\n" for part in parts)

    def simplify(self, parts: list[str], shows: Callable[[Sequence[str]], bool]) -> list[str]:
        """Return operations without what is not needed of their arguments; programs stay as they are."""
        return parts if any("\n" in part for part in parts) else simplest(parts, shows)

    def shows(self, crash: Crash, text: str, *, times: int) -> bool:
        """Whether the crash comes of the program, of its unmount and unload where that is when it was seen."""
        return any(same(crash, finding) for finding in self.try_once(text, times=times, late=crash.late))

    def try_once(self, text: str, *, times: int, late: bool) -> tuple[Finding, ...]:
        """Return what comes of ``text``; ``late`` unmounts, checks and unloads where nothing came before."""
        for _ in range(_LAB_FAILURES):
            try:
                return self._tried(text, times, late=late).all
            except (InfraError, TargetFailure) as error:
                log.warning("the program is tried again in another machine: %s", error)
                self.fresh()
        return ()

    def _tried(self, text: str, times: int, *, late: bool) -> Ended:
        guest = self._guest or self._stack.enter_context(Guest(self._lab, self._order, self._table))
        self._guest = guest
        ended = guest.replay(text, times=times, seconds=REPLAY_S)
        if not ended.all and late:
            ended = guest.finish()
            self.fresh()
        elif ended.all or ended.last is None or ended.last.state != "done":
            self.fresh()
        return ended

    def fresh(self) -> None:
        """Let the machine go."""
        self._stack.close()
        self._guest = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.fresh()


def settle(retry: Retry, crash: Crash, candidates: Sequence[str], limits: Limits) -> tuple[Crash, str]:
    """Return the crash verified, with the smallest reproducer of ``candidates`` that was found in time.

    Of candidates the first that shows the crash at all is taken, repeated as often as needed. Where none does, the
    first is kept with nought hits: what was seen was seen.
    """
    began = time.monotonic()

    def in_time() -> bool:
        return time.monotonic() - began < limits.seconds

    found = _reproduced(retry, crash, candidates, in_time)
    if found is None and not crash.late:
        crash = replace(crash, late=True)
        found = _reproduced(retry, crash, candidates, in_time)
    if found is None:
        text = candidates[0] if candidates else ""
        parts = len(retry.parts(text))
        return replace(crash, settled=True, verified=Verified(hits=0, tries=1), parts=parts, parts_before=parts), text
    text, times = found
    before = len(operations(text)) or len(retry.parts(text))
    shows = _in_time(lambda parts: retry.shows(crash, retry.text(parts), times=times), in_time)
    left = fewest(retry.parts(text), shows)
    left = fewest(retry.parts(retry.text(left)), shows)  # of the programs that are left, the operations
    final = retry.text(retry.simplify(left, shows))
    hits = 0
    for _ in range(limits.tries):
        retry.fresh()
        hits += retry.shows(crash, final, times=times)
    retry.fresh()
    verified = Verified(hits=hits, tries=limits.tries)
    after = len(operations(final)) or len(retry.parts(final))
    return replace(crash, settled=True, verified=verified, times=times, parts=after, parts_before=before), final


def _reproduced(
    retry: Retry, crash: Crash, candidates: Sequence[str], in_time: Callable[[], bool]
) -> tuple[str, int] | None:
    for times in TIMES:
        for text in candidates:
            if not in_time():
                return None
            if text and retry.shows(crash, text, times=times):
                return text, times
    return None


def _in_time(shows: Callable[[Sequence[str]], bool], in_time: Callable[[], bool]) -> Callable[[Sequence[str]], bool]:
    """Return ``shows`` that says no once there is no more time: what was found until then is kept."""

    def bounded(parts: Sequence[str]) -> bool:
        return in_time() and shows(parts)

    return bounded
