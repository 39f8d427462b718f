"""How often a case must run before its silence means something. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable

MOST_RUNS = 200  # of one step: a problem that shows less often than in 1 of 50 runs is not to be found so
_SURE = 0.999  # the highest rate that is believed


def runs_needed(rate: float, confidence: float, steps: int) -> int:
    """Return how often a case that fails with ``rate`` must pass before a revision may be called good.

    The chance that any of ``steps`` revisions is wrongly called good is then at most 1 - ``confidence``: a problem that
    shows in 30 % of the runs needs 15 of them for 10 steps at 95 %. Raises ``ValueError`` for a rate of zero.
    """
    if not 0 < rate <= 1:
        raise ValueError(f"a rate of {rate:g} cannot be looked for")
    wrong = (1 - confidence) / max(1, steps)
    needed = math.ceil(math.log(wrong) / math.log(1 - min(rate, _SURE)))
    return min(MOST_RUNS, max(1, needed))


def missed(rate: float, runs: int) -> float:
    """Return the chance that a problem which is there shows in none of ``runs``."""
    return float((1 - min(rate, _SURE)) ** runs)


def confidence_of(rate: float, good: Iterable[int]) -> float:
    """Return the chance that no revision was wrongly called good, from the runs of each; a bad one showed itself."""
    return math.prod(1 - missed(rate, runs) for runs in good)


def steps_of(revisions: int) -> int:
    """Return how many revisions a bisection of so many looks at."""
    return max(1, math.ceil(math.log2(max(2, revisions))))
