"""Wald's sequential test of a rate of failure: it ends as soon as enough is known. Pure.

A. Wald, Sequential Tests of Statistical Hypotheses, Ann. Math. Stat. 16, 1945. It holds that the case fails here as
often as where it failed (``high``) against that it hardly ever does (``low``); each error has the probability ``error``
or less, however often one looks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from vexlab.model.flaky import Count

LOW = 0.02  # what is taken for "does not fail": as rarely as the lab itself
ERROR = 0.01
MOST = 40  # runs, after which the question stays open


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequential:
    """The test against a rate of ``high``; raises ``ValueError`` where that is not above ``low``."""

    high: float
    low: float = LOW
    error: float = ERROR
    most: int = MOST

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high < 1:
            raise ValueError(f"a rate of {self.high} cannot be told from {self.low}")

    def fails(self, count: Count) -> bool | None:
        """Return whether it fails as often as ``high``, ``None`` while more runs are needed."""
        passed = count.runs - count.failed
        ratio = count.failed * math.log(self.high / self.low)
        ratio += passed * math.log((1 - self.high) / (1 - self.low))
        bound = math.log((1 - self.error) / self.error)
        if ratio >= bound:
            return True
        return False if ratio <= -bound else None

    def goes_on(self, count: Count) -> bool:
        """Whether another run is to be made."""
        return self.fails(count) is None and count.runs < self.most

    @property
    def clean_runs(self) -> int:
        """How many runs without a failure end it."""
        bound = math.log((1 - self.error) / self.error)
        return math.ceil(bound / -math.log((1 - self.high) / (1 - self.low)))


def expected_rate(here: Count) -> float:
    """Return the rate to look for elsewhere: that seen here, lowered by half its uncertainty, from 0.1 to 0.9.

    It is Agresti's and Coull's estimate less one standard deviation, so that a case that failed once of once is looked
    for with 0.5 or so.
    """
    runs, failed = here.runs + 4, here.failed + 2
    rate = failed / runs
    return min(max(rate - math.sqrt(rate * (1 - rate) / runs), 0.1), 0.9)
