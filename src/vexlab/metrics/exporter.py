"""What Prometheus is answered: counters over the store, and what goes on now."""

from __future__ import annotations

import datetime
import http.client
import logging
import os
import socket
import tempfile
import threading
import urllib.error
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from prometheus_client import CollectorRegistry, generate_latest, push_to_gateway
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

import vexlab
from vexlab.config import without_password
from vexlab.errors import InfraError, VexlabError
from vexlab.live.attach import running_runs
from vexlab.live.host import MachineWatch
from vexlab.live.state import LiveRun
from vexlab.metrics.components import components
from vexlab.metrics.fuzzing import fuzzing
from vexlab.metrics.names import MEASURED
from vexlab.metrics.totals import Histogram, Totals
from vexlab.model.event import CaseStarted, MachineChanged, MachineState
from vexlab.results.journal import FILE, Entry, Reader
from vexlab.results.store import Store

log = logging.getLogger(__name__)
EVERY_S = 2.0
_PUSH_S = 20.0
_CASE = ("target", "domain", "level", "kernel", "flavour", "verdict")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A counter of ``Sums``: its name, what it says, its labels."""

    field: str
    name: str
    about: str
    labels: tuple[str, ...]


COUNTERS = (
    Counted(field="cases", name="vexlab_cases", about="Cases that ended, by verdict.", labels=_CASE),
    Counted(
        field="findings", name="vexlab_findings", about="What kernels reported, by type.", labels=("target", "type")
    ),
    Counted(
        field="retries",
        name="vexlab_case_retries",
        about="Attempts at cases that only the lab made fail.",
        labels=("target",),
    ),
    Counted(
        field="lost",
        name="vexlab_machines_lost",
        about="Machines that went away without a word on their console.",
        labels=("target",),
    ),
    Counted(field="runs", name="vexlab_runs", about="Runs that ended, by how.", labels=("target", "state")),
)


class _Going:
    """A run that goes on, followed by its journal."""

    def __init__(self, file: Path, target: str) -> None:
        self.target = target
        self.state = LiveRun()
        self._reader = Reader(file)
        self._begun: dict[str, float] = {}

    def look(self, ready: Histogram) -> None:
        """Read what is new; ``ready`` counts how long fresh machines took."""
        for entry in self._reader.new():
            self.state.take(entry)
            self._time(entry, ready)

    def _time(self, entry: Entry, ready: Histogram) -> None:
        event = entry.event
        if isinstance(event, CaseStarted):
            self._begun[event.node] = entry.at
        elif isinstance(event, MachineChanged) and event.state is MachineState.STARTED and event.node in self._begun:
            ready.add(max(0.0, entry.at - self._begun.pop(event.node)))


class Exporter(Collector):
    """Keeps up with a store, in a thread of its own once it is started, and renders what is known."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.totals = Totals(store)
        self._going: dict[str, _Going] = {}
        self._machines = MachineWatch()
        self._up: Mapping[str, bool] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._stop = threading.Event()

    def start(self) -> None:
        """Keep up from now on."""
        threading.Thread(target=self._keep_up, name="vexlab-metrics", daemon=True).start()

    def stop(self) -> None:
        """Keep up no longer."""
        self._stop.set()

    def look(self) -> None:
        """Count what is new, and look at what goes on."""
        running = {run.id: run for run in running_runs(self._store)}
        for name in set(self._going) - set(running):
            with self.totals.lock:
                self._going.pop(name).look(self.totals.sums.machines)
        for name, run in running.items():
            if name not in self._going:
                going = _Going(self._store.evidence(name) / FILE, run.target)
                with self.totals.lock:
                    self._going[name] = going
        with self.totals.lock:
            for going in self._going.values():
                going.look(self.totals.sums.machines)
        self._up = components(self._store)
        self.totals.catch_up()

    def _keep_up(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except VexlabError as error:
                log.warning("metrics are behind: %s", error.message)
                self._up = {**self._up, "store": False}
            self._stop.wait(EVERY_S)

    def render(self) -> tuple[bytes, str]:
        """Return the metrics as text, and the type of that."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def write(self, file: Path) -> None:
        """Write the metrics for node-exporter's textfile collector, whole or not at all; raise ``InfraError``."""
        try:
            with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}-", delete=False) as draft:
                draft.write(self.render()[0])
            Path(draft.name).chmod(0o644)
            Path(draft.name).replace(file)
        except OSError as error:
            raise InfraError(f"the metrics cannot be written to {file}: {error}") from error

    def push(self, url: str, job: str) -> None:
        """Give the metrics to a Pushgateway, instead of all it had of ``job`` from this host; raise ``InfraError``."""
        try:
            push_to_gateway(url, job, self._registry, {"instance": socket.gethostname()}, timeout=_PUSH_S)
        except (OSError, ValueError, http.client.HTTPException) as error:
            said = f": {error.code} {error.reason}" if isinstance(error, urllib.error.HTTPError) else f": {error}"
            raise InfraError(
                f"{without_password(url)} did not take the metrics{said}", hint="is it the address of a Pushgateway?"
            ) from error

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield from self._counters()
        yield from self._histograms()
        yield from self._last_runs()
        yield from self._now()
        yield from fuzzing(self._store.folder)
        yield from _host(self._store.folder)

    def describe(self) -> Iterable[Metric]:
        """Say nothing ahead: names are known from the table."""
        return ()

    def _counters(self) -> Iterator[Metric]:
        with self.totals.lock:
            for kind in COUNTERS:
                family = CounterMetricFamily(kind.name, kind.about, labels=kind.labels)
                for values, count in sorted(getattr(self.totals.sums, kind.field).items()):
                    family.add_metric(values, count)
                yield family

    def _histograms(self) -> Iterator[Metric]:
        sums = self.totals.sums
        with self.totals.lock:
            yield _histogram(
                "vexlab_case_duration_seconds",
                "How long cases took, their machines included.",
                ("target", "domain", "level"),
                sums.durations,
            )
            yield _histogram(
                "vexlab_machine_ready_seconds",
                "From the begin of a case to its fresh machine, of runs that were watched.",
                (),
                {(): sums.machines},
            )
            for name, about in {each.name: each.about for each in MEASURED}.items():
                yield _histogram(name, about, ("target",), sums.measured.get(name, {}))
            ratios = GaugeMetricFamily(
                "vexlab_benchmark_ratio",
                "The target beside the reference filesystem, as measured last.",
                labels=("target", "benchmark"),
            )
            for values, ratio in sorted(sums.ratios.items()):
                ratios.add_metric(values, ratio)
            yield ratios

    def _last_runs(self) -> Iterator[Metric]:
        failing = GaugeMetricFamily(
            "vexlab_last_run_failure_ratio", "Failed cases of those decided, in the newest run.", labels=("target",)
        )
        since = GaugeMetricFamily(
            "vexlab_last_run_timestamp_seconds", "When the newest run of a target began.", labels=("target",)
        )
        took = GaugeMetricFamily(
            "vexlab_last_run_cases_seconds", "What the cases of the newest run took together.", labels=("target",)
        )
        with self.totals.lock:
            for target, last in sorted(self.totals.last.items()):
                failing.add_metric((target,), last.red / last.decided if last.decided else 0.0)
                since.add_metric((target,), datetime.datetime.fromisoformat(last.started).timestamp())
                took.add_metric((target,), last.seconds)
        yield from (failing, since, took)

    def _now(self) -> Iterator[Metric]:
        with self.totals.lock:
            states = [going.state for going in self._going.values()]
        machines = [machine for state in states for machine in state.machines.values()]
        uses = [use for each in machines if (use := self._machines.look(each.pid, each.console))]
        by_state = GaugeMetricFamily("vexlab_machines", "Machines of runs that go on.", labels=("state",))
        by_state.add_metric(("running",), len(machines))
        by_state.add_metric(("gone",), len(machines) - len(uses))
        yield by_state
        yield _gauge("vexlab_runs_going", "Runs that go on.", len(states))
        yield _gauge("vexlab_cases_queued", "Cases of running runs that did not begin.", _queued(states))
        yield _gauge("vexlab_cases_running", "Cases that run.", sum(len(state.running) for state in states))
        yield _gauge("vexlab_machines_cpu_ratio", "Processors that machines use.", sum(u.cpu for u in uses) / 100)
        yield _gauge("vexlab_machines_memory_bytes", "Memory that machines use.", sum(u.memory for u in uses))
        last = max((state.at for state in states), default=0.0)
        yield _gauge("vexlab_last_event_timestamp_seconds", "When a run that goes on told something last.", last)
        up = GaugeMetricFamily("vexlab_component_up", "Whether a component works.", labels=("component",))
        for name, works in self._up.items():
            up.add_metric((name,), works)
        up.add_metric(("metrics",), self.totals.complete)
        yield up
        yield _labelled("vexlab_build_info", "The version of vexlab.", "version", vexlab.__version__)


def _queued(states: Sequence[LiveRun]) -> int:
    return sum(len(state.left) - len(state.running) for state in states)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=value)


def _labelled(name: str, about: str, label: str, value: str) -> Metric:
    family = GaugeMetricFamily(name, about, labels=(label,))
    family.add_metric((value,), 1)
    return family


def _histogram(name: str, about: str, labels: tuple[str, ...], found: Mapping[tuple[str, ...], Histogram]) -> Metric:
    family = HistogramMetricFamily(name, about, labels=labels)
    for values, each in sorted(found.items()):
        family.add_metric(values, each.cumulative(), each.sum)
    return family


def _host(place: Path) -> Iterator[Metric]:
    memory = psutil.virtual_memory()
    disk = psutil.disk_usage(str(place))
    cpu = CounterMetricFamily("vexlab_host_cpu_seconds", "What processors were used for.", labels=("mode",))
    for mode, seconds in psutil.cpu_times()._asdict().items():
        cpu.add_metric((mode,), seconds)
    yield cpu
    yield _gauge("vexlab_host_cpus", "Processors of the host.", psutil.cpu_count() or 1)
    yield _gauge("vexlab_host_load1", "Load average over one minute.", os.getloadavg()[0])
    yield _gauge("vexlab_host_memory_bytes", "Memory of the host.", memory.total)
    yield _gauge("vexlab_host_memory_available_bytes", "Memory that programs can still have.", memory.available)
    yield _gauge("vexlab_host_disk_bytes", "Size of the disk of results.", disk.total)
    yield _gauge("vexlab_host_disk_free_bytes", "Room on the disk of results.", disk.free)
    net, blocks = psutil.net_io_counters(), psutil.disk_io_counters()
    network = CounterMetricFamily("vexlab_host_network_bytes", "Network traffic.", labels=("direction",))
    network.add_metric(("received",), net.bytes_recv if net else 0)
    network.add_metric(("sent",), net.bytes_sent if net else 0)
    yield network
    written = CounterMetricFamily("vexlab_host_disk_io_bytes", "Disk traffic.", labels=("direction",))
    written.add_metric(("read",), blocks.read_bytes if blocks else 0)
    written.add_metric(("written",), blocks.write_bytes if blocks else 0)
    yield written
