"""Which cases to run first where only the first finding is wanted. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from vexlab.selfcheck.detection import Detection

# What is thought of a case that was never tried: that it finds one defect in fifty. With more, the many short cases all
# come before the long ones that find most (16 trials tried again on paper: a sixth longer with one in twenty).
_FOUND, _TRIED = 0.2, 10.0
_LEAST_S = 0.1
# From this chance on a case is a likely finder. All of those come before the rest: of the many that nothing speaks for
# each is soon done, and all of them together take far longer than the few that something speaks for.
_LIKELY = 0.05


def promising(
    clean: Detection,
    tried: Sequence[Detection],
    *,
    finders: Collection[str] = (),
) -> tuple[str, ...]:
    """Return the cases that ``clean`` ran, the likely finders first; false alarms come last.

    The first of all are ``finders``, which found this very defect in an earlier selfcheck; where one of them is no case
    any more, those of its function are (it may have been divided). Then come the likely ones, then the rest, each in
    the order of chance by time, in which one finds something soonest on average. A case's chance is what it found of
    what it was tried on so far; its time is the mean of how long it took.
    """
    tried = [each for each in tried if not each.error]
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    for each in (clean, *tried):
        for case, took in each.took.items():
            seconds[case].append(took)
    runs = Counter(case for each in tried for case in each.took)
    hits = Counter(case for each in tried for case in each.found_by)

    divided = {each.partition("[")[0] for each in finders if each not in clean.took}

    def place(case: str) -> tuple[bool, bool, bool, float, str]:
        chance = (hits[case] + _FOUND) / (runs[case] + _TRIED)
        gain = chance / max(sum(seconds[case]) / len(seconds[case]), _LEAST_S)
        found_it = case in finders or case.partition("[")[0] in divided
        return (case in clean.found_by, not found_it, chance < _LIKELY, -gain, case)

    return tuple(sorted(clean.took, key=place))
