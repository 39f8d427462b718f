"""Two reports that two CPUs print at once, line by line, into a log without caller marks: told apart by their time
stamps, where these run backwards. Each CPU's own stamps only rise.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vexlab.classify.grouping import Group

_NEAR = 8_000  # characters between the two headlines
_REACH = 16_000  # characters of the log that are told apart
_MOST_LINES = 400
_MOST_TRIES = 100  # pairs looked at in one log
_FALLS = 2  # times that the stamps run backwards; two logs pasted together do so once
# [   12.345678] ...
_STAMP = re.compile(r"^(?:<\d{1,3}>)?\[ *(\d{1,9}\.\d+)\] ", re.M)


class Part(NamedTuple):
    """A group of headlines, and the places of the lines that another report put between its own."""

    group: Group
    foreign: frozenset[int] = frozenset()


class _Path(NamedTuple):
    """A way to deal out the lines so far: how often it changes from one printer to the other, and the last step."""

    changes: int
    second: bool
    before: _Path | None


def told_apart(text: str, groups: Iterable[Group]) -> Iterator[Part]:
    """The groups in order, each with the lines that are not its own."""
    pending: Part | None = None
    left = _MOST_TRIES
    for group in groups:
        part = Part(group)
        if pending is not None:
            if left and _may_mix(pending, part):
                left -= 1
                pending, part = _separate(text, pending, part)
            yield pending
        pending = part
    if pending is not None:
        yield pending


def _may_mix(first: Part, second: Part) -> bool:
    one, other = first.group.head, second.group.head
    return one.context == other.context == "" and other.start - one.end <= _NEAR and not first.foreign


def _separate(text: str, first: Part, second: Part) -> tuple[Part, Part]:
    one, other = first.group.head, second.group.head
    stop = min(second.group.stop, one.start + _REACH)
    lines = [(match.start(), float(match[1])) for match in _STAMP.finditer(text, one.start, stop)][:_MOST_LINES]
    if sum(now[1] < last[1] for last, now in itertools.pairwise(lines)) < _FALLS:
        return first, second
    owners = _deal([stamp for _, stamp in lines])
    places = [start for start, _ in lines]
    if owners is None or other.start not in places or owners[0] == owners[places.index(other.start)]:
        return first, second
    ours = frozenset(place for place, owner in zip(places, owners, strict=True) if owner == owners[0])
    theirs = frozenset(places) - ours
    return (
        Part(first.group._replace(stop=stop), theirs),
        Part(second.group, ours),
    )


def _deal(stamps: list[float]) -> list[bool] | None:
    """Deal the lines out to two printers whose stamps only rise, with the fewest changes between the two; None
    where two do not suffice. The answer says of each line whether it is the second printer's.
    """
    ways: dict[float, _Path] = {float("-inf"): _Path(0, second=False, before=None)}  # last stamp of the other printer
    last = stamps[0]
    for stamp in stamps[1:]:
        after: dict[float, _Path] = {}
        for other, path in ways.items():
            if stamp >= last:
                _keep(after, other, _Path(path.changes, path.second, path))
            if stamp >= other:
                _keep(after, last, _Path(path.changes + 1, not path.second, path))
        if not after:
            return None
        ways, last = _best(after), stamp
    best: _Path | None = min(ways.values(), key=lambda path: path.changes)
    owners: list[bool] = []
    while best is not None:
        owners.append(best.second)
        best = best.before
    return owners[::-1]


def _best(ways: dict[float, _Path]) -> dict[float, _Path]:
    """The ways without those that another beats: no later a last stamp of the other printer, no more changes."""
    kept: dict[float, _Path] = {}
    fewest: int | None = None
    for other in sorted(ways):
        path = ways[other]
        if fewest is None or path.changes < fewest:
            kept[other], fewest = path, path.changes
    return kept


def _keep(ways: dict[float, _Path], other: float, path: _Path) -> None:
    known = ways.get(other)
    if known is None or path.changes < known.changes:
        ways[other] = path
