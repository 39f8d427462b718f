"""A trace of a command, or of everyday work, in a fresh machine with the target mounted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vexlab.classify.symbols import DebugInfo
from vexlab.errors import TargetFailure
from vexlab.guest.block import device_of
from vexlab.guest.module import GuestModule
from vexlab.guest.mount import GuestFilesystem
from vexlab.lab import Lab, Order
from vexlab.model.kernel import Kernel
from vexlab.model.machine import CommandResult
from vexlab.model.target import ModuleArtifact, Target
from vexlab.model.trace import Trace
from vexlab.targets.build import debug_file
from vexlab.targets.in_tree import why_not_loadable
from vexlab.trace.symbols import with_sources
from vexlab.trace.tracer import Tracer, Wanted
from vexlab.vm.machine import Machine

EXERCISE = Path(__file__).parents[1] / "workloads" / "exercise.sh"
EXERCISE_S, COMMAND_S = 30.0, 300.0  # how long everyday work goes on, and how long a command may
_SPARE_S = 60.0
_WHERE = "/run/vexlab-exercise.sh"
_TIMED_OUT = (124, 137)  # timeout(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is done while probes are set: ``command`` in the mounted filesystem, everyday work where there is none."""

    command: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def words(self) -> str:
        """What it is, for people."""
        return " ".join(self.command) or "everyday work"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """A trace and how the command ended; ``None`` where it did not end in its time, and was ended."""

    trace: Trace
    result: CommandResult | None


def trace_work(
    lab: Lab, target: Target, kernel: Kernel, wanted: Wanted, work: Work, *, say: Callable[[str], None]
) -> Traced:
    """Trace ``work`` on ``target`` in a fresh machine; the module is unloaded at the end as by anybody.

    Raises ``TargetFailure`` where module or filesystem do not come up, else as ``Tracer.start``.
    """
    artifact = lab.artifact(target, kernel)
    settings = lab.settings
    order = Order(
        target=target, kernel=kernel, artifact=artifact, memory=settings.memory, cpus=settings.cpus, traced=True
    )
    with lab.machine(order) as machine:
        tracer = Tracer(machine=machine, target=target, kernel=kernel.name, wanted=wanted)
        module = None if why_not_loadable(kernel, target) else GuestModule(machine, target)
        times = {"module load": _load(module)} if module else {}
        say("attaching the probes")
        tracer.start()
        filesystem = GuestFilesystem(machine, target, device_of(machine, "scratch"))
        _must(filesystem.mkfs(), "mkfs")
        mounted = filesystem.mount()
        _must(mounted, "mount")
        filesystem.prove()
        times["mount"] = _time(mounted)
        say(f"tracing {work.words}")
        result = _do(machine, work, filesystem)
        _must(filesystem.unmount(), "unmount")
        say("reading the probes")
        tracer.stop()
    trace = replace(tracer.trace(work.words), times=times)
    return Traced(trace=explained(trace, artifact, target, lab.cache.root), result=result)


def explained(trace: Trace, artifact: ModuleArtifact, target: Target, cache: Path) -> Trace:
    """Return the trace with file and line of the module's functions, where its debug information is at hand."""
    file = debug_file(artifact, target.module)
    if file is None:
        return trace
    info = DebugInfo(modules={target.module: file})
    return replace(
        trace,
        locks=with_sources(trace.locks, info, cache),
        outstanding=with_sources(trace.outstanding, info, cache),
        on_cpu=with_sources(trace.on_cpu, info, cache),
        off_cpu=with_sources(trace.off_cpu, info, cache),
    )


def _load(module: GuestModule) -> float:
    loaded = module.load()
    _must(loaded, "loading the module")
    return _time(loaded)


def _time(result: CommandResult) -> float:
    return result.duration if result.guest_s is None else result.guest_s


def _must(result: CommandResult, what: str) -> None:
    if not result.ok:
        raise TargetFailure(f"{what} failed: {result}")


def _do(machine: Machine, work: Work, filesystem: GuestFilesystem) -> CommandResult | None:
    where = filesystem.mountpoint
    if work.command:
        seconds = work.seconds or COMMAND_S
        argv = ["/bin/sh", "-c", f'cd {where} && exec timeout -k 5 {seconds:.0f} "$@"', "sh", *work.command]
        result = machine.exec(argv, timeout=seconds + _SPARE_S)
        return None if result.status in _TIMED_OUT else result
    seconds = work.seconds or EXERCISE_S
    machine.push(EXERCISE, _WHERE, mode=0o755)
    vectors = filter(None, [filesystem.target.vectors])
    return machine.exec([_WHERE, where, f"{seconds:.0f}", *vectors], timeout=seconds + 3 * _SPARE_S)


def words_of(result: CommandResult | None) -> Sequence[str]:
    """Return what is to be said of how a command ended, where that is not well."""
    if result is None:
        return ["the command did not end in its time, and was ended"]
    return [] if result.ok else [f"the command failed: {result}"]
