"""What reached the disk for a piece of work: counted by the kernel, the same at every run, whatever else runs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vexlab.guest.fsperf import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Requests and sectors (of 512 bytes) that reached the disk."""

    reads: int
    read_sectors: int
    writes: int
    write_sectors: int
    flushes: int


def _sum(samples: Sequence[Sample]) -> Requests:
    return Requests(
        reads=sum(each.reads for each in samples),
        read_sectors=sum(each.read_sectors for each in samples),
        writes=sum(each.writes for each in samples),
        write_sectors=sum(each.write_sectors for each in samples),
        flushes=sum(each.flushes for each in samples),
    )


def least_of(each: Sequence[Requests]) -> Requests:
    """Return the least of each figure: what was done in every round was not somebody else's."""
    return Requests(
        reads=min(one.reads for one in each),
        read_sectors=min(one.read_sectors for one in each),
        writes=min(one.writes for one in each),
        write_sectors=min(one.write_sectors for one in each),
        flushes=min(one.flushes for one in each),
    )


def by_phase(samples: Sequence[Sample], side: int) -> dict[str, list[Requests]]:
    """Return the requests of each phase of ``side``, one for a round; those of a "sync" belong to the phase before."""
    found: dict[str, list[Requests]] = {}
    group: list[Sample] = []
    for each in (*(one for one in samples if one.side == side), None):
        if group and (each is None or each.phase != "sync"):
            found.setdefault(group[0].phase, []).append(_sum(group))
            group = []
        if each is not None:
            group.append(each)
    return found
