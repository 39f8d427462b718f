"""Counters over everything in the store: rebuilt from it at the start, then kept up with what is added.

A finished run is counted once and for all; of one that goes on, each case once it is there.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import Text, cast, select

from vexlab.live.state import LOST
from vexlab.metrics.names import CASE_BUCKETS, MACHINE_BUCKETS, MEASURED, RATIO, SHORT_BUCKETS, Labels
from vexlab.model.case import RunInfo
from vexlab.results.schema import CaseRow, RunRow
from vexlab.results.store import Store, info_of

log = logging.getLogger(__name__)
_AT_ONCE = 200  # runs of one look, and cases of one fetch
_RED = ("failed", "crashed")


class Histogram:
    """Counts of values by bucket, as Prometheus wants them: cumulative, with a sum."""

    def __init__(self, buckets: Sequence[float]) -> None:
        self.buckets = tuple(buckets)
        self._counts = [0] * (len(self.buckets) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        place = next((number for number, bound in enumerate(self.buckets) if value <= bound), len(self.buckets))
        self._counts[place] += 1
        self.sum += value

    def cumulative(self) -> list[tuple[str, float]]:
        """Return ``(le, count)`` for each bucket, the last of which is ``+Inf``."""
        found, total = [], 0
        for bound, count in zip((*map(str, self.buckets), "+Inf"), self._counts, strict=True):
            total += count
            found.append((bound, float(total)))
        return found


@dataclass(slots=True)
class Sums:
    """Everything that is counted; keys are the values of labels, in the order of the exporter's table."""

    cases: Counter[tuple[str, ...]] = field(default_factory=Counter)
    findings: Counter[tuple[str, ...]] = field(default_factory=Counter)
    retries: Counter[tuple[str, ...]] = field(default_factory=Counter)
    lost: Counter[tuple[str, ...]] = field(default_factory=Counter)
    runs: Counter[tuple[str, ...]] = field(default_factory=Counter)
    durations: dict[tuple[str, ...], Histogram] = field(default_factory=dict)
    measured: dict[str, dict[tuple[str, ...], Histogram]] = field(default_factory=dict)
    ratios: dict[tuple[str, ...], float] = field(default_factory=dict)
    machines: Histogram = field(default_factory=lambda: Histogram(MACHINE_BUCKETS))


@dataclass(slots=True)
class LastRun:
    """The newest run of a target: when it began and ended, and its decided and red cases."""

    started: str
    finished: str
    decided: int = 0
    red: int = 0
    seconds: float = 0.0


class _Key(msgspec.Struct):
    domain: str
    kernel: str = ""
    flavour: str = ""


class _Finding(msgspec.Struct):
    type: str


class _Metric(msgspec.Struct):
    name: str
    value: float


class _Case(msgspec.Struct):
    """What is counted of a ``CaseResult``."""

    key: _Key
    level: int
    verdict: str
    duration_s: float = 0.0
    findings: list[_Finding] = []
    metrics: list[_Metric] = []
    attempts: list[str] = []
    excused: bool = False


class Totals:
    """The counters. ``catch_up`` reads what is new; any thread may read ``sums`` under ``lock``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._labels = Labels()
        self._done: set[str] = set()
        self._counted: dict[str, set[str]] = {}
        self.lock = threading.Lock()
        self.sums = Sums()
        self.last: dict[str, LastRun] = {}
        self.complete = False

    def catch_up(self) -> None:
        """Count what is not counted yet; raise ``InfraError`` where the store cannot be read."""
        with self._store.reading() as session:
            runs = [info_of(row) for row in session.scalars(select(RunRow).order_by(RunRow.started, RunRow.id))]
        for run in runs:
            if run.id not in self._done:
                self._take_run(run)
        self.complete = True

    def _take_run(self, run: RunInfo) -> None:
        over = bool(run.finished) or not self._store.is_running(run.id)
        counted = self._counted.setdefault(run.id, set())
        asked = select(CaseRow.id, cast(CaseRow.result, Text)).where(CaseRow.run == run.id)
        with self._store.reading() as session:
            if counted:
                ids = set(session.scalars(select(CaseRow.id).where(CaseRow.run == run.id))) - counted
                asked = asked.where(CaseRow.id.in_(list(ids)[:_AT_ONCE]))
                over = over and len(ids) <= _AT_ONCE
            rows = session.execute(asked).all()
        with self.lock:
            self._take_rows(run, rows, counted)
            if over:
                self._done.add(run.id)
                del self._counted[run.id]
                self.sums.runs[self._labels.value("target", run.target), run.state.value] += 1

    def _take_rows(self, run: RunInfo, rows: Sequence[tuple[str, str]], counted: set[str]) -> None:
        target = self._labels.value("target", run.target)
        last = self.last.get(target)
        if last is None or last.started <= run.started:
            if last is None or last.started != run.started:
                last = self.last[target] = LastRun(started=run.started, finished=run.finished)
            last.finished = run.finished
        for name, text in rows:
            counted.add(name)
            try:
                case = msgspec.json.decode(text, type=_Case)
            except msgspec.MsgspecError as error:
                log.warning("a result of run %s cannot be counted: %s", run.id, error)
                continue
            self._take(target, case)
            if last is self.last[target] and last.started == run.started:
                red = case.verdict in _RED and not case.excused
                last.red += red
                last.decided += red or case.verdict == "passed"
                last.seconds += case.duration_s

    def _take(self, target: str, case: _Case) -> None:
        value = self._labels.value
        domain, level = value("domain", case.key.domain), value("level", str(case.level))
        place = (domain, level, value("kernel", case.key.kernel), value("flavour", case.key.flavour))
        sums = self.sums
        sums.cases[(target, *place, value("verdict", case.verdict))] += 1
        sums.durations.setdefault((target, domain, level), Histogram(CASE_BUCKETS)).add(case.duration_s)
        sums.retries[(target,)] += len(case.attempts)
        for finding in case.findings:
            sums.findings[target, value("type", finding.type)] += 1
            sums.lost[(target,)] += finding.type == LOST
        for metric in case.metrics:
            self._measure(target, metric)

    def _measure(self, target: str, metric: _Metric) -> None:
        for kind in MEASURED:
            if kind.pattern.fullmatch(metric.name):
                own = self.sums.measured.setdefault(kind.name, {})
                own.setdefault((target,), Histogram(SHORT_BUCKETS)).add(kind.seconds(metric.value))
                return
        if found := RATIO.fullmatch(metric.name):
            self.sums.ratios[target, self._labels.value("benchmark", found[1])] = metric.value
