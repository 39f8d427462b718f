"""Several traces of one target as one: a module may be loaded more than once while a case runs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from vexlab.model.report import Frame
from vexlab.model.trace import Bucket, ProbeFigures, StackSum, Trace


def together(empty: Trace, seen: Sequence[Trace], notes: Iterable[str] = ()) -> Trace:
    """Return ``empty`` with the sums of what was ``seen``, and ``notes``."""
    scripts: dict[str, str] = {}
    for each in seen:
        for name, text in each.scripts.items():
            scripts[name] = scripts.get(name, "") + text
    return replace(
        empty,
        seconds=sum(each.seconds for each in seen),
        probes=_probes(probe for each in seen for probe in each.probes),
        locks=_stacks(each.locks for each in seen),
        outstanding=_stacks(each.outstanding for each in seen),
        on_cpu=_stacks(each.on_cpu for each in seen),
        off_cpu=_stacks(each.off_cpu for each in seen),
        calls=tuple(call for each in seen for call in each.calls),
        left_out=sum(each.left_out for each in seen),
        scripts=scripts,
        notes=tuple(dict.fromkeys([*empty.notes, *notes])),
    )


def _probes(probes: Iterable[ProbeFigures]) -> tuple[ProbeFigures, ...]:
    found: dict[str, ProbeFigures] = {}
    for probe in probes:
        one = found.get(probe.name)
        found[probe.name] = _sum(one, probe) if one else probe
    return tuple(found.values())


def _sum(one: ProbeFigures, two: ProbeFigures) -> ProbeFigures:
    counts: dict[tuple[int, int], int] = {}
    for bucket in (*one.buckets, *two.buckets):
        counts[bucket.low, bucket.high] = counts.get((bucket.low, bucket.high), 0) + bucket.count
    return replace(
        one,
        calls=one.calls + two.calls,
        missed=one.missed + two.missed,
        total=one.total + two.total,
        cost_ns=max(one.cost_ns, two.cost_ns),
        buckets=tuple(Bucket(low=low, high=high, count=count) for (low, high), count in sorted(counts.items())),
    )


def _stacks(kinds: Iterable[Iterable[StackSum]]) -> tuple[StackSum, ...]:
    sums: dict[tuple[tuple[Frame, ...], str], StackSum] = {}
    for kind in kinds:
        for each in kind:
            key = each.frames, each.command
            one = sums.get(key)
            total = replace(one, count=one.count + each.count, total=one.total + each.total) if one else each
            sums[key] = total
    return tuple(sorted(sums.values(), key=lambda each: -each.total))
