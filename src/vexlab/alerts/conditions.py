"""What a rule's condition may ask of a run, and its answer. Pure.

A condition is the name of a fact, ``test_timeout``, or compares one with a number: ``failure_rate > 0.1``.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from vexlab.config import AlertRule
from vexlab.errors import UsageError
from vexlab.live.host import HostUse
from vexlab.live.state import LiveRun
from vexlab.model.verdict import Verdict
from vexlab.tables import suggest

# failure_rate > 0.1    test_timeout
_CONDITION = re.compile(r"\s*([a-z_]+)\s*(?:(>=|<=|==|!=|>|<)\s*([0-9]+(?:\.[0-9]+)?)\s*)?")
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_HANG = "HANG"
_LITTLE = 0.05  # of memory or disk that is free
_DECIDED_LEAST = 5  # before that one failure of two would be a rate of 0.5
_SLOW = 2.0  # times as long as before


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A run, its host where that was looked at, and how many times as long as before its cases take."""

    run: LiveRun
    host: HostUse | None = None
    pace: float = 1.0


def _free(host: HostUse | None) -> float:
    if host is None:
        return 1.0
    return min(host.memory_free / max(1, host.memory), host.disk_free / max(1, host.disk))


def _failure_rate(now: Situation) -> float:
    decided = sum(now.run.counts[each] for each in (Verdict.PASSED, Verdict.FAILED, Verdict.CRASHED))
    return now.run.failure_rate if decided >= _DECIDED_LEAST or now.run.over else 0.0


def _hangs(now: Situation) -> float:
    return sum(each.finding.type == _HANG for each in now.run.findings)


# By name: what it is a number of, for the documentation, and how it is had.
FACTS: Mapping[str, tuple[str, Callable[[Situation], float]]] = {
    "failure_rate": ("failed and crashed cases of those decided, 0 to 1, once five are", _failure_rate),
    "test_timeout": ("cases in which the kernel or a program hung", _hangs),
    "hangs": ("the same", _hangs),
    "failed": ("failed cases", lambda now: now.run.counts[Verdict.FAILED]),
    "crashed": ("cases in which the kernel crashed", lambda now: now.run.counts[Verdict.CRASHED]),
    "errors": ("cases that the lab itself failed", lambda now: now.run.counts[Verdict.ERROR]),
    "findings": ("reports of the kernel", lambda now: len(now.run.findings)),
    "machines_lost": ("machines that went away without a word", lambda now: now.run.lost),
    "vm_connectivity": ("the same", lambda now: now.run.lost),
    "retries": ("attempts that only the lab made fail", lambda now: now.run.retries),
    "free_ratio": ("what is free of memory or disk, the lesser, 0 to 1", lambda now: _free(now.host)),
    "resource_exhaustion": ("1 where less than 5 % of memory or disk is free", lambda now: _free(now.host) < _LITTLE),
    "component_failure": (
        "1 where a case could not run for the lab",
        lambda now: bool(now.run.counts[Verdict.ERROR] or now.run.lost),
    ),
    "pace": ("how many times as long as before cases take", lambda now: now.pace),
    "performance_degradation": ("1 where cases take twice as long as before", lambda now: now.pace >= _SLOW),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition that was understood."""

    fact: str
    sign: str = ">"
    limit: float = 0.0

    def value(self, now: Situation) -> float:
        """Return the fact's value."""
        return float(FACTS[self.fact][1](now))

    def holds(self, now: Situation) -> bool:
        """Whether the condition holds."""
        return _COMPARE[self.sign](self.value(now), self.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A rule whose condition holds, or no longer does."""

    rule: AlertRule
    run: str
    target: str
    value: float
    firing: bool


def understood(words: str) -> Condition:
    """Return what a condition says; raise ``UsageError`` where it says nothing that is known."""
    match = _CONDITION.fullmatch(words)
    if not match:
        raise UsageError(f"`{words}` is no condition", hint="NAME, or NAME > NUMBER; docs/how-to/alerts.md")
    fact, sign, limit = match.groups()
    if fact not in FACTS:
        raise UsageError(f"`{words}`: nothing is known of `{fact}`", hint=suggest(fact, FACTS))
    return Condition(fact=fact, sign=sign or ">", limit=float(limit or 0))


class Rules:
    """Rules over a run, each of which fires once and may end; raises ``UsageError`` for one that is not understood."""

    def __init__(self, rules: Sequence[AlertRule]) -> None:
        self._rules = tuple((rule, understood(rule.condition)) for rule in rules)
        self._firing: set[str] = set()

    def changes(self, now: Situation) -> tuple[Alert, ...]:
        """Return the alerts that began or ended."""
        found = []
        for rule, condition in self._rules:
            holds = condition.holds(now)
            if holds == (rule.name in self._firing):
                continue
            (self._firing.add if holds else self._firing.discard)(rule.name)
            info = now.run.run
            found.append(
                Alert(
                    rule=rule,
                    run=info.id if info else "",
                    target=info.target if info else "",
                    value=condition.value(now),
                    firing=holds,
                )
            )
        return tuple(found)
