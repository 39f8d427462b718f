"""File and line for the way of an error: where its functions begin, where they were called, where it was set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vexlab.classify.symbols import DebugInfo, sources
from vexlab.model.report import Frame
from vexlab.model.trace import ErrnoTrace, Origin, Return
from vexlab.trace.errno import number_of
from vexlab.trace.functions import offsets_setting


def with_places(trace: ErrnoTrace, module: Path | None, cache: Path) -> ErrnoTrace:
    """Return the trace with sources from the debug information in ``module``; as it is where there is no such file."""
    if module is None or not trace.origins:
        return trace
    info = DebugInfo(modules={trace.module: module})
    starts: set[Frame] = set()
    calls: set[Frame] = set()
    sets: dict[str, tuple[Frame, ...]] = {}
    for origin in trace.origins:
        for each in origin.returns:
            starts.add(_start(trace, each))
            calls.add(each.caller)
        name = origin.returns[0].function.function
        if name not in sets:
            offsets = offsets_setting(module, name, number_of(trace.errno))
            sets[name] = tuple(Frame(function=name, offset=offset, module=trace.module) for offset in offsets)
    exact = starts | {frame for frames in sets.values() for frame in frames}
    begins = sources(exact, info, cache=cache, exact=True)
    called = sources(calls, info, cache=cache)

    def placed(each: Return) -> Return:
        function = begins.get(_start(trace, each), (each.function,))[-1]
        return replace(each, function=function, caller=called.get(each.caller, (each.caller,))[-1])

    def whole(origin: Origin) -> Origin:
        frames = sets[origin.returns[0].function.function]
        lines = dict.fromkeys(frame.source for each in frames for frame in begins.get(each, ())[:1] if frame.source)
        return replace(origin, returns=tuple(map(placed, origin.returns)), lines=tuple(lines))

    return replace(trace, origins=tuple(map(whole, trace.origins)))


def _start(trace: ErrnoTrace, each: Return) -> Frame:
    return Frame(function=each.function.function, offset=0, module=trace.module)
