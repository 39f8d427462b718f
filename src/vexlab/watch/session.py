"""What happens in an edit loop, as values, and the screen that is made of them. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from vexlab.model.case import CaseResult
from vexlab.model.verdict import Verdict

_RED = (Verdict.FAILED, Verdict.CRASHED)
_LINES_MOST = 12
_HISTORY_MOST = 8
KEYS = "r: rerun · a: all cases · f: failed ones · d: debug · p: reproduce · q: quit"


class Phase(StrEnum):
    """What the loop is doing."""

    WAITING = "waiting for a save"
    BUILDING = "building"
    PROBING = "finding out what it can do"
    RUNNING = "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One save: what changed, how the build ended, what cases said. Times are in seconds since the save.

    ``first_s`` is when the first case had ended.
    """

    number: int
    changed: tuple[str, ...] = ()
    why: str = ""
    build_s: float = 0.0
    build_error: str = ""
    warnings: tuple[str, ...] = ()
    cases: tuple[CaseResult, ...] = ()
    planned: int = 0
    first_s: float = 0.0
    total_s: float = 0.0
    error: str = ""

    @property
    def red(self) -> tuple[CaseResult, ...]:
        """The cases that show a fault of the module."""
        return tuple(case for case in self.cases if case.verdict in _RED)

    @property
    def word(self) -> str:
        """How the round ended, in a word."""
        if self.build_error:
            return "does not build"
        if self.error:
            return "lab error"
        if self.red:
            return f"{len(self.red)} red"
        passed = sum(1 for case in self.cases if case.verdict is Verdict.PASSED)
        return f"{passed} passed" if passed else "nothing ran"


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Everything that is shown."""

    target: str
    kernel: str
    phase: Phase = Phase.WAITING
    now: Round | None = None
    history: tuple[Round, ...] = field(default=())

    def after(self, ended: Round) -> Screen:
        """Return the screen once a round has ended."""
        return dataclasses.replace(self, phase=Phase.WAITING, now=ended, history=(*self.history, ended))


def lines(screen: Screen) -> Iterator[tuple[str, str]]:
    """Yield the lines of the screen, each with its style."""
    yield f"{screen.target} on kernel {screen.kernel}: {screen.phase}", "bold"
    if current := screen.now:
        yield from _round(current)
    yield "", ""
    for each in screen.history[-_HISTORY_MOST:]:
        first = f", first case after {each.first_s:.1f} s" if each.first_s else ""
        style = "red" if each.red or each.build_error else "magenta" if each.error else "green"
        yield f"{each.number:3}. {each.word:16} build {each.build_s:.1f} s{first}  {_names(each.changed)}", style
    yield KEYS, "dim"


def _round(current: Round) -> Iterator[tuple[str, str]]:
    if current.changed:
        yield f"changed: {_names(current.changed)}", ""
    if current.why:
        yield current.why, "dim"
    if current.build_error:
        for line in current.build_error.splitlines()[:_LINES_MOST]:
            yield line, "red"
        return
    for warning in current.warnings[:_LINES_MOST]:
        yield warning, "yellow"
    if current.error:
        yield current.error, "magenta"
    yield from _red(current.red)
    done, passed = len(current.cases), sum(1 for case in current.cases if case.verdict is Verdict.PASSED)
    if current.planned or done:
        yield f"{done} of {current.planned or done} cases, {passed} passed", "green" if not current.red else ""


def _red(red: tuple[CaseResult, ...]) -> Iterator[tuple[str, str]]:
    """Yield the first failure whole, a line for each other."""
    for case in red[:1]:
        yield f"{case.verdict.upper()} {case.id}", "bold red"
        for line in case.reason.splitlines()[:_LINES_MOST]:
            yield f"  {line}", "red"
    for case in red[1:]:
        yield f"{case.verdict.upper()} {case.id}: {case.reason.partition(chr(10))[0]}", "red"


def _names(changed: tuple[str, ...]) -> str:
    return ", ".join(changed[:4]) + (" …" if len(changed) > 4 else "")
