"""Rounds of ``fsfuzz``: ioctls, and sequences of calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from vexlab.fuzz.campaign import RoundFinding, RoundResult, worst_of
from vexlab.fuzz.folder import State
from vexlab.fuzz.guest import Ended, Guest, Interrupted, Round, Said
from vexlab.lab import Lab, Order
from vexlab.model.verdict import Finding

ROUND_S = 60  # of the guest's, in one machine
_ALONE = 4  # of the last programs so many are tried each by itself
_AT_ONCE = 24


class ProgramRounds:
    """Each call fuzzes in a fresh machine; ``stop`` is asked every second of the guest's."""

    def __init__(self, lab: Lab, order: Order, table: str, *, stop: Callable[[], bool]) -> None:
        self._lab, self._order, self._table, self._stop = lab, order, table, stop

    def __call__(self, state: State, corpus: str, seconds: float, keep: Callable[[Finding], Path]) -> RoundResult:
        """Do a round; raises what says that the lab failed, or that the filesystem cannot be mounted."""
        asked = Round(
            mode=state.asked.mode,
            seed=state.asked.seed + state.rounds,
            seconds=max(1, min(ROUND_S, int(seconds))),
            corpus="" if state.asked.blind else corpus,
            blind=state.asked.blind,
        )
        lines: list[Said] = []
        began = time.monotonic()
        with Guest(self._lab, self._order, self._table) as guest:
            try:
                ended = guest.fuzz(asked, lambda said: self._heard(said, lines))
            except Interrupted:
                ended = Ended(last=lines[-1] if lines else None)
            met = list(_met(ended))
            finished = Ended(last=None)
            if not ended.all:
                finished = guest.finish()
                met += worst_of(finished.findings, _candidates(ended.programs), late=True)
                met += [
                    RoundFinding(finding=each, candidates=_candidates(ended.programs), late=True)
                    for each, _ in finished.wrongs
                ]
            if met:
                guest.keep(keep(met[0].finding))
        last = ended.last
        return RoundResult(
            programs=last.programs if last else 0,
            calls=last.calls if last else 0,
            succeeded=last.succeeded if last else 0,
            signatures=last.signatures if last else 0,
            cover=last.cover if last else None,
            guest_seconds=last.ms / 1000 if last else time.monotonic() - began,
            met=tuple(met),
            corpus=ended.corpus,
        )

    def _heard(self, said: Said, lines: list[Said]) -> None:
        lines.append(said)
        if self._stop():
            raise Interrupted


def _met(ended: Ended) -> Sequence[RoundFinding]:
    wrongs = [RoundFinding(finding=finding, candidates=(program,)) for finding, program in ended.wrongs]
    return [*worst_of(ended.findings, _candidates(ended.programs)), *wrongs]


def _candidates(texts: Sequence[str]) -> tuple[str, ...]:
    """Return what may have led to a finding: one of the last programs, the last first, or all of them."""
    together = ["end\n".join(texts[-_AT_ONCE:])] if len(texts) > 1 else []
    return (*reversed(texts[-_ALONE:]), *together)
