"""A run of ``vexlab.session`` on a cluster: plan, parcels, hosts made ready, results into the run's folder."""

from __future__ import annotations

import dataclasses
import logging
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from vexlab import carry, temporary
from vexlab.cache import Cache
from vexlab.cluster import host
from vexlab.cluster.coordinator import Coordinator, Died
from vexlab.cluster.dispatch import Attempt, Dispatch, Work
from vexlab.cluster.engine import Call, Engine, Member, connect
from vexlab.cluster.evidence import unpack
from vexlab.cluster.messages import Answer, End, Opened, Opening
from vexlab.cluster.parcel import Parcel, parcel_of
from vexlab.cluster.place import Cluster
from vexlab.cluster.slots import Session, Slot
from vexlab.config import Results, Settings, cache_dir
from vexlab.errors import InfraError
from vexlab.kernels.slowdown import most_scale
from vexlab.model.baseline import FILE
from vexlab.model.case import TAKEN_OVER, CaseResult, PlannedCase
from vexlab.model.event import CaseStep, FindingSeen, MachineChanged, WorkerEvent, decode, encode
from vexlab.model.profile import RUN_FILE
from vexlab.model.request import SECONDS, STRESS, Request
from vexlab.model.verdict import Verdict
from vexlab.plugin.evidence import AGAIN
from vexlab.plugin.recorder import folder_name
from vexlab.plugin.reproduce import settings_toml
from vexlab.session.execution import Job
from vexlab.session.request import pytest_arguments

log = logging.getLogger(__name__)

_PIECE = 8 << 20  # bytes of a cache entry that travel at a time
_PIECE_S = 120.0
_OPEN_S = 1800.0  # to take a kernel over a slow network and boot a first machine on a busy host
_TOUCH_S = 20.0
_GRACE_S = 300.0  # beside a case's own deadline, which its host keeps
_NOTES = ("hangs/", "stopped/")
_FILES = (RUN_FILE, FILE, TAKEN_OVER)
_WITH_PATHS = ("reproduce", AGAIN)
_RED = (Verdict.FAILED, Verdict.CRASHED)
_INTERRUPTED = 2  # pytest's exit status


class Fleet:
    """Carries a run out on ``cluster``; ``say`` gets what the user should hear of its hosts."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def __call__(self, job: Job) -> int:
        """Run the job's cases; return what pytest's exit status would be."""
        parcel = parcel_of(job.request, job.target)
        with connect(self._cluster, cache=str(cache_dir(job.settings))) as engine:
            running = None
            try:
                # How many machines there are decides the plan only where there is little time; hosts start meanwhile.
                machines = _wait_for_hosts(engine, self._cluster) if job.request.duration_s else self._cluster.least
                plan = _plan(job, machines)
                if not plan:
                    return 0
                _wait_for_hosts(engine, self._cluster)
                running = _Running(engine, job, parcel, plan, machines)
                running.run(self._cluster.wait_s)
            except KeyboardInterrupt:
                return _INTERRUPTED
            finally:
                engine.tell(host.end_run, job.folder.name)
            return 0


def _wait_for_hosts(engine: Engine, cluster: Cluster) -> int:
    """Return how many machines there are, once there are enough to begin."""
    until = time.monotonic() + cluster.wait_s
    while (there := sum(member.machines for member in engine.members())) < cluster.least:
        if time.monotonic() > until:
            raise InfraError(
                f"the cluster {engine.address} has {there} machines after {cluster.wait_s:g} s, not {cluster.least}",
                hint=f"`vexlab worker {engine.address}` on a host adds one",
            )
        time.sleep(0.1)
    return there


@dataclasses.dataclass(frozen=True, slots=True)
class _Expected:
    case: PlannedCase
    seconds: float


def _plan(job: Job, machines: int) -> dict[str, _Expected]:
    """Return the cases of the run by their ids: a process of its own collects them, as on every host."""
    with ThreadPoolExecutor(1) as starter:
        session = Session(
            arguments=pytest_arguments(job.request, job.folder),
            environment={"PYTHONSAFEPATH": "1"},
            workers=machines,
            temporary=job.scratch,
        )
        slot = Slot(session, starter, 0)
        slot.close()
    collector = job.collector
    collector.errors += slot.ready.errors
    collector.uncollected = bool(slot.ready.errors)
    collector.take_plan()
    if collector.plan.refusal:
        return {}
    return {case.id: _Expected(case, slot.ready.expected[case.id]) for case in collector.plan.cases}


class _Running:
    """What ``coordinator`` asks of a run on a cluster."""

    def __init__(self, engine: Engine, job: Job, parcel: Parcel, plan: dict[str, _Expected], machines: int) -> None:
        self._engine = engine
        self._job = job
        self._parcel = parcel
        self._plan = plan
        self._run = job.folder.name
        self._opened: dict[str, Opened] = {}
        self._names: dict[str, str] = {}  # of the hosts, by address
        self._notes: dict[str, bytes] = {}
        self._have: set[str] = set()
        self._sending = threading.Lock()
        self._begun: dict[int, float] = {}  # attempts, in seconds since the epoch by the clock here
        self._red = False
        self._processes = host.processes_id()
        self._left: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()  # for the main thread
        self._opening = Opening(
            run=self._run,
            request=parcel.request,
            settings=_settings_of(job.settings),
            plan=host.digest_of({case: each.case.digest for case, each in plan.items()}),
            machines=machines,
            kernels=job.kernels,
            files={name: (job.folder / name).read_bytes() for name in _FILES if (job.folder / name).exists()},
        )

    def run(self, wait_s: float) -> None:
        """Run the cases; what no host could decide is said in the collector."""
        limit = longest_s(self._job.request, self._job.settings, [each.case for each in self._plan.values()])
        work = (Work(case=case, expected_s=each.seconds) for case, each in self._plan.items())
        dispatch = Dispatch(work, limit_s=limit)
        self._engine.listen(host.topic(self._run), self._told)
        gone = ""
        try:
            with _Lease(self._engine, self._run):
                Coordinator(self._engine, dispatch, self, wait_s=wait_s).run()
        except InfraError as error:  # the scheduler died: what is decided is kept, the rest is named
            gone = f"{error.message}; the same command with `--resume {self._run}` runs what has not passed"
        for case, why in dispatch.given_up.items():
            self._job.collector.died[self._plan[case].case.node] = why
        if gone:
            self._job.collector.errors.append(gone)
        elif not dispatch.done and not self.stopped():
            aside = "; ".join(f"{name}: {', '.join(why)}" for name, why in dispatch.set_aside.items())
            words = f"set aside: {aside}" if aside else "none is there any more"
            self._job.collector.errors.append(f"no host of the cluster is left: {words}")

    def open(self, member: Member) -> None:
        """Send a host what it lacks, and have it prove that it tests the same kernels, module and cases."""
        self._names[member.address] = member.name
        self._send_entries(member)
        data = self._engine.call(
            member.address, host.open_run, msgspec.msgpack.encode(self._opening), self._parcel.files, seconds=_OPEN_S
        )
        self._opened[member.address] = msgspec.msgpack.decode(data, type=Opened)

    def _send_entries(self, member: Member) -> None:
        """Send the cache's entries that this run uses: each reaches a host once; it is checked there by its content."""
        cache = Cache(cache_dir(self._job.settings))
        used = [each for each in cache.entries() if each.used >= self._job.began and each.kind not in carry.LEFT_OUT]
        names = [(str(each.kind), each.key) for each in used]
        lacking = {tuple(each) for each in self._engine.call(member.address, host.missing, names, seconds=_PIECE_S)}
        if not lacking:
            return
        with self._sending, temporary.folder("carry") as folder:
            file = folder / "entries.tar"
            carry.export_entries(cache, file, [each for each in used if (str(each.kind), each.key) in lacking])
            size, name = file.stat().st_size, f"{self._run}-{member.address}"
            words = f"sending {len(lacking)} cache entries to {member.name}, {size >> 20} MiB"
            self._left.put(lambda: self._job.say(words))
            with file.open("rb") as source:
                while data := source.read(_PIECE):
                    last = source.tell() == size
                    self._engine.call(member.address, host.receive, name, data, last=last, seconds=_PIECE_S)

    def call(self, attempt: Attempt) -> Call:
        """Return the call that runs a case."""
        given = (self._run, attempt.case, dict(self._notes), frozenset(self._have))
        return Call(number=attempt.number, address=attempt.host, function=host.run_case, arguments=given)

    def begun(self, attempt: Attempt) -> None:
        """Tell that a case begins."""
        self._begun[attempt.number] = time.time()
        self._job.collector.pytest_runtest_logstart(self._plan[attempt.case].case.node)

    def read(self, attempt: Attempt, value: object) -> tuple[Answer, CaseResult]:
        """Return a host's answer about the case that it was asked for."""
        if not isinstance(value, bytes):
            raise TypeError("its answer is none")
        answer = msgspec.msgpack.decode(value, type=Answer)
        if answer.end is End.DIED:
            raise Died
        result = msgspec.json.decode(answer.result, type=CaseResult)
        if answer.case != attempt.case or result.id != attempt.case:
            raise ValueError(f"it answered about another case, {result.id[:200]}")
        return answer, result

    def keep(self, attempt: Attempt, answer: tuple[Answer, CaseResult]) -> None:
        """Store a result with its evidence; its paths are those of this machine from now on."""
        told, result = answer
        folder = self._job.folder / "cases" / folder_name(attempt.case)
        if told.evidence:
            unpack(told.evidence, folder, lambda name, content: self._ours(attempt.host, name, content))
        for name, content in told.shared.items():
            self._share(name, content)
        planned = self._plan[attempt.case].case
        started = began_here(result.started, self._begun.pop(attempt.number), time.time())
        result = dataclasses.replace(result, node=planned.node, evidence=str(folder), started=started)
        self._red = self._red or result.verdict in _RED
        self._job.collector.take_result(result)

    def _share(self, name: str, content: bytes) -> None:
        parts = Path(name).parts
        if name in self._have or Path(name).is_absolute() or ".." in parts:
            return
        self._have.add(name)
        if name.startswith(_NOTES):
            self._notes[name] = content
        file = self._job.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def _ours(self, address: str, name: str, content: bytes) -> bytes:
        """Return a file of a host with our paths in place of the host's."""
        opened = self._opened[address]
        if name in _WITH_PATHS:
            content = content.replace(opened.folder.encode(), str(self._job.folder).encode())
            content = content.replace(opened.parcel.encode(), str(self._parcel.root).encode())
            content = content.replace(opened.python.encode(), sys.executable.encode())
        return content

    def lost(self, words: str) -> None:
        """Tell the user what a host does."""
        self._job.warn(words)

    def tick(self) -> None:
        """Publish what was heard in other threads."""
        while not self._left.empty():
            self._left.get()()

    def stopped(self) -> bool:
        """Whether the first failure ends the run."""
        return self._red and self._job.request.first_failure

    def _told(self, message: object) -> None:
        """Pass on what a running case tells; whatever else arrives is dropped."""
        if not isinstance(message, (tuple, list)) or len(message) != 3:
            return
        address, case, line = message
        if case not in self._plan or address not in self._names:
            return
        try:
            event = decode(str(line).encode())
        except ValueError:
            return
        if isinstance(event, (MachineChanged, CaseStep, FindingSeen)):
            placed = encode(self._placed(event, self._plan[case].case.node, self._names[address])).decode()
            self._left.put(lambda: self._job.collector.take_event(placed))

    def _placed(self, event: WorkerEvent, node: str, name: str) -> WorkerEvent:
        if isinstance(event, MachineChanged):
            event = dataclasses.replace(event, machine=f"{name}/{event.machine}")
            if not self._all_here():
                event = dataclasses.replace(event, pid=0, console="")
        return dataclasses.replace(event, node=node)

    def _all_here(self) -> bool:
        return all(each.processes == self._processes for each in self._opened.values())


def began_here(started: float, begun: float, now: float) -> float:
    """Return when a case started by the clock here; ``started`` is by its host's, which may be wrong.

    It was handed out at ``begun``, and ``now`` it is decided: the host's clock is believed between the two. Seconds
    since the epoch.
    """
    return started if begun <= started <= now else begun


def longest_s(request: Request, settings: Settings, cases: Sequence[PlannedCase]) -> float:
    """Return how long an attempt may take before its host is not believed in any more.

    A host keeps the deadlines of its cases itself; this is beyond them, however often it tries or repeats a case.
    """
    scale = max(most_scale(case.key.flavour) for case in cases)
    own = [each.timeout for each in settings.components.values() if each.timeout]
    deadline = max([*(settings.run.deadline(case.level) for case in cases), *own]) * scale
    tries = 1 + (settings.run.retry if request.retry is None else request.retry)
    stress = STRESS.fullmatch(request.stress)
    if stress and stress[2]:
        return tries * deadline + int(stress[1]) * SECONDS[stress[2]] + _GRACE_S
    return tries * deadline * (int(stress[1]) if stress else 1) + _GRACE_S


class _Lease:
    """Lets the hosts know that the run goes on; without this they end it."""

    def __init__(self, engine: Engine, run: str) -> None:
        self._engine = engine
        self._run = run
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._touch, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _touch(self) -> None:
        while not self._over.wait(_TOUCH_S):
            self._engine.tell(host.touch, self._run)


def _settings_of(settings: Settings) -> str:
    """Return the settings as a host needs them: nothing of where this machine keeps things."""
    return settings_toml(dataclasses.replace(settings, cache="", results=Results(), alerts=type(settings.alerts)()))
