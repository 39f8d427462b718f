"""The traces of a run's cases, as its reports show them: figures of all together, and each case's pictures."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vexlab.errors import UsageError
from vexlab.model.case import CaseResult
from vexlab.model.trace import FILE, ProbeFigures, Trace
from vexlab.tables import visible
from vexlab.trace.files import read_trace
from vexlab.trace.together import together
from vexlab.trace.words import quantity

_CASES_MOST = 20
_PICTURE_MOST, _PICTURES_MOST = 400_000, 4_000_000  # bytes
_PICTURES = (
    ("on-cpu.svg", "where the processor was"),
    ("off-cpu.svg", "where tasks waited"),
    ("locks.svg", "waits for locks"),
    ("outstanding.svg", "allocated and not freed"),
)
_PERCENTILES = (50, 90, 99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A flame graph as a URI that holds it. A picture runs no script, whatever its text is."""

    title: str
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """One traced case: ``notes`` say what is missing in its trace, ``folder`` is where all of it is."""

    case: str
    folder: str
    pictures: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What a run's traces say: ``rows`` are probe, place, calls, missed, p50, p90, p99 and cost of a call."""

    rows: tuple[tuple[str, ...], ...] = ()
    cases: tuple[Traced, ...] = ()
    left_out: int = 0


NO_TRACES = Traces()


def traces_of(cases: Iterable[CaseResult]) -> Traces:
    """Return what the traces in the evidence of ``cases`` say; empty where none was traced, or none is here."""
    found: list[tuple[CaseResult, Trace]] = []
    for case in cases:
        if case.evidence and (Path(case.evidence) / FILE).is_file():
            try:
                found.append((case, read_trace(Path(case.evidence))))
            except UsageError:  # of another version, or damaged: `vexlab trace analyze` says so
                continue
    if not found:
        return NO_TRACES
    whole = together(replace(found[0][1], notes=()), [trace for _, trace in found])
    shown = sorted(found, key=lambda pair: -pair[1].seconds)[:_CASES_MOST]
    room = _PICTURES_MOST
    listed = []
    for case, trace in shown:
        pictures = _pictures(Path(case.evidence), room)
        room -= sum(len(each.uri) for each in pictures)
        notes = tuple(visible(note) for note in trace.notes)
        listed.append(Traced(case=case.id, folder=case.evidence, pictures=pictures, notes=notes))
    return Traces(rows=tuple(map(_row, whole.probes)), cases=tuple(listed), left_out=len(found) - len(shown))


def _row(probe: ProbeFigures) -> tuple[str, ...]:
    times = [quantity(probe.percentile(each), probe.unit) if probe.buckets else "-" for each in _PERCENTILES]
    cost = quantity(probe.cost_ns, "ns") if probe.cost_ns else "-"
    return (probe.name, probe.place, str(probe.calls), str(probe.missed), *times, cost)


def _pictures(folder: Path, room: int) -> tuple[Picture, ...]:
    found: list[Picture] = []
    for name, title in _PICTURES:
        file = folder / name
        if not file.is_file() or file.stat().st_size > min(_PICTURE_MOST, room):
            continue
        uri = "data:image/svg+xml;base64," + base64.b64encode(file.read_bytes()).decode()
        room -= len(uri)
        found.append(Picture(title=title, uri=uri))
    return tuple(found)


HEADS: Sequence[str] = ("Probe", "At", "Calls", "Missed", "p50", "p90", "p99", "Cost of a call")
