"""File and line for the way of an error: where its functions begin, where they were called, where it was set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vexlab.classify.symbols import DebugInfo, sources
from vexlab.model.report import Frame
from vexlab.model.trace import ErrnoTrace, Origin, Return
from vexlab.trace.errno import number_of
from vexlab.trace.functions import offsets_setting


def with_places(trace: ErrnoTrace, module: Path | None, cache: Path, source: Path | None = None) -> ErrnoTrace:
    """Return the trace with sources from the debug information in ``module``; as it is where there is no such file.

    With the folder of the module's ``source`` the lines are those that name the error: a compiler sets its number where
    that suits, which may be another line.
    """
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
        lines = [frame.source for each in frames for frame in begins.get(each, ())[:1] if frame.source]
        returns = tuple(map(placed, origin.returns))
        if source:
            lines = [*naming(returns[0].function.source, trace.errno, source), *_that_name(lines, trace.errno, source)]
        return replace(origin, returns=returns, lines=tuple(dict.fromkeys(lines)))

    return replace(trace, origins=tuple(map(whole, trace.origins)))


def naming(start: str, errno: str, folder: Path) -> list[str]:
    """Return the lines that name ``errno`` in the function that begins at ``start`` (``namei.c:244``).

    Its end is the first line that begins with a brace, as the kernel's coding style has it.
    """
    name, _, number = start.rpartition(":")
    found = []
    for at, line in enumerate(_lines(name, folder)[int(number) :] if number.isdecimal() else (), int(number or 0) + 1):
        if line.startswith("}"):
            break
        if re.search(rf"-{errno}\b", line):
            found.append(f"{name}:{at}")
    return found


def _that_name(places: Sequence[str], errno: str, folder: Path) -> list[str]:
    """Return those of ``places`` whose line in the source names ``errno``: others are the compiler's."""
    found = []
    for place in places:
        name, _, number = place.rpartition(":")
        lines = _lines(name, folder)
        if number.isdecimal() and 0 < int(number) <= len(lines) and re.search(rf"-{errno}\b", lines[int(number) - 1]):
            found.append(place)
    return found


def _lines(name: str, folder: Path) -> list[str]:
    """Return the lines of a file of the source; none of one outside of it, or that is not there."""
    file = (folder / name).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        return []
    return file.read_text(errors="replace").splitlines()


def _start(trace: ErrnoTrace, each: Return) -> Frame:
    return Frame(function=each.function.function, offset=0, module=trace.module)
