"""Whether the vectors that a crash left are those of whole steps of ``crash_vectors.sh``, which says what a step is.

``crash_vectors.py SYNCED BEGUN STATS DUMPED``: SYNCED steps were fsynced, BEGUN were begun; STATS and DUMPED are files
with what vexctl told of the collection. Prints what is wrong, and fails then.
"""

from __future__ import annotations

import json
import sys

SYNCED, BEGUN = map(int, sys.argv[1:3])
STATS, DUMPED = sys.argv[3:]
Gone = dict[int, int]  # places of vectors, by the step that deletes them


def steps_of(there: int) -> tuple[int, list[str], Gone]:
    """Return how many steps it takes to add as many vectors, all that they add, and what they delete."""
    step, rows, gone = 0, list[str](), Gone()
    while len(rows) < there:
        size = size_of(step)
        if step % 10 == 9:
            gone[len(rows)] = step
        rows += [f"{step} {n} 2 3 4 5 6 7" for n in range(1, size + 1)]
        step += 1
    return step, rows, gone


def size_of(step: int) -> int:
    """Return how many vectors a step adds by one call."""
    return 300 if step % 4 == 3 else 1


def wrong() -> str:
    """Return what is wrong, or nothing."""
    with open(STATS) as stats, open(DUMPED) as dumped:
        told, found = json.load(stats), dumped.read().splitlines()
    there = told["live"] + told["deleted"]
    step, rows, gone = steps_of(there)
    if len(rows) > there:
        size = size_of(step - 1)
        return f"of the {size} vectors added by one call {there - len(rows) + size} are there"
    if not SYNCED <= step <= BEGUN:
        return f"the vectors of {step} steps are there; {SYNCED} were fsynced and {BEGUN} begun"
    kept = set(found)
    wanted = [row for n, row in enumerate(rows) if n not in gone or (gone[n] >= SYNCED and row in kept)]
    if found == wanted:
        return ""
    other = next((pair for pair in zip(found, wanted) if pair[0] != pair[1]), "their number")
    return f"of {there} vectors that are there some are not what was added, or deleted: {other}"


if words := wrong():
    print(words)
    sys.exit(1)
