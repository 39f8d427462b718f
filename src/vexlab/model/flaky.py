"""Cases that pass and fail at one revision: how often, and whether a new failure is a change or chance. Pure.

Two counts of failures are compared by Bayes' factor of "each has a rate of its own" over "both have one", with
Jeffreys' prior for each rate (Kass and Raftery, Bayes Factors, JASA 90, 1995). It is exact also where nothing failed,
or all did.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vexlab.model.key import CaseKey
from vexlab.model.verdict import Verdict

PRIOR = 0.1  # that a case's first failure is a change of the target: before anything is known of the case
SURE = 0.99
_RERUNS_MOST = 50
_RED = (Verdict.FAILED, Verdict.CRASHED)
STORM_S = 3600.0  # failures that begin within this time of each other hit at once


@dataclass(frozen=True, slots=True, order=True)
class Count:
    """How often a case failed: ``failed`` of ``runs`` that came to their end."""

    failed: int = 0
    runs: int = 0

    def __add__(self, other: Count) -> Count:
        """Return both together."""
        return Count(self.failed + other.failed, self.runs + other.runs)

    def __str__(self) -> str:
        """Return the count as people say it: ``fails 3 of 10``."""
        return f"fails {self.failed} of {self.runs}"

    @property
    def is_flaky(self) -> bool:
        """Whether both outcomes were seen."""
        return 0 < self.failed < self.runs


class Answer(StrEnum):
    """What is known of a case that fails."""

    FLAKY = "flaky"  # both outcomes at one revision, as often as before, as far as is known
    REGRESSION = "regression"  # it fails more often than before, for sure
    OPEN = "open"  # more runs are needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of a case in one run; ``started`` is when that run began, ISO 8601."""

    key: CaseKey
    digest: str
    revision: str
    started: str
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the runs say of one case on one kernel at the newest revision, and at those ``before`` it.

    ``probability`` is that of a regression: that it fails more often than before. ``reruns`` is how many more runs
    would settle that if all of them failed, ``None`` where none are needed or no number would.
    """

    key: CaseKey
    revision: str
    now: Count
    before: Count
    revisions: Mapping[str, Count]
    probability: float
    answer: Answer
    reruns: int | None


def rate_excluded(runs: int, confidence: float = 0.95) -> float:
    """Return the least rate of failure that ``runs`` clean runs exclude: nearly 3 / ``runs`` (the rule of three).

    Hanley and Lippman-Hand, If nothing goes wrong, is everything all right?, JAMA 249, 1983.
    """
    return 1 - (1 - confidence) ** (1 / runs) if runs > 0 else 1.0


def regression_probability(before: Count, now: Count, prior: float = PRIOR) -> float:
    """Return the probability that a case fails more often now than it did before, given both counts."""
    if not now.runs or now.failed * max(before.runs, 1) <= before.failed * now.runs:
        return 0.0
    both = before + now
    factor = math.exp(_log_evidence(before) + _log_evidence(now) - _log_evidence(both))
    odds = factor * prior / (1 - prior)
    return odds / (1 + odds)


def _log_evidence(count: Count) -> float:
    """Return the logarithm of the probability of a row of outcomes whose rate has Jeffreys' prior."""
    failed, passed = count.failed + 0.5, count.runs - count.failed + 0.5
    return math.lgamma(failed) + math.lgamma(passed) - math.lgamma(count.runs + 1) - math.log(math.pi)


def reruns_needed(before: Count, now: Count, sure: float = SURE) -> int | None:
    """Return how many more failures in a row would make a regression ``sure``; ``None`` where no number that helps."""
    for more in range(_RERUNS_MOST + 1):
        if regression_probability(before, now + Count(more, more)) >= sure:
            return more
    return None


def judged(before: Count, now: Count) -> tuple[Answer, float, int | None]:
    """Return the answer for a case that fails, the probability of a regression, and how many runs it still needs."""
    probability = regression_probability(before, now)
    if probability >= SURE:
        return Answer.REGRESSION, probability, None
    if now.is_flaky and (before.failed or probability < PRIOR or reruns_needed(before, now) is None):
        return Answer.FLAKY, probability, None
    return Answer.OPEN, probability, reruns_needed(before, now)


def judgements(outcomes: Iterable[Outcome]) -> tuple[Judgement, ...]:
    """Return what is known of each case that ever failed at its newest revision, or passed and failed at one before.

    Only outcomes with the code of the newest one count. The order of revisions is that of their first runs.
    """
    found: dict[CaseKey, list[Outcome]] = {}
    for each in sorted(outcomes, key=lambda one: one.started):
        found.setdefault(each.key, []).append(each)
    told = (_judgement(key, seen) for key, seen in found.items())
    return tuple(sorted(filter(None, told), key=lambda each: (-each.probability, str(each.key))))


def _judgement(key: CaseKey, seen: Sequence[Outcome]) -> Judgement | None:
    decided = [each for each in seen if each.verdict in (*_RED, Verdict.PASSED) and each.digest == seen[-1].digest]
    counts: dict[str, Count] = {}
    for each in decided:
        counts[each.revision] = counts.get(each.revision, Count()) + Count(int(each.verdict in _RED), 1)
    if not counts:
        return None
    newest = decided[-1].revision
    now = counts[newest]
    before = sum((count for revision, count in counts.items() if revision != newest), Count())
    if not now.failed and not any(count.is_flaky for count in counts.values()):
        return None
    answer, probability, reruns = judged(before, now) if now.failed else (Answer.FLAKY, 0.0, None)
    return Judgement(
        key=key,
        revision=newest,
        now=now,
        before=before,
        revisions=counts,
        probability=probability,
        answer=answer,
        reruns=reruns,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """Failures that began at once in several targets though nothing in these changed: the lab's fault.

    ``cases`` are ids, each after its target.
    """

    started: str
    targets: tuple[str, ...]
    cases: tuple[str, ...]


def storms(outcomes: Iterable[Outcome], within_s: float = STORM_S) -> tuple[Storm, ...]:
    """Return the storms among ``outcomes``: cases of two targets or more that began to fail within ``within_s``.

    Only those count that passed in their run before with the same code at the same revision: what did not change
    cannot be the cause. One target is hit by two cases at least.
    """
    begun = sorted(_begun(outcomes), key=lambda each: (each.started, str(each.key)))
    found: list[Storm] = []
    at = 0
    while at < len(begun):
        first = _time(begun[at].started)
        group = [each for each in begun[at:] if (_time(each.started) - first).total_seconds() <= within_s]
        hit = {target for target in {each.key.target for each in group} if _hits(group, target) > 1}
        if len(hit) > 1:
            cases = tuple(f"{each.key.target}: {each.key}" for each in group if each.key.target in hit)
            found.append(Storm(started=begun[at].started, targets=tuple(sorted(hit)), cases=cases))
            at += len(group)
        else:
            at += 1
    return tuple(found)


def _hits(group: Sequence[Outcome], target: str) -> int:
    return len({each.key for each in group if each.key.target == target})


def _begun(outcomes: Iterable[Outcome]) -> Iterable[Outcome]:
    last: dict[CaseKey, Outcome] = {}
    for each in sorted(outcomes, key=lambda one: one.started):
        if each.verdict not in (*_RED, Verdict.PASSED):
            continue
        before = last.get(each.key)
        same = before is not None and (before.revision, before.digest) == (each.revision, each.digest)
        if before and same and before.verdict is Verdict.PASSED and each.verdict in _RED:
            yield each
        last[each.key] = each


def _time(words: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(words)
