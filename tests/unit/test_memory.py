"""Growth is judged by a slope over many samples."""

from __future__ import annotations

import random

import pytest

from vexlab.errors import MachineError
from vexlab.observe.memory import MARK, Growth, MemorySample, growth, leaks, parse_samples


def _leaks(samples: list[MemorySample]) -> tuple[Growth, ...]:
    return leaks(samples, slab_bytes=512.0, memory_bytes=65536.0)


PRINTED = f"""
{MARK}
      nr_free_pages 3000
              count: 12
              count: 0
      nr_free_pages 40000
              count: 300
slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> : slabdata <a>
kmalloc-64          3200   3264     64   51    1 : tunables    0    0    0 : slabdata     64     64      0
{MARK}
      nr_free_pages 43311
kmalloc-64          3201   3264     64   51    1 : tunables    0    0    0 : slabdata     64     64      0
"""


def _samples(count: int, *, leak: float = 0, noise: float = 0, memory: float = 0) -> list[MemorySample]:
    chance = random.Random(7)
    return [
        MemorySample(
            free=int(150e6 - memory * n + chance.uniform(-1, 1) * noise * 4096),
            objects={"kmalloc-1k": (int(1000 + leak * n + chance.uniform(-1, 1) * noise), 1024)},
        )
        for n in range(count)
    ]


def test_parse() -> None:
    first, second = parse_samples(PRINTED)
    assert first.free == 43312 * 4096
    assert second.free == first.free - 4096
    assert first.objects == {"kmalloc-64": (3200, 64)}
    assert second.objects["kmalloc-64"][0] == 3201


def test_a_sample_without_free_memory_is_an_error() -> None:
    with pytest.raises(MachineError, match="zoneinfo"):
        parse_samples(f"{MARK}\nkmalloc-64 1 1 64 51 1 : tunables 0 0 0 : slabdata 1 1 0\n")


def test_one_object_a_cycle_is_a_leak() -> None:
    (found,) = _leaks(_samples(20, leak=1))
    assert found.name == "kmalloc-1k"
    assert round(found.slope) == 1
    assert round(found.bytes_per_cycle) == 1024


def test_noise_is_no_leak() -> None:
    assert _leaks(_samples(20, noise=50)) == ()


def test_a_cache_that_fills_once_is_no_leak() -> None:
    samples = [MemorySample(free=0, objects={"c": (min(n, 3) * 100, 64)}) for n in range(20)]
    assert _leaks(samples) == ()


def test_pages_that_vanish_are_a_leak() -> None:
    (found,) = _leaks(_samples(20, memory=200_000, noise=3))
    assert found.name == "memory"


def test_a_cache_that_appears_late_counts_from_nothing() -> None:
    samples = [MemorySample(free=0, objects={"new": (n, 700)} if n > 3 else {}) for n in range(20)]
    assert [found.name for found in _leaks(samples)] == ["new"]


def test_growth_of_nothing() -> None:
    assert growth("x", []).slope == 0


@pytest.mark.parametrize(("memory", "names"), [(200_000, []), (400_000, ["memory"])])
def test_what_a_kernel_notes_of_objects_is_no_leak(memory: int, names: list[str]) -> None:
    noting = [
        MemorySample(free=each.free, objects={**each.objects, "kmemleak_object": (50_000 + 42 * number, 307)})
        for number, each in enumerate(_samples(20, memory=memory))
    ]
    assert [each.name for each in _leaks(noting)] == names
