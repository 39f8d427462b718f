"""One suite, or one of its tests, run in one machine: what it is given, what it printed, what is made of that."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial

import pytest

from vexlab.cache import key_of
from vexlab.classify import classify
from vexlab.config import cache_dir
from vexlab.errors import MachineError, TargetFailure
from vexlab.guest.block import device_of
from vexlab.guest.module import GuestModule
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.kernels.slowdown import timeout_scale
from vexlab.lab import SCRATCH, Lab, Order
from vexlab.model.kernel import Kernel
from vexlab.model.machine import CommandResult, Disk
from vexlab.model.profile import Profile
from vexlab.model.request import Request
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.model.target import ModuleArtifact, Target
from vexlab.observe.kernelmemory import read_taint
from vexlab.observe.taint import bad_taints
from vexlab.plugin.capabilities import effective
from vexlab.plugin.fixtures import Metrics, SubResults
from vexlab.plugin.options import request_of, settings_of, the_lab
from vexlab.plugin.recorder import Recorder
from vexlab.suites import given_place
from vexlab.suites.adapter import FOLDER, PAYLOAD, Expunged, Installed, Job, Search, Selection, Suite, tolerated
from vexlab.suites.cases.deadlines import deadline_s, passed_in
from vexlab.suites.cases.output import Output
from vexlab.suites.lists import read_lists
from vexlab.suites.payload import pack
from vexlab.vm.files import BUSYBOX
from vexlab.vm.machine import Machine
from vexlab.vm.preparation import Preparation

log = logging.getLogger(__name__)

_LOG = "suite.log"  # in a case's folder: what the suite printed
_EVIDENCE_MOST = 8 << 20  # bytes of one file that the suite left
MOUNT = f'mkdir -p {FOLDER} && {BUSYBOX} mount -t squashfs -o ro "$1" {FOLDER}'
_ODD = re.compile(r"[^\w.-]")
_BEGIN_S = 300.0
_NOT_BEGUN = pytest.StashKey[set[str]]()  # keys of what could not be begun in this session
_INSTALLED = pytest.StashKey[dict[str, Installed]]()


def found_by(suite: Suite, config: pytest.Config) -> Installed:
    """Return where the suite is installed; looked for once in a session."""
    known = config.stash.setdefault(_INSTALLED, {})
    if suite.name not in known:
        given = given_place(suite.name, request_of(config).suite_tree, settings_of(config).suites)
        known[suite.name] = suite.find(Search(given=given, cache=the_lab(config).cache))
    return known[suite.name]


def selection_of(request: Request) -> Selection:
    """Return which of the suite's tests are asked for."""
    tests = tuple(test for words in request.suite_tests for test in words.split())
    return Selection(groups=request.suite_groups, tests=tests)


def order_of(
    suite: Suite,
    installed: Installed,
    lab: Lab,
    target: Target,
    kernel: Kernel,
    artifact: ModuleArtifact,
    profile: Profile | None,
) -> Order:
    """Return the machine that the suite wants: its image and disks, and itself on a disk of its own."""
    payload = Disk(serial=PAYLOAD, file=pack(suite.pack(installed, target), lab.cache), readonly=True)
    wanted = (replace(SCRATCH, size=suite.scratch), *suite.disks)
    disks = tuple(replace(each, size=max(each.size, target.min_disk)) for each in wanted)
    return Order(
        target=target,
        kernel=kernel,
        artifact=artifact,
        memory=max(lab.settings.memory, suite.memory),
        cpus=lab.settings.cpus,
        disks=(*disks, payload),
        recipe=suite.recipe,
        profile=profile,
    )


class Bench:
    """A suite and the machine for it. ``check`` comes first, then ``order``, ``prepare`` and ``run``."""

    def __init__(
        self, suite: Suite, order: Order, recorder: Recorder, config: pytest.Config, test: str, *, loads: bool
    ) -> None:
        asked = request_of(config)
        self._suite = suite
        self._order = order
        self._recorder = recorder
        self._loads = loads
        self._config = config
        self._known = read_lists(order.target, suite.name, order.kernel.release, asked.suite_exclude)
        self._job = Job(
            target=effective(order.target, order.profile),
            kernel=order.kernel,
            profile=order.profile,
            mountpoint="/mnt/test",
            devices={},
            test=test,
            selection=selection_of(asked),
            skip=tuple(each.test for each in self._known if not each.fails),
            timeout=self._timeout(test),
            seed=1 if asked.seed is None else asked.seed,
        )

    def _timeout(self, test: str) -> float:
        kernel = self._order.kernel
        scale = timeout_scale(cache_dir(settings_of(self._config)), kernel.name, kernel.flavour)
        return deadline_s(self._suite.timeout, passed_in(self._recorder.folder) if test else (), scale)

    def check(self) -> None:
        """Skip the case where its one test is excluded, before a machine is made for it."""
        entry = self._entry(self._job.test) if self._job.test else None
        if entry and not entry.fails:
            pytest.skip(f"excluded: {entry.reason}")

    def order(self, lab: Lab) -> Order:
        """Return the machine to ask for: one in which the suite was begun, where it has a beginning that succeeds.

        Where it does not, the fault may be the target's, so that each test does it itself and tells how it went.
        """
        begin = self._suite.begin
        if begin is None or not self._job.test:
            return self._order
        job = replace(self._job, test="")
        key = key_of(begin(job), self._order.target.params, self._loads)
        words = f"starting {self._suite.name} in the machine"
        ahead = replace(
            self._order, preparation=Preparation(words=words, key=key, change=partial(self._begin, begin, job))
        )
        failed = self._config.stash.setdefault(_NOT_BEGUN, set())
        if key in failed:
            return self._order
        try:
            lab.snapshot(ahead)
        except (MachineError, TargetFailure) as error:
            log.warning("%s is started anew for each test: %s", self._suite.name, error)
            failed.add(key)
            return self._order
        self._order = ahead
        self._job = replace(self._job, begun=True)
        return ahead

    def _begin(self, begin: Callable[[Job], tuple[str, ...]], job: Job, machine: Machine) -> None:
        """Begin the suite in a machine that is to be a snapshot; raise where that does not end well and silently."""
        before = read_taint(machine) or 0
        self._bring(machine)
        done = machine.exec(begin(replace(job, devices=self._devices(machine))), timeout=_BEGIN_S)
        if not done.ok:
            raise TargetFailure(f"it does not come to its first test: {done}")
        if found := classify(machine.console.text()):
            raise TargetFailure(f"the kernel says something before its first test: {found[0].title}")
        # Whoever looks at machines that start from here takes their taint for that of the booted system.
        if tainted := bad_taints((read_taint(machine) or 0) & ~before):
            raise TargetFailure(f"before its first test {tainted[0][0]}")

    def _bring(self, machine: Machine) -> None:
        """Mount the suite, and load the module."""
        mounted = machine.ash(MOUNT, device_of(machine, PAYLOAD))
        if not mounted.ok:
            raise MachineError(f"the suite's disk cannot be mounted: {mounted}")
        if self._loads:
            loaded = GuestModule(machine, self._order.target).load()
            if not loaded.ok:
                raise TargetFailure(f"the module does not load: {loaded}")

    def _devices(self, machine: Machine) -> dict[str, str]:
        return {disk.serial: device_of(machine, disk.serial) for disk in self._order.disks if not disk.readonly}

    def prepare(self, machine: Machine) -> None:
        """Bring the suite and the filesystem into the machine; what was done before its snapshot is not done again."""
        if not self._job.begun:
            self._bring(machine)
        elif self._loads and machine.module_watch:
            machine.module_watch.after_load()
        devices = self._devices(machine)
        self._job = replace(self._job, devices=devices)
        self._filesystem = GuestFilesystem(
            machine, self._job.target, devices[SCRATCH.serial], profile=self._order.profile
        )
        self._job = replace(self._job, mountpoint=self._filesystem.mountpoint)
        if self._suite.mounted:
            for does, what in ((self._filesystem.mkfs, "mkfs"), (self._filesystem.mount, "mount")):
                done = does()
                if not done.ok:
                    raise TargetFailure(f"{what} failed: {done}")
            self._filesystem.prove()

    def run(self, subresults: SubResults, metrics: Metrics) -> None:
        """Run the suite, keep its output, and tell how each of its tests ended."""
        output = Output()

        module = GuestModule(self._filesystem.machine, self._order.target) if self._loads else None
        checks = PostChecks(self._filesystem, module) if self._suite.mounted else None
        ended: CommandResult | None = None
        argv = self._suite.run(self._job)
        try:
            ended = self._filesystem.machine.stream(argv, output.take, timeout=self._job.timeout)
        finally:
            said = output.said()
            self._keep(said)
            text = said.decode(errors="replace")
            results = tolerated(self._suite.parse(self._job, text, ended), self._known)
            self._tell(results, subresults, metrics)
        self._judge(results, checks)

    def _tell(self, results: tuple[SubResult, ...], subresults: SubResults, metrics: Metrics) -> None:
        if self._job.test:
            return  # the case's own verdict says it
        for each in results:
            subresults.record(each.name, each.verdict, each.words, duration_s=each.duration_s)
        metrics.record("tests_count", sum(each.verdict in (SubVerdict.PASSED, SubVerdict.FAILED) for each in results))

    def _judge(self, results: tuple[SubResult, ...], checks: PostChecks | None) -> None:
        if not results:
            hint = f"are the tests named as it names them? {_LOG} in the case's folder has what it printed"
            raise MachineError(f"{self._suite.name} came to its end and ran no test", hint=hint)
        if self._job.test:
            self._judge_one(results[0])
        elif all(each.verdict in (SubVerdict.SKIPPED, SubVerdict.REFUSED) for each in results):
            pytest.skip(f"none of its {len(results)} tests could run: {results[0].words}")
        if checks and not any(each.verdict is SubVerdict.FAILED for each in results):
            checks.run()

    def _judge_one(self, result: SubResult) -> None:
        if result.verdict in (SubVerdict.SKIPPED, SubVerdict.REFUSED):
            pytest.skip(result.words)
        if result.verdict is SubVerdict.BLOCKED:
            raise MachineError(result.words, hint=f"{_LOG} in the case's folder has all that it printed")
        if result.verdict is not SubVerdict.PASSED:
            raise TargetFailure(result.words)

    def _keep(self, output: bytes) -> None:
        folder = self._recorder.folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _LOG).write_bytes(output)
        for name, path in self._suite.evidence(self._job).items():
            file = folder / (_ODD.sub("_", name) or "file")
            with suppress(MachineError):  # it is dead, or the suite left no such file
                with file.open("wb") as into:
                    self._filesystem.machine.pull_to(path, into, most=_EVIDENCE_MOST)
                continue
            file.unlink(missing_ok=True)

    def _entry(self, test: str) -> Expunged | None:
        return next((each for each in self._known if fnmatchcase(test, each.test)), None)
