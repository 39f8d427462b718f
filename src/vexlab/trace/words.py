"""A trace, two traces, and the way of an error, as text for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from vexlab.model.report import Frame
from vexlab.model.trace import ErrnoTrace, Origin, ProbeFigures, StackSum, Trace
from vexlab.tables import visible

SITES = 8  # call sites shown of a kind
_BAR = 40
_MUCH = 0.1  # share of the time that probes may cost before it is said that they distort
_TIMES = ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (1, "ns"))
_SIZES = ((1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B"))
_SKIPPED = ("contention", "lock", "rwsem", "down_", "__down", "kmalloc", "kmem_cache_alloc", "kvmalloc", "__kmem")


def quantity(value: float, unit: str) -> str:
    """Return a time given in ns, or a number of bytes, for people: ``1.42 ms``."""
    scale, word = next((pair for pair in (_SIZES if unit == "bytes" else _TIMES) if value >= pair[0]), (1, unit))
    return f"{value / scale:.3g} {'B' if word == 'bytes' else word}"


def lines_of(trace: Trace) -> Iterator[str]:
    """Yield the lines of a trace's report."""
    yield f"{trace.target} on kernel {trace.kernel}: {visible(trace.what)}, {trace.seconds:.1f} s"
    yield ""
    yield from _table(trace.probes)
    yield from _overhead(trace)
    for name, seconds in trace.times.items():
        yield f"{name}: {quantity(seconds * 1e9, 'ns')}"
    for probe in trace.probes:
        if probe.buckets:
            yield from _histogram(probe)
    yield from _sites("locks waited for in functions of the module", trace.locks, trace.module, "ns", "waits")
    yield from _sites("allocated by the module and not freed", trace.outstanding, trace.module, "bytes", "objects")
    yield from _tops(trace)
    for name, printed in trace.scripts.items():
        yield from ("", f"{visible(name)} printed:", *(f"  {visible(line)}" for line in printed.splitlines()))
    if trace.left_out:
        yield f"{trace.left_out} calls found no room on the time line; the figures above count them all"
    for note in trace.notes:
        yield f"note: {visible(note)}"


def _table(probes: Sequence[ProbeFigures]) -> Iterator[str]:
    heads = ("probe", "calls", "missed", "mean", "p50", "p90", "p99", "total", "cost/call", "at")
    rows: list[tuple[str, ...]] = [heads]
    for each in probes:
        values = [each.mean, *(each.percentile(percent) for percent in (50, 90, 99)), each.total]
        told = [quantity(value, each.unit) if each.buckets else "-" for value in values]
        cost = quantity(each.cost_ns, "ns") if each.cost_ns else "-"
        rows.append((each.name, str(each.calls), str(each.missed), *told, cost, each.place))
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    for row in rows:
        cells = (
            word.rjust(width) if 0 < column < 9 else word.ljust(width)
            for column, (word, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def _overhead(trace: Trace) -> Iterator[str]:
    costs = sum(each.calls * each.cost_ns for each in trace.probes) / 1e9
    if not costs or not trace.seconds:
        return
    share = costs / trace.seconds
    yield f"the probes took about {quantity(costs * 1e9, 'ns')} of the guest's time, {100 * share:.1f} % of the trace"
    if share > _MUCH:
        yield "that is enough to distort it: name fewer probes, or leave the time line out with --calls 0"


def _histogram(probe: ProbeFigures) -> Iterator[str]:
    yield ""
    yield f"{probe.name} ({'time' if probe.unit == 'ns' else 'size'} of each)"
    most = max(bucket.count for bucket in probe.buckets)
    for bucket in probe.buckets:
        span = f"{quantity(bucket.low, probe.unit)} - {quantity(bucket.high, probe.unit)}"
        bar = "#" * max(1, round(_BAR * bucket.count / most))
        yield f"  {span:>24} {bucket.count:>9}  {bar}"


def _sites(title: str, sums: Sequence[StackSum], module: str, unit: str, word: str) -> Iterator[str]:
    ours = [each for each in sums if each.of_module(module)]
    if not ours:
        return
    yield ""
    yield f"{title}:"
    for each in ours[:SITES]:
        yield f"  {quantity(each.total, unit):>10} in {each.count} {word}: {_place(each, module)}"
        yield f"             {_chain(each.frames)}"
    if len(ours) > SITES:
        yield f"  and {len(ours) - SITES} more places"


def _place(each: StackSum, module: str) -> str:
    """Return the innermost function of the module, and where in it the call is."""
    inner = each.of_module(module)
    if inner is None:
        return "outside the module"
    # what the compiler dissolved into it stands before it; of that the module's own, not a header of the kernel's
    end = start = each.frames.index(inner)
    while start and each.frames[start - 1].inline and each.frames[start - 1].module == module:
        start -= 1
    own = (frame for frame in each.frames[start:end] if not frame.source.startswith("include/"))
    exact = next(own, inner)
    source = exact.source or inner.source
    within = f" ({exact.function}, inlined)" if exact is not inner else ""
    return visible(f"{inner.function}{within}{f' at {source}' if source else ''}")


def _chain(frames: Sequence[Frame], most: int = 6) -> str:
    told = [frame for frame in frames if not frame.inline and not frame.function.startswith(_SKIPPED)]
    return visible(" < ".join(frame.function for frame in told[:most]) + (" < …" if len(told) > most else ""))


def _tops(trace: Trace) -> Iterator[str]:
    for title, sums, unit in (("on the processor", trace.on_cpu, ""), ("waiting", trace.off_cpu, "ns")):
        ours = _by_function(sums, trace.module)
        whole = sum(each.total for each in sums)
        if not ours or not whole:
            continue
        yield ""
        yield f"{title}, in functions of the module (of {quantity(whole, unit) if unit else f'{whole} samples'}):"
        for place, total in ours[:SITES]:
            yield f"  {100 * total / whole:5.1f} %  {place}"


def _by_function(sums: Iterable[StackSum], module: str) -> list[tuple[str, int]]:
    totals: dict[str, int] = {}
    for each in sums:
        if inner := each.of_module(module):
            totals[visible(inner.function)] = totals.get(visible(inner.function), 0) + each.total
    return sorted(totals.items(), key=lambda pair: -pair[1])


def compare_lines(before: Trace, after: Trace) -> Iterator[str]:
    """Yield what changed from one trace to another: a time by more than one bucket is a change, less may be chance."""
    yield f"before: {before.target} on {before.kernel}, {visible(before.what)}, {before.seconds:.1f} s"
    yield f"after:  {after.target} on {after.kernel}, {visible(after.what)}, {after.seconds:.1f} s"
    yield ""
    yield f"{'probe':18} {'calls':>17} {'p50':>23} {'p99':>23}"
    for name in dict.fromkeys([*(each.name for each in before.probes), *(each.name for each in after.probes)]):
        one, two = before.probe(name), after.probe(name)
        if one is None or two is None:
            yield f"{name:18} only {'after' if one is None else 'before'}"
            continue
        calls = f"{one.calls} -> {two.calls}"
        yield f"{name:18} {calls:>17} {_change(one, two, 50):>23} {_change(one, two, 99):>23}".rstrip()
    yield ""
    yield "* differs by more than one power of two; finer than that a histogram of the kernel's does not tell"


def _change(one: ProbeFigures, two: ProbeFigures, percent: float) -> str:
    first, second = one.bucket_of(percent), two.bucket_of(percent)
    if first is None or second is None:
        return "-"
    told = f"{quantity(one.percentile(percent), one.unit)} -> {quantity(two.percentile(percent), two.unit)}"
    far = max(first.low, second.low) > 2 * max(min(first.low, second.low), 1)
    return f"{told} *" if far else f"{told}  "


def errno_lines(trace: ErrnoTrace) -> Iterator[str]:
    """Yield where an error came from: for each way the innermost function first, then those that passed it on."""
    if not trace.origins:
        yield f"no function of {trace.module} returned {trace.errno} while the case ran"
    for number, origin in enumerate(trace.origins):
        if number:
            yield ""
        yield from _origin(trace, origin, last=not number)
    for note in trace.notes:
        yield f"note: {visible(note)}"


def _origin(trace: ErrnoTrace, origin: Origin, *, last: bool) -> Iterator[str]:
    first = origin.returns[0]
    times = f", {origin.count} times" if origin.count > 1 else ""
    said = f", returned by {origin.system_call}" if origin.system_call else ""
    where = f" at {first.function.source}" if first.function.source else ""
    head = (
        f"{trace.errno} comes from {first.function.function}{where}"
        if last
        else f"also from {first.function.function}{where}"
    )
    yield visible(f"{head} ({first.task}{times}{said})")
    for line in origin.lines:
        yield f"    -{trace.errno} is set at {visible(line)}"
    for each in origin.returns:
        called = f" at {each.caller.source}" if each.caller.source else ""
        given = f"({each.arguments})" if each.arguments else ""
        yield visible(f"    {each.function.function}{given}, called from {each.caller.function}{called}")
