"""What a host does for a run: take what it lacks, prove that it tests the same thing, run cases, answer.

The functions at the end are what the engine calls in the host's process, by their names. All that a run leaves here
lies in one temporary folder and ends with it. A run of which nobody has asked for long is ended: its coordinator died.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import platform
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import msgspec

from vexlab import carry, temporary
from vexlab.cache import Cache, Kind, file_digest, key_of
from vexlab.cluster.evidence import pack, unpack
from vexlab.cluster.messages import Answer, End, Opened, Opening
from vexlab.cluster.parcel import at_host
from vexlab.cluster.slots import Session, Slot
from vexlab.config import cache_dir, settings_for
from vexlab.errors import BuildError, InfraError, UsageError
from vexlab.lab import Lab, Order
from vexlab.model.kernel import Kernel
from vexlab.model.key import OWN, place
from vexlab.model.profile import RUN_FILE, Profile, decode_all
from vexlab.model.provenance import UsedKernel
from vexlab.model.request import Request, runs_domains
from vexlab.model.target import ModuleArtifact, Target
from vexlab.plugin.evidence import CASE
from vexlab.plugin.recorder import folder_name
from vexlab.plugin.reproduce import SEED
from vexlab.session.request import pytest_arguments
from vexlab.targets.configurations import configured
from vexlab.targets.kept import kept_artifact
from vexlab.targets.load import find_target

LEASE_S = 120.0  # without a word from the coordinator
_LOOK_S = 5.0
_ROOM_MIB = 64  # for what a machine writes, and the evidence of a case
_SETTINGS = "vexlab.toml"
_OWN = ("run.log", "plan.json")  # of the run's folder here: the coordinator has its own


class OpenRun:
    """A run that this host takes part in."""

    def __init__(self, opening: Opening, parcel: bytes, starter: ThreadPoolExecutor) -> None:
        self._stack = ExitStack()
        self._starter = starter
        self._opening = opening
        self._numbers = itertools.count(1)
        self._free: list[Slot] = []
        self._all: set[Slot] = set()
        self._lock = threading.Lock()
        self._closed = False
        self.touched = time.monotonic()
        top = self._stack.enter_context(temporary.folder("host"))
        self.folder, self.parcel = top / opening.run, top / "parcel"
        try:
            self._lay(top, parcel)
            self.accelerators = self._prepare()
            self._give_back(self._take())  # the first slot proves that the cases are the same
        except BaseException:
            self.close()
            raise

    def _lay(self, top: Path, parcel: bytes) -> None:
        for each in (self.folder, self.parcel):
            each.mkdir()
        unpack(parcel, self.parcel)
        for name, content in self._opening.files.items():
            (self.folder / Path(name).name).write_bytes(content)
        (top / _SETTINGS).write_text(self._opening.settings.replace("{parcel}", str(self.parcel)))
        self.request = dataclasses.replace(at_host(self._opening.request, self.parcel), config=str(top / _SETTINGS))
        self.settings = settings_for(self.request)
        seed = {} if self.request.seed is None else {SEED: str(self.request.seed)}
        self._session = Session(
            arguments=pytest_arguments(self.request, self.folder),
            environment={"PYTHONSAFEPATH": "1", **seed},
            workers=self._opening.machines,
            temporary=top,
        )

    def _prepare(self) -> tuple[str, ...]:
        """Have kernels, module, machines ready; raise ``UsageError`` where they are others than the coordinator's."""
        target = find_target(self.request.target, build_args=self.request.build_args)
        given = self._opening.files.get(RUN_FILE)
        profiles = {each.place: each for each in decode_all(given)} if given else {}
        used = []
        with Lab(self.settings) as lab:
            lab.check_room()
            for wanted in self._opening.kernels:
                kernel = lab.kernels.get(wanted.name)
                _check_kernel(kernel, wanted)
                used.append(str(lab.accelerator(kernel)))
                artifact = _artifact(lab, target, kernel, self.request, wanted)
                if artifact is not None and runs_domains(self.request):
                    self._boot(lab, target, kernel, artifact, profiles)
        return tuple(dict.fromkeys(used))

    def _boot(
        self, lab: Lab, target: Target, kernel: Kernel, artifact: ModuleArtifact, profiles: Mapping[str, Profile]
    ) -> None:
        for configuration in self.request.configurations or (OWN,):
            chosen = configured(target, configuration)
            lab.snapshot(
                Order(
                    target=chosen,
                    kernel=kernel,
                    artifact=artifact,
                    memory=self.settings.memory,
                    cpus=self.settings.cpus,
                    profile=profiles.get(place(kernel.name, chosen.configuration)),
                )
            )

    def run(self, case: str, notes: Mapping[str, bytes], have: Collection[str], tell: Callable[[str], None]) -> Answer:
        """Run a case; ``notes`` are what other hosts' cases noted for it, ``have`` what need not be sent.

        Raises ``InfraError`` where a disk here is full: neither a machine nor a verdict is to be relied on then.
        """
        self.touched = time.monotonic()
        self._check_disks()
        for name, content in notes.items():
            note = self.folder.joinpath(*Path(name).parts[-2:])
            if not note.exists():
                note.parent.mkdir(parents=True, exist_ok=True)
                note.write_bytes(content)
        slot = self._take()
        result = slot.run(case, tell)
        self._give_back(slot)
        folder = self.folder / "cases" / folder_name(case)
        try:
            self._check_disks()
        except InfraError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        if result is None:  # it may have been judged before its process died
            with contextlib.suppress(OSError):
                result = (folder / CASE).read_bytes()
        answer = Answer(
            case=case,
            end=End.DIED if result is None else End.DECIDED,
            result=result or b"",
            evidence=pack(folder) if folder.is_dir() else b"",
            shared={name: file.read_bytes() for name, file in self._shared() if name not in have},
        )
        shutil.rmtree(folder, ignore_errors=True)
        return answer

    def _check_disks(self) -> None:
        for disk in (self.folder, cache_dir(self.settings)):
            free = shutil.disk_usage(disk).free >> 20
            if free < _ROOM_MIB:
                raise InfraError(f"only {free} MiB are free in {disk}, a case needs {_ROOM_MIB}")

    def close(self) -> None:
        """End every process and machine of the run."""
        with self._lock:
            self._closed = True
            slots, self._all = self._all, set()
        for slot in slots:
            slot.close()
        self._stack.close()

    def _take(self) -> Slot:
        with self._lock:
            while self._free:
                slot = self._free.pop()
                if slot.alive:
                    return slot
                self._all.discard(slot)
        slot = Slot(self._session, self._starter, next(self._numbers))
        if (plan := digest_of(slot.ready.digests)) != self._opening.plan:
            slot.close()
            words = "; ".join(slot.ready.errors) or f"its cases or their code are others ({plan[:8]})"
            raise UsageError(words, hint="install the same vexlab, and its packages, on every host")
        with self._lock:
            if self._closed:
                slot.close()
                raise InfraError("the run has ended here")
            self._all.add(slot)
        return slot

    def _give_back(self, slot: Slot) -> None:
        with self._lock:
            if slot.alive and not self._closed:
                self._free.append(slot)
            else:
                self._all.discard(slot)

    def _shared(self) -> list[tuple[str, Path]]:
        given = {*self._opening.files, *_OWN}
        found = []
        for file in sorted(self.folder.rglob("*")):
            parts = file.relative_to(self.folder).parts
            if parts[0] == "cases" or parts[0] in given or any(part.startswith((".", "tmp")) for part in parts):
                continue
            if file.name.endswith(".debug.ko"):  # forty times the module; who looks for it builds it
                continue
            if file.is_file() and not file.is_symlink() and file.suffix != ".new":
                found.append(("/".join(parts), file))
        return found


class Host:
    """This host, with the runs that it takes part in."""

    def __init__(self) -> None:
        self._runs: dict[str, OpenRun] = {}
        self._lock = threading.Lock()
        self._opening: dict[str, threading.Lock] = {}
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="vexlab-slots")
        self._ended = threading.Event()
        threading.Thread(target=self._end_forgotten, daemon=True).start()

    def open(self, opening: Opening, parcel: bytes) -> OpenRun:
        """Take part in a run; does nothing twice."""
        with self._lock:
            alone = self._opening.setdefault(opening.run, threading.Lock())
        with alone:
            if opening.run not in self._runs:
                made = OpenRun(opening, parcel, self._starter)
                with self._lock:
                    self._runs[opening.run] = made
            return self._runs[opening.run]

    def get(self, run: str) -> OpenRun:
        """Return an open run; raise ``InfraError`` where it has ended here."""
        with self._lock:
            if run not in self._runs:
                raise InfraError("the run is not open on this host")
            return self._runs[run]

    def touch(self, run: str) -> None:
        """Note that the run's coordinator is there."""
        with self._lock:
            if run in self._runs:
                self._runs[run].touched = time.monotonic()

    def end(self, run: str) -> None:
        """End a run's processes and machines."""
        with self._lock:
            ended = self._runs.pop(run, None)
        if ended:
            ended.close()

    def close(self) -> None:
        """End everything."""
        self._ended.set()
        for run in list(self._runs):
            self.end(run)
        self._starter.shutdown()

    def _end_forgotten(self) -> None:
        while not self._ended.wait(_LOOK_S):
            now = time.monotonic()
            for run in [name for name, each in list(self._runs.items()) if now - each.touched > LEASE_S]:
                self.end(run)


def digest_of(digests: Mapping[str, str]) -> str:
    """Return a digest of a plan: which cases, and the digests of their code."""
    return key_of(sorted(digests.items()))


def _check_kernel(kernel: Kernel, wanted: UsedKernel) -> None:
    here, there = f"{kernel.release} {kernel.version}", f"{wanted.release} {wanted.version}"
    if here != there:
        raise UsageError(f"its kernel {wanted.name} is {here}, the run's is {there}")


def _artifact(lab: Lab, target: Target, kernel: Kernel, request: Request, wanted: UsedKernel) -> ModuleArtifact | None:
    try:
        artifact = (
            kept_artifact(Path(request.artifact), target, kernel) if request.artifact else lab.artifact(target, kernel)
        )
    except BuildError:
        if wanted.module:
            raise
        return None  # nor does it build for the coordinator
    if artifact.path and file_digest(artifact.path) != wanted.module:
        raise UsageError(
            f"it builds another module for {kernel.name} than the coordinator", hint="is its compiler another?"
        )
    return artifact


_HERE: list[Host] = []
_MAKING = threading.Lock()


def here() -> Host:
    """Return this process's host, made at first use: any worker of the engine can be one."""
    with _MAKING:
        if not _HERE:
            _HERE.append(Host())
        return _HERE[0]


def missing(entries: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return of entries of the coordinator's cache those that this host does not have."""
    cache = Cache(cache_dir())
    cache.prepare()
    return [(kind, key) for kind, key in entries if cache.get(Kind(kind), key) is None]


def receive(name: str, data: bytes, *, last: bool) -> None:
    """Take a piece of a file of cache entries; with the last one, add them to the cache."""
    file = Path(tempfile.gettempdir()) / f"vexlab-carry-{key_of(name)}"
    with file.open("ab") as sink:
        sink.write(data)
    if last:
        try:
            carry.take_in(Cache(cache_dir()), file)
        finally:
            file.unlink()


def open_run(opening: bytes, parcel: bytes) -> bytes:
    """Take part in a run; return an ``Opened``."""
    run = here().open(msgspec.msgpack.decode(opening, type=Opening), parcel)
    opened = Opened(
        name=platform.node(),
        python=sys.executable,
        folder=str(run.folder),
        parcel=str(run.parcel),
        accelerators=run.accelerators,
        processes=processes_id(),
    )
    return msgspec.msgpack.encode(opened)


def processes_id() -> str:
    """Return what tells where process ids hold: the kernel's id of its boot, and the PID namespace (a container's)."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot} {Path('/proc/self/ns/pid').readlink()}"


def run_case(run: str, case: str, notes: Mapping[str, bytes], have: Collection[str]) -> bytes:
    """Run a case of an open run; return an ``Answer``."""
    from distributed import get_worker

    worker = get_worker()
    answer = (
        here().get(run).run(case, notes, have, lambda line: worker.log_event(topic(run), (worker.address, case, line)))
    )
    return msgspec.msgpack.encode(answer)


def topic(run: str) -> str:
    """Return the name under which a run's events travel."""
    return f"vexlab-{run}"


def touch(run: str) -> None:
    """Note that the run goes on."""
    here().touch(run)


def end_run(run: str) -> None:
    """End the run's processes and machines here."""
    here().end(run)
