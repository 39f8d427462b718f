"""What a failed case does elsewhere: on the revision before, on another filesystem, on another kernel. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from vexlab.model.flaky import Count
from vexlab.model.sequential import Sequential, expected_rate


class Arm(StrEnum):
    """Where a case is run again."""

    HERE = "here"
    BEFORE = "before"  # the revision of the baseline, or the newest on which it passed
    REFERENCE = "reference"
    KERNEL = "kernel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How often a case failed in one place; ``place`` are words: ``on ext4``.

    ``settled`` tells whether the sequential test came to an end: ``fails`` is its answer, ``None`` without one.
    ``unknown`` is why there is nothing to say, such as that the case does not apply there.
    """

    arm: Arm
    place: str
    count: Count = field(default_factory=Count)
    fails: bool | None = None
    unknown: str = ""

    def __str__(self) -> str:
        """Return the words of the line: ``0 of 20 on ext4``."""
        if self.unknown:
            return f"{self.place}: {self.unknown}"
        open_ = "" if self.fails is not None else " (open)"
        return f"{self.count.failed} of {self.count.runs} {self.place}{open_}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A failed case, and what it does in each place; the first trial is the one here."""

    case: str
    trials: tuple[Trial, ...]

    @property
    def line(self) -> str:
        """``d.a[6.1] fails 9 of 10 here, 0 of 20 on the revision before, 0 of 5 on ext4``."""
        return f"{self.case} fails {', '.join(map(str, self.trials))}"

    @property
    def words(self) -> str:
        """What follows from that, as a sentence; a place of which nothing is known says nothing."""
        found = {each.arm: each.fails for each in self.trials if not each.unknown}
        here = self.trials[0]
        if not here.count.failed:
            return f"it cannot be shown again in {here.count.runs} runs: the failure is rare, or was the lab's"
        parts = [words for arm, fails, words in _MEANINGS if found.get(arm) is fails and arm in found]
        if here.count.is_flaky:
            parts.insert(0, "it is flaky")
        return "; ".join(parts) or "nothing follows from that"


_MEANINGS = (
    (Arm.BEFORE, False, "what changed since that revision makes it fail"),
    (Arm.BEFORE, True, "it failed before, too: the change since then is not the cause"),
    (Arm.REFERENCE, False, "the case and the lab are sound, the filesystem under test is at fault"),
    (Arm.REFERENCE, True, "the reference fails as well: suspect the case, the kernel or the lab, not the module"),
    (Arm.KERNEL, False, "the other kernel does not show it: it depends on the kernel"),
    (Arm.KERNEL, True, "the other kernel shows it, too"),
)

AGAIN, AGAIN_MOST = 5, 10  # runs here: so many, and where both outcomes are seen so many


def goes_on_here(count: Count) -> bool:
    """Whether the case is run again where it failed: till it is clear how often it does."""
    return count.runs < (AGAIN_MOST if count.is_flaky else AGAIN)


def elsewhere(here: Count, most: int) -> Sequential:
    """Return the test of another place, given how often the case fails here."""
    return Sequential(high=expected_rate(here), most=most)


def headlines(explanations: Iterable[Explanation]) -> Iterator[str]:
    """Yield the lines for people."""
    for each in explanations:
        yield each.line
        yield f"  {each.words}"
