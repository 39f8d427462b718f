"""Fixtures: what a case asks for by name. Everything a case touches is fresh, made for it alone."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Protocol, cast

import pytest

from vexlab.config import DomainSettings, Thresholds
from vexlab.errors import BuildError, InfraError, MachineError, TargetFailure
from vexlab.guest.block import device_of
from vexlab.guest.module import GuestModule
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.images.modules import read_module, unsigned
from vexlab.kernels.counters import counts
from vexlab.kernels.flavours import timeout_scale
from vexlab.lab import Lab, Order
from vexlab.model.kernel import Kernel
from vexlab.model.metric import Better, measured
from vexlab.model.profile import Profile
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.model.target import ModuleArtifact, Target
from vexlab.plugin.capabilities import effective
from vexlab.plugin.marks import marks_of
from vexlab.plugin.options import own_module, profile_on, request_of, target_of, the_lab
from vexlab.plugin.recorder import Recorder, recorder_of
from vexlab.probe.bench import Bench
from vexlab.probe.kept import probe_order
from vexlab.targets.in_tree import is_built_in, why_not_loadable
from vexlab.targets.kept import kept_artifact
from vexlab.targets.own import with_module
from vexlab.vm.machine import Machine

_ENDED_WELL = pytest.StashKey[bool]()
_BUILT = pytest.StashKey[dict[tuple[str, str, str], ModuleArtifact | BuildError]]()


_NAME_MOST, _WORDS_MOST = 200, 1000  # of a sub-result; both may come from the guest
FORKED = 71  # exit status of a process that a case forked


class KernelLog:
    """What the kernel has printed on the console since the case's machine came up."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    @property
    def text(self) -> str:
        """The console so far."""
        return self._machine.console.text()


class Metrics:
    """Numbers a case measured; a name ends in its unit (``vexlab.model.metric.UNITS``): ``load_s``, ``room_bytes``."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def record(self, name: str, value: float, *, better: Better | None = None) -> float:
        """Keep ``value`` under ``name`` and return it; what is no finite number measures nothing (``ValueError``).

        ``better`` tells which direction is an improvement where the unit does not: less of a time is better anyway.
        """
        if not math.isfinite(value):
            raise ValueError(f"the metric {name} is {value}")
        self._recorder.metrics[name] = measured(name, round(float(value), 6), better)
        return value


class SubResults:
    """What a case of many checks says of each; they are kept with its result. One that failed fails the case."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def record(self, name: str, verdict: SubVerdict, words: str = "", *, duration_s: float = 0.0) -> None:
        """Keep how the check ``name`` ended, and why; of one that is made several times the first failure stays."""
        found = SubResult(
            name=name[:_NAME_MOST], verdict=verdict, words=words[:_WORDS_MOST], duration_s=round(duration_s, 6)
        )
        earlier = self._recorder.subresults.get(found.name)
        if earlier is None or earlier.verdict is not SubVerdict.FAILED:
            self._recorder.subresults[found.name] = found


@pytest.fixture(scope="session")
def lab(pytestconfig: pytest.Config) -> Lab:
    """Return the session's laboratory."""
    return the_lab(pytestconfig)


@pytest.fixture
def target(request: pytest.FixtureRequest, target_configuration: str) -> Target:
    """Return the filesystem under test in the case's configuration, as the settings describe it for the domain."""
    return target_of(request.config, _domain(request), target_configuration)


@pytest.fixture(scope="session")
def kernel(request: pytest.FixtureRequest, lab: Lab) -> Kernel:
    """Return the kernel to run on; a case that asks for it runs once for each kernel of the session."""
    return lab.kernels.get(request.param)


@pytest.fixture
def build(request: pytest.FixtureRequest, lab: Lab, target: Target, kernel: Kernel) -> ModuleArtifact | BuildError:
    """Return the module built for the kernel, or the error of the build; each is made once in a session."""
    own = own_module(request.config, _domain(request))
    built = request.config.stash.setdefault(_BUILT, {})
    key = (kernel.name, own.module_path if own else "", own.build_path if own else "")
    if key not in built:
        try:
            built[key] = _build(request.config, lab, target, kernel, own)
        except BuildError as error:
            built[key] = error
    recorder_of(request.node).looked = True
    return built[key]


def _build(
    config: pytest.Config, lab: Lab, target: Target, kernel: Kernel, own: DomainSettings | None
) -> ModuleArtifact:
    if given := request_of(config).artifact:
        return kept_artifact(Path(given), target, kernel)
    if own and own.module_path:
        return with_module(lab.artifact(replace(target, source=None), kernel), Path(own.module_path))
    return lab.artifact(target, kernel, counted=request_of(config).coverage)


@pytest.fixture
def artifact(request: pytest.FixtureRequest, build: ModuleArtifact | BuildError) -> ModuleArtifact:
    """Return the module built for the kernel; where it does not build, the case is skipped: there is nothing to run.

    Of a module that only this domain tests no other case says that it does not build: there the case fails.
    """
    if isinstance(build, BuildError):
        if own_module(request.config, _domain(request)):
            raise build
        pytest.skip("the module does not build; kernel_module.build has the compiler's words")
    return build


@pytest.fixture
def profile(request: pytest.FixtureRequest, kernel: Kernel, target_configuration: str) -> Profile | None:
    """Return what the target can do on the kernel, as probed before the run; ``None`` where it was not probed."""
    key = replace(marks_of(request.node).key, kernel=kernel.name, configuration=target_configuration)
    found = profile_on(request.config, key)
    if found is not None:
        recorder_of(request.node).looked = True
    return found


@pytest.fixture
def thresholds(request: pytest.FixtureRequest, lab: Lab) -> Thresholds:
    """Return the limits of the settings for the case's domain, as a kernel of the case's flavour keeps them."""
    limits = lab.settings.domain(_domain(request)).over(lab.settings.thresholds)
    return limits.scaled(timeout_scale(marks_of(request.node).key.flavour))  # what is judged goes by no measurement


@pytest.fixture
def metrics(request: pytest.FixtureRequest) -> Metrics:
    """Return where a case records numbers."""
    return Metrics(recorder_of(request.node))


@pytest.fixture
def subresults(request: pytest.FixtureRequest) -> SubResults:
    """Return where a case of many checks records how each of them ended."""
    return SubResults(recorder_of(request.node))


@pytest.fixture
def step(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return the function by which a case of many steps says which one the kernel's words are about."""
    return recorder_of(request.node).at


@pytest.fixture
def bench(
    request: pytest.FixtureRequest, lab: Lab, target: Target, kernel: Kernel, artifact: ModuleArtifact
) -> Iterator[Bench]:
    """Return the machines of the capability probe, watched as every case's machine is."""
    recorder = recorder_of(request.node)
    order = probe_order(lab.settings, target, kernel, artifact)
    absent = why_not_loadable(kernel, target)
    if absent and not is_built_in(kernel, target):
        pytest.skip(absent)
    with Bench(
        lab,
        order,
        loads=not absent,
        started=lambda fresh: recorder.attach(fresh, order),
        ending=recorder.detach,
    ) as probing:
        yield probing


@pytest.fixture
def machine(
    request: pytest.FixtureRequest,
    lab: Lab,
    target: Target,
    kernel: Kernel,
    artifact: ModuleArtifact,
) -> Iterator[Machine]:
    """Return a fresh machine made for this case, with the target's files inside and its module not loaded."""
    mark = request.node.get_closest_marker("vm")
    shape = {"memory": lab.settings.memory, "cpus": lab.settings.cpus, **(mark.kwargs if mark else {})}
    shape["single_thread_tcg"] = marks_of(request.node).single_thread_tcg
    shape = {name: value(target) if callable(value) else value for name, value in shape.items()}
    # not the fixture: a case may have a parameter of that name
    profile = profile_on(request.config, marks_of(request.node).key)
    traced = request_of(request.config).trace
    order = Order(target=target, kernel=kernel, artifact=artifact, profile=profile, traced=traced, **shape)
    recorder = recorder_of(cast("pytest.Item", request.node))
    with lab.machine(order) as fresh:
        recorder.attach(fresh, order)
        try:
            yield fresh
        finally:
            recorder.detach()


class PowerCycle(Protocol):
    """Cuts a machine's power and gives a fresh one with its disks, the target's module loaded where it is one."""

    def __call__(self, dead: Machine, *, on: Kernel | None = None) -> Machine:
        """Return the machine that follows ``dead``, with another kernel where one is given."""


@pytest.fixture
def power_cycle(
    request: pytest.FixtureRequest, lab: Lab, machine: Machine, target: Target, kernel: Kernel
) -> Iterator[PowerCycle]:
    """Return what follows a machine with another one on the same disks."""
    recorder = recorder_of(request.node)
    ordered = _order(recorder, machine)

    with ExitStack() as stack:

        def follow(dead: Machine, *, on: Kernel | None = None) -> Machine:
            dead.kill()
            recorder.observe(None)
            if recorder.findings:
                raise TargetFailure(f"the kernel complained before the power was cut: {recorder.findings[0].title}")
            order = _on_kernel(ordered, on, lab, request) if on else ordered
            files = {disk.serial: dead.files.disk(disk) for disk in dead.spec.disks if not disk.readonly}
            fresh = stack.enter_context(lab.machine(order, disks=files))
            recorder.attach(fresh, order)
            if not why_not_loadable(on or kernel, target):
                _load(GuestModule(fresh, target))
            return fresh

        yield follow
        recorder.detach()  # while the last machine's console is still there


class Another(Protocol):
    """Puts a machine that died aside, and gives another one with the target's filesystem, made and mounted."""

    def __call__(self, error: MachineError) -> GuestFilesystem:
        """Return what follows the machine that ``error`` ended."""


@pytest.fixture
def another(
    request: pytest.FixtureRequest, lab: Lab, mounted: GuestFilesystem, target: Target, kernel: Kernel
) -> Iterator[Another]:
    """Return what gives a case of many parts another machine for the rest, when one part ended the last machine."""
    recorder = recorder_of(request.node)
    order = _order(recorder, mounted.machine)

    with ExitStack() as stack:

        def give(error: MachineError) -> GuestFilesystem:
            recorder.observe(error)
            recorder.put_aside()
            fresh = stack.enter_context(lab.machine(order))
            recorder.attach(fresh, order)
            if not why_not_loadable(kernel, target):
                _load(GuestModule(fresh, target))
            filesystem = mounted.on(device_of(fresh, "scratch"), machine=fresh)
            for result, what in ((filesystem.mkfs(), "mkfs"), (filesystem.mount(), "mount")):
                if not result.ok:
                    raise TargetFailure(f"{what} failed: {result}")
            filesystem.prove()
            return filesystem

        yield give
        recorder.detach()  # while the last machine's console is still there


@pytest.fixture
def panic_machine(request: pytest.FixtureRequest, lab: Lab, machine: Machine) -> Iterator[Machine]:
    """Return a second machine like the case's, for what must end in a panic: its kernel's words are no findings."""
    recorder = recorder_of(request.node)
    with lab.machine(_order(recorder, machine)) as other:
        yield other
        recorder.folder.mkdir(parents=True, exist_ok=True)
        (recorder.folder / "panic_machine.log").write_text(other.console.text())


@pytest.fixture
def klog(machine: Machine) -> KernelLog:
    """Return the kernel's log since the machine came up."""
    return KernelLog(machine)


@pytest.fixture
def module(machine: Machine, target: Target, kernel: Kernel) -> GuestModule:
    """Return the verbs for the target's module; nothing is loaded yet."""
    if reason := why_not_loadable(kernel, target):
        pytest.skip(reason)
    return GuestModule(machine, target)


@pytest.fixture
def module_image(target: Target, kernel: Kernel, artifact: ModuleArtifact) -> bytes:
    """Return the module's ELF image, for cases that spoil it."""
    if artifact.path:
        return artifact.path.read_bytes()
    found = sorted(kernel.modules.rglob(f"{target.module}.ko*"))
    if not found:
        pytest.skip(why_not_loadable(kernel, target) or f"no file of module {target.module}")
    return unsigned(read_module(found[0]))


@pytest.fixture
def scratch(machine: Machine) -> str:
    """Return the device node of an empty disk that belongs to the case."""
    return device_of(machine, "scratch")


@pytest.fixture
def filesystem(
    request: pytest.FixtureRequest, machine: Machine, target: Target, kernel: Kernel, scratch: str
) -> GuestFilesystem:
    """Return the verbs for the target's filesystem on the scratch disk, its module loaded, nothing made or mounted."""
    if not target.mkfs:
        pytest.skip(f"{target.name} names no mkfs command")
    reason = why_not_loadable(kernel, target)
    if not reason:
        _load(GuestModule(machine, target))
    elif "built into" not in reason:
        pytest.skip(reason)
    # not the fixture `profile`: a case may have a parameter of that name
    known = profile_on(request.config, marks_of(request.node).key)
    return GuestFilesystem(machine, effective(target, known), scratch, profile=known)


def _unregistered(filesystem: GuestFilesystem) -> str:
    fstype = filesystem.target.fstype
    if fstype in GuestModule(filesystem.machine, filesystem.target).filesystems():
        return ""
    asked = "does the module register it, and is `fstype` in target.toml right?"
    return f"\n`{fstype}` is not in /proc/filesystems: {asked}"


@pytest.fixture
def mounted(filesystem: GuestFilesystem) -> GuestFilesystem:
    """Return the target's filesystem made, mounted, and proved to be what is mounted."""
    made = filesystem.mkfs()
    if not made.ok:
        raise TargetFailure(f"mkfs failed: {made}")
    mounted = filesystem.mount()
    if not mounted.ok:
        raise TargetFailure(f"mount failed: {mounted}{_unregistered(filesystem)}")
    filesystem.prove()
    return filesystem


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Note whether the case itself ended well: not where it failed, was skipped or interrupted, nor in its set-up.

    A process that a case forked and that comes back from the case ends here: it would judge the case a second time.
    """
    item.stash[_ENDED_WELL] = False
    ours = os.getpid()
    try:
        yield
    finally:
        if os.getpid() != ours:
            os._exit(FORKED)
    item.stash[_ENDED_WELL] = True


def _load(module: GuestModule) -> None:
    loaded = module.load()
    if not loaded.ok:
        raise TargetFailure(f"the module does not load: {loaded}")


def _domain(request: pytest.FixtureRequest) -> str:
    return marks_of(request.node).domain


def _on_kernel(order: Order, kernel: Kernel, lab: Lab, request: pytest.FixtureRequest) -> Order:
    artifact = lab.artifact(order.target, kernel, counted=request_of(request.config).coverage and counts(kernel))
    profile = profile_on(request.config, replace(marks_of(request.node).key, kernel=kernel.name))
    return replace(order, kernel=kernel, artifact=artifact, profile=profile)


def _order(recorder: Recorder, machine: Machine) -> Order:
    """Return what the case's ``machine`` was made of."""
    if recorder.order is None:
        raise InfraError(f"nobody noted of what machine {machine.pid} was made")
    return recorder.order


@pytest.fixture
def post_checks(
    request: pytest.FixtureRequest, mounted: GuestFilesystem, target: Target, kernel: Kernel
) -> Iterator[PostChecks]:
    """Return the post checks about ``mounted``; they are asked when the case has ended well."""
    request.node.stash[_ENDED_WELL] = False  # whatever an earlier attempt came to
    loadable = not why_not_loadable(kernel, target)
    checks = PostChecks(mounted, GuestModule(mounted.machine, target) if loadable else None)
    yield checks
    if request.node.stash.get(_ENDED_WELL, False) and not recorder_of(request.node).failed:
        checks.run()
