"""What a target could do in earlier runs: a capability that is gone is a regression, however cleanly it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vexlab.model.capabilities import CAPABILITIES
from vexlab.model.profile import Profile, State, limit_words

FILE = "capabilities-before.json"  # in a run's folder: by Profile.place, what worked before the run


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """A capability worked in ``run``; ``limit`` is the largest that was found, ``None`` for none or an unknown one."""

    run: str
    revision: str = ""
    limit: int | None = None


Known = Mapping[str, Worked]


def learned(known: Known, profile: Profile, run: str, revision: str) -> Known:
    """Return ``known`` with what works in ``profile``; what worked before and does not now stays known."""
    merged = dict(known)
    for each in profile.capabilities:
        if each.state is State.WORKS:
            limit = None if each.at_least else each.limit
            before = merged.get(each.name)
            if before and before.limit is not None and limit is not None and _smaller(each.name, limit, before.limit):
                continue  # it was better then: that stays what is expected
            merged[each.name] = Worked(run=run, revision=revision, limit=limit)
    return merged


def lost(known: Known, profile: Profile, declared: frozenset[str]) -> tuple[str, ...]:
    """Return a line for each capability that worked and does not, or not as far, and is not in ``declared``."""
    lines = []
    for each in profile.capabilities:
        before = known.get(each.name)
        if before is None or declared & {each.name, *CAPABILITIES[each.name].refuses, CAPABILITIES[each.name].within}:
            continue
        when = f"in run {before.run}{f' ({before.revision})' if before.revision else ''}"
        if each.state is State.REFUSED:
            lines.append(f"{each.name}: worked {when}, is refused now{f' ({each.errno})' if each.errno else ''}")
        elif each.state is State.BROKEN:
            lines.append(f"{each.name}: worked {when}, is broken now: {each.finding or each.detail}")
        elif each.state is State.WORKS and not each.at_least and _is_less(each.name, each.limit, before.limit):
            lines.append(f"{each.name}: {limit_words(each)} now, {before.limit} {when}")
    return tuple(lines)


def _is_less(name: str, now: int | None, before: int | None) -> bool:
    return now is not None and before is not None and _smaller(name, now, before)


def _smaller(name: str, one: int, other: int) -> bool:
    """Whether ``one`` is the worse limit: of most the smaller, of times and devices the larger."""
    return one > other if name in ("time_granularity", "time_min", "smallest_device") else one < other
