"""The search itself: which revision to look at next, and what can be said at the end. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Mark(StrEnum):
    """What is known of a revision."""

    GOOD = "good"
    BAD = "bad"
    SKIPPED = "skipped"  # it does not build, or the lab failed: nothing is known of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A revision that was looked at: how often its case ran, how often the problem showed, what else was seen."""

    mark: Mark
    runs: int = 0
    shown: int = 0
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Culprit:
    """Where the problem begins: of several ``suspects`` it cannot be said which, as those between were skipped."""

    suspects: tuple[str, ...]
    last_good: str

    @property
    def found(self) -> str:
        """The revision, empty where there are several."""
        return self.suspects[0] if len(self.suspects) == 1 else ""


def bounds(revisions: Sequence[str], looked: Mapping[str, Looked]) -> tuple[int, int]:
    """Return the places of the last good revision (-1: the one before all) and of the first bad one after it."""
    bad = next(
        (at for at, each in enumerate(revisions) if each in looked and looked[each].mark is Mark.BAD),
        len(revisions) - 1,
    )
    good = max(
        (at for at in range(bad) if revisions[at] in looked and looked[revisions[at]].mark is Mark.GOOD), default=-1
    )
    return good, bad


def following(revisions: Sequence[str], looked: Mapping[str, Looked]) -> str:
    """Return the revision to look at next, the nearest to the middle that is not known; empty where that is all.

    ``revisions`` are those after the good one, the bad one last.
    """
    good, bad = bounds(revisions, looked)
    middle = (good + bad) / 2
    unknown = [at for at in range(good + 1, bad) if revisions[at] not in looked]
    return revisions[min(unknown, key=lambda at: (abs(at - middle), at))] if unknown else ""


def culprit(revisions: Sequence[str], looked: Mapping[str, Looked], good: str) -> Culprit:
    """Return where the problem begins, once there is nothing more to look at; ``good`` is the revision before all."""
    last, bad = bounds(revisions, looked)
    return Culprit(suspects=tuple(revisions[last + 1 : bad + 1]), last_good=revisions[last] if last >= 0 else good)
