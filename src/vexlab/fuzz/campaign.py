"""A campaign: rounds in fresh machines until the time is over, each crash settled as soon as it is met."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from vexlab.errors import InfraError, MachineError, TargetFailure
from vexlab.fuzz.crash import Crash, same, worst
from vexlab.fuzz.folder import Folder, Logged, State, shown_rate
from vexlab.fuzz.tries import Limits, Retry, settle
from vexlab.model.verdict import Finding

log = logging.getLogger(__name__)

_LAB_FAILURES = 4  # rounds in a row that only the lab made fail


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundFinding:
    """A finding with the reproducers that may show it again, the likeliest first.

    ``seconds`` and ``programs`` are those of the round when it was met, ``None`` where it ended the round.
    """

    finding: Finding
    candidates: tuple[str, ...] = ()
    late: bool = False
    seconds: float | None = None
    programs: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundResult:
    """What a round did, and what it met."""

    programs: int
    calls: int
    guest_seconds: float
    succeeded: int = 0
    signatures: int = 0
    cover: int | None = None
    met: tuple[RoundFinding, ...] = ()
    corpus: str = ""


class Rounds(Protocol):
    """One way to fuzz: each call is a round in a fresh machine."""

    def __call__(self, state: State, corpus: str, seconds: float, keep: Callable[[Finding], Path]) -> RoundResult:
        """Do a round of at most ``seconds``; ``keep`` names the folder for what a machine shows of a finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long a campaign goes on; ``first`` ends it with the first crash that is settled."""

    duration_s: float
    limits: Limits = field(default_factory=Limits)
    first: bool = False


class Campaign:
    """Rounds and their crashes, kept in ``folder``. ``said`` is told a sentence of what goes on."""

    def __init__(
        self,
        folder: Folder,
        state: State,
        rounds: Rounds,
        retry: Retry,
        *,
        said: Callable[[str], None],
        record: Callable[[Crash, Path], None] = lambda _crash, _place: None,
    ) -> None:
        self._folder, self._state = folder, state
        self._rounds, self._retry = rounds, retry
        self._said, self._record = said, record
        self._crashes = {crash.title: crash for crash in folder.crashes()}

    @property
    def state(self) -> State:
        """How far it has come."""
        return self._state

    @property
    def crashes(self) -> tuple[Crash, ...]:
        """What was found so far."""
        return tuple(self._crashes.values())

    def run(self, plan: Plan) -> None:
        """Go on until the time is over, somebody asks to stop, or ``plan.first`` is settled.

        Raises ``InfraError`` where the lab fails again and again. What an earlier process has met and not settled comes
        first.
        """
        failures = 0
        for crash in [each for each in self.crashes if not each.settled]:
            self._settle(crash, [self._folder.program(crash)], plan)
        for left in self._time_left(plan):
            before = self._state
            try:
                did = self._round(left)
            except (MachineError, TargetFailure, InfraError) as error:
                failures += 1
                if failures == _LAB_FAILURES or isinstance(error, TargetFailure):
                    raise
                self._said(f"another machine is taken: {error}")
                continue
            failures = 0
            fresh = [each for each in did.met if self._note(each, before)]
            self._log(did, fresh)
            for met in fresh:
                self._settle(self._crashes[met.finding.title], met.candidates, plan)
            if plan.first and any(crash.settled for crash in self.crashes):
                return

    def _time_left(self, plan: Plan) -> Iterator[float]:
        """Yield the seconds that are left, as long as there are some; settling crashes takes none of them."""
        while not self._folder.stop_asked():
            left = plan.duration_s - self._state.seconds
            if left < 1:
                return
            yield left

    def _round(self, left: float) -> RoundResult:
        began = time.monotonic()
        did = self._rounds(self._state, self._folder.corpus(), left, self._kept)
        state = self._state
        self._state = replace(
            state,
            rounds=state.rounds + 1,
            seconds=round(state.seconds + time.monotonic() - began, 1),
            guest_seconds=round(state.guest_seconds + did.guest_seconds, 1),
            programs=state.programs + did.programs,
            calls=state.calls + did.calls,
            succeeded=state.succeeded + did.succeeded,
            signatures=max(state.signatures, did.signatures),
            cover=did.cover if did.cover is not None else state.cover,
        )
        self._folder.save_corpus(did.corpus)
        self._folder.save(self._state)
        return did

    def _log(self, did: RoundResult, fresh: Sequence[RoundFinding]) -> None:
        titles = tuple(met.finding.title for met in fresh)
        self._folder.log(
            Logged(
                at=self._state.seconds,
                programs=did.programs,
                calls=did.calls,
                guest_seconds=round(did.guest_seconds, 1),
                signatures=did.signatures,
                cover=did.cover,
                crashes=len(self._crashes),
                titles=titles,
            )
        )
        rate = did.programs / did.guest_seconds if did.guest_seconds else 0.0
        cover = f", {did.cover} places of the module" if did.cover is not None else ""
        calls = f", {did.calls} calls" if did.calls else ""
        self._said(
            f"{self._state.seconds:.0f} s, round {self._state.rounds}: {did.programs} programs ({shown_rate(rate)} a "
            f"second){calls}, {did.signatures} signatures{cover}, {len(self._crashes)} crashes"
        )

    def _kept(self, finding: Finding) -> Path:
        return self._folder.place(self._crash_of(finding))

    def _crash_of(self, finding: Finding, *, late: bool = False) -> Crash:
        known = next((crash for crash in self.crashes if same(crash, finding)), None)
        return known or Crash(
            title=finding.title,
            type=finding.type,
            frame=finding.frame,
            fingerprint=finding.fingerprint,
            mode=self._state.asked.mode,
            seconds=self._state.seconds,
            programs=self._state.programs,
            seed=self._state.asked.seed + self._state.rounds,
            late=late,
        )

    def _note(self, met: RoundFinding, before: State) -> bool:
        """Keep what was met, before anything else is done with it; return whether it is new.

        ``before`` is how far the campaign had come when the round began.
        """
        crash = self._crash_of(met.finding, late=met.late)
        known = self._crashes.get(crash.title)
        if known:
            self._crashes[crash.title] = replace(known, count=known.count + 1)
            self._folder.save_crash(self._crashes[crash.title])
            return False
        if met.seconds is not None:
            crash = replace(crash, seconds=round(before.seconds + met.seconds, 1))
        if met.programs is not None:
            crash = replace(crash, programs=before.programs + met.programs)
        self._crashes[crash.title] = crash
        place = self._folder.save_crash(crash, met.candidates[0] if met.candidates else "")
        (place / "finding.txt").write_text(met.finding.text, errors="replace")
        self._said(f"found after {crash.seconds:.0f} s and {crash.programs} programs: {crash.title}")
        return True

    def _settle(self, crash: Crash, candidates: Sequence[str], plan: Plan) -> None:
        settled, program = settle(self._retry, crash, candidates, plan.limits)
        self._crashes[settled.title] = settled
        place = self._folder.save_crash(settled, program)
        self._said(
            f"{settled.title}: shown again {settled.verified} times, {settled.parts_before} parts made {settled.parts}"
        )
        self._record(settled, place)


def worst_of(findings: Sequence[Finding], candidates: Sequence[str], *, late: bool = False) -> tuple[RoundFinding, ...]:
    """Return what is to be noted of a machine's findings: the gravest; the others are most likely its consequences."""
    found = worst(findings)
    return (RoundFinding(finding=found, candidates=tuple(candidates), late=late),) if found else ()
