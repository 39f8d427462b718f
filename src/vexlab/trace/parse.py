"""What bpftrace prints with ``-f json``: one JSON object a line. From it the figures of each probe. Pure.

The guest is not trusted: whatever is not as expected is left out, and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from vexlab.model.trace import Bucket, Call, ProbeFigures, StackSum
from vexlab.trace.probes import Probe
from vexlab.trace.program import EVENT
from vexlab.trace.symbols import ModuleText

STACKS_MOST = 2_000  # different ones of a kind that are kept, the largest
_COMMAND_MOST = 16  # TASK_COMM_LEN (include/linux/sched.h)


@dataclass(slots=True)
class Printed:
    """What one bpftrace printed: maps by name, lines of the time line, and how much of it was not understood.

    ``lost`` counts events that bpftrace had no room for; ``attached`` is how many probes it says that it set.
    """

    maps: dict[str, dict[str, object]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    attached: int = 0
    lost: int = 0
    odd: int = 0


def parse_output(text: str) -> Printed:
    """Read the output of ``bpftrace -f json``."""
    printed = Printed()
    for line in text.splitlines():
        if not line.strip():
            continue
        try:
            message = msgspec.json.decode(line, type=dict[str, object])
        except msgspec.DecodeError:
            printed.odd += 1
            continue
        _take(printed, str(message.get("type", "")), message.get("data"))
    return printed


def _take(printed: Printed, kind: str, data: object) -> None:
    if kind == "printf" and isinstance(data, str):
        printed.lines += data.splitlines()
    elif kind == "attached_probes" and isinstance(data, Mapping):
        printed.attached += _number(data.get("probes"))
    elif kind == "lost_events" and isinstance(data, Mapping):
        printed.lost += _number(data.get("events"))
    elif kind in ("map", "hist", "stats") and isinstance(data, Mapping):
        for name, values in data.items():
            table = values if isinstance(values, dict) else {"": values}
            printed.maps.setdefault(str(name).removeprefix("@"), {}).update(table)
    else:
        printed.odd += 1


def figures(printed: Printed, probes: Sequence[Probe], costs: Mapping[str, int]) -> tuple[ProbeFigures, ...]:
    """Return what each probe saw; ``costs`` are ns for each hit by the kind of a probe."""
    counts, sums, histograms = (printed.maps.get(name, {}) for name in ("n", "s", "h"))
    found = []
    for number, probe in enumerate(probes):
        if probe.kind in ("on_cpu", "off_cpu"):
            continue
        key = str(number)
        calls, stats = _number(counts.get(key)), sums.get(key)
        ended = _number(stats.get("count")) if isinstance(stats, Mapping) else 0
        found.append(
            ProbeFigures(
                name=probe.name,
                place=probe.place,
                unit="bytes" if probe.kind == "memory" else "ns",
                calls=calls,
                missed=max(calls - ended, 0),
                total=_number(stats.get("total")) if isinstance(stats, Mapping) else 0,
                cost_ns=costs.get(probe.name, 0),
                buckets=tuple(_buckets(histograms.get(key))),
            )
        )
    return tuple(found)


def _buckets(rows: object) -> Iterator[Bucket]:
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, Mapping) and _number(row.get("count")):
            low = max(_number(row.get("min")), 0)
            yield Bucket(low=low, high=max(_number(row.get("max")) + 1, low + 1), count=_number(row.get("count")))


def calls(printed: Printed, probes: Sequence[Probe]) -> tuple[tuple[Call, ...], int]:
    """Return the calls of the time line in order, and how many did not fit."""
    found = []
    for line in printed.lines:
        # C|1|412|81234567890|15023|0|fio
        mark, *words = line.split("|", 6)
        if mark != EVENT or len(words) != 6 or not all(map(_is_number, words[:5])):
            continue
        number, thread, start, duration, detail = map(int, words[:5])
        if not 0 <= number < len(probes):
            continue
        probe = probes[number]
        command = words[5][:_COMMAND_MOST]
        block = probe.kind == "block"
        found.append(
            Call(
                probe=probe.name,
                thread=thread,
                command=command,
                start=start,
                duration=duration,
                detail=f"{command} {detail} bytes" if block else "",
            )
        )
    every = _number(printed.maps.get("calls", {}).get(""))
    return tuple(sorted(found, key=lambda call: call.start)), max(every - len(found), 0)


def samples(printed: Printed, text: ModuleText) -> tuple[StackSum, ...]:
    """Return where processors were in the kernel, by stack and command; samples in user space are left out."""
    return _largest(
        StackSum(frames=text.stack(stack), count=_number(count), total=_number(count), command=command)
        for stack, command, count in _keyed(printed.maps.get("oncpu", {}))
        if stack.strip()
    )


def waits(printed: Printed, text: ModuleText) -> tuple[StackSum, ...]:
    """Return where tasks waited in functions of the module, by stack and command, in ns; others idle all the time."""
    found = (
        StackSum(frames=text.stack(stack), count=_part(sums, "count"), total=_part(sums, "total"), command=command)
        for stack, command, sums in _keyed(printed.maps.get("offcpu", {}))
    )
    return _largest(each for each in found if each.of_module(text.module))


def lock_waits(printed: Printed, text: ModuleText) -> tuple[StackSum, ...]:
    """Return the waits for locks by stack, in ns."""
    return _largest(
        StackSum(frames=text.stack(stack), count=_part(sums, "count"), total=_part(sums, "total"))
        for stack, sums in printed.maps.get("locks", {}).items()
    )


def outstanding(printed: Printed, text: ModuleText) -> tuple[StackSum, ...]:
    """Return what is allocated and not freed, by the stack that allocated it, in bytes."""
    sizes, places = printed.maps.get("bytes", {}), printed.maps.get("from", {})
    sums: dict[str, list[int]] = {}
    for address, size in sizes.items():
        one = sums.setdefault(str(places.get(address, "")), [0, 0])
        one[0] += 1
        one[1] += _number(size)
    return _largest(
        StackSum(frames=text.stack(stack), count=count, total=total) for stack, (count, total) in sums.items()
    )


def _keyed(table: Mapping[str, object]) -> Iterator[tuple[str, str, object]]:
    """Yield stack, command and value of a map whose key is both: the command comes after the last comma."""
    for key, value in table.items():
        stack, _, command = key.rpartition(",")
        yield stack, command[:_COMMAND_MOST], value


def _largest(sums: Iterable[StackSum]) -> tuple[StackSum, ...]:
    return tuple(sorted(sums, key=lambda each: -each.total)[:STACKS_MOST])


def _part(value: object, name: str) -> int:
    return _number(value.get(name)) if isinstance(value, Mapping) else 0


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) <= 20


def _number(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) else 0
