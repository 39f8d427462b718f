"""The guest's memory as numbers, and growth as a slope over many samples rather than one difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vexlab.errors import MachineError
from vexlab.stats import kendall_tau, slope

# Printed between samples by the guest's `sample` (workloads/sample.sh); no tool's output starts a line with it.
MARK = "== vexlab sample"
SAMPLE = ". /vexlab/lib/sample.sh && sample"  # what a guest's shell runs to print one

_PAGE = 4096
# What kmemleak and debug objects note of others' objects, and the memory that goes with it: the shadow of areas that
# are given back late (mm/vmalloc.c), stacks. It grew by 220 KB a round where nothing was lost.
_NOTES = frozenset(("kmemleak_object", "kmemleak_scan_area", "debug_objects_cache"))
_NOTED = 4  # times the memory that others may grow by


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySample:
    """``objects`` maps slab caches to (active objects, bytes an object); ``free`` is free memory in bytes.

    Pages that each CPU keeps to itself are free too, and come and go by megabytes: they are counted, where MemFree
    leaves them out (/proc/zoneinfo, mm/vmstat.c).
    """

    free: int
    objects: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A quantity's growth: ``slope`` per cycle in its own unit, ``steadiness`` Kendall's tau from -1 to 1."""

    name: str
    slope: float
    steadiness: float
    bytes_per_cycle: float


def parse_samples(text: str) -> tuple[MemorySample, ...]:
    """Read what ``SAMPLE`` printed any number of times."""
    return tuple(_sample(part) for part in text.split(MARK)[1:])


def growth(name: str, values: Sequence[float], unit_bytes: float = 1.0) -> Growth:
    """Return the slope of ``values``, of which each is a cycle later, and how steadily they rise."""
    rise = slope(values)
    return Growth(name=name, slope=rise, steadiness=kendall_tau(values), bytes_per_cycle=rise * unit_bytes)


def leaks(
    samples: Sequence[MemorySample], *, slab_bytes: float, memory_bytes: float, warm_up: int = 3
) -> tuple[Growth, ...]:
    """Return what grows over the cycles: slab caches by at least one object and free memory by ``memory_bytes`` each.

    A cache counts when its objects rise by a whole object in most cycles, or its bytes by ``slab_bytes`` a cycle, and
    steadily. The first ``warm_up`` samples are left out, for caches fill once. What a kernel notes of objects, where it
    is built to, is none of them, and ``memory_bytes`` is more there.
    """
    kept = samples[warm_up:]
    found = []
    caches = set().union(*(sample.objects for sample in kept))
    for cache in sorted(caches - _NOTES):
        sizes = [sample.objects.get(cache, (0, 0)) for sample in kept]
        grown = growth(cache, [count for count, _ in sizes], max(size for _, size in sizes))
        if grown.steadiness > 0.8 and (grown.slope >= 0.9 or grown.bytes_per_cycle >= slab_bytes):
            found.append(grown)
    used = growth("memory", [-sample.free for sample in kept])
    if used.steadiness > 0.8 and used.slope >= memory_bytes * (_NOTED if caches & _NOTES else 1):
        found.append(used)
    return tuple(found)


def _sample(text: str) -> MemorySample:
    free, objects = 0, {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2 and words[0] in ("nr_free_pages", "count:"):  # of a zone, of a CPU's share of it
            free += int(words[1]) * _PAGE
        elif " : tunables" in line and not line.startswith(
            "#"
        ):  # kmalloc-64  3200  3264  64  51  1 : tunables 0 0 0 : slabdata 64 64 0
            objects[words[0]] = (int(words[1]), int(words[3]))
    if not free:
        raise MachineError("the guest's free memory is not in its answer: /proc/zoneinfo counts no page")
    return MemorySample(free=free, objects=objects)
