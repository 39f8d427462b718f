"""What happens in a run, as frozen values: store, terminal, reports and monitors listen to the same stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from vexlab.model.case import CaseResult, Plan, RunInfo, RunResult
from vexlab.model.key import CaseKey
from vexlab.model.profile import Profile
from vexlab.model.verdict import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """What is done before cases run: a kernel fetched, a module built, a machine booted."""

    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """What the user should see and what ends nothing: a compiler's warning, an error of the build. ``red`` is worse."""

    words: str
    red: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run has an id and a folder for its evidence."""

    run: RunInfo
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileKnown:
    """It is known what the target can do on a kernel of the run."""

    run: str
    profile: Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlanned:
    """It is known which cases the run is to decide."""

    run: str
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseStarted:
    """A case begins; ``node`` is pytest's name of it. Of a case that is not in the plan there is no ``key``."""

    run: str
    node: str
    key: CaseKey | None = None


class MachineState(StrEnum):
    """Whether a case's machine is there."""

    STARTED = "started"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineChanged:
    """A machine of the case ``node`` came up or went; ``machine`` is its name, of its worker and its folder.

    Where the run is on a cluster, the host's name and a ``/`` stand before that.
    ``pid`` is QEMU's process, ``memory`` the guest's in MiB. ``console`` is the path of the file to which QEMU writes
    what the guest prints; it goes with the machine.
    """

    node: str
    machine: str
    state: MachineState
    run: str = ""
    pid: int = 0
    kernel: str = ""
    memory: int = 0
    cpus: int = 0
    console: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseStep:
    """The case ``node`` says which of its steps it has come to. Steps that follow each other quickly are left out."""

    node: str
    words: str
    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseHalted:
    """The case ``node`` waits before its guest command ``number``, of which ``words`` are the beginning.

    It answers on ``socket`` (``vexlab.plugin.halt``) until it is told to go on. gdb finds its kernel on ``stub``.
    ``sections`` are addresses of the sections of ``module``, none where it is not loaded, ``symbols`` its file with
    debugging information. ``starter`` is the address of ``do_init_module``, ``console`` the console's file.
    """

    node: str
    number: int
    words: str
    socket: str
    stub: str
    console: str
    module: str
    symbols: str
    vmlinux: str
    source: str
    sections: dict[str, int]
    starter: int = 0
    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingSeen:
    """The kernel said something in a machine of the case ``node``, which goes on; it comes again with its result."""

    node: str
    finding: Finding
    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFinished:
    """A case has its verdict."""

    run: str
    case: CaseResult


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """Every case that was selected is decided or named as undecided; ``seconds`` is wall time, the set-up included."""

    result: RunResult
    folder: str
    seconds: float
    errors: tuple[str, ...] = field(default=())


WorkerEvent = MachineChanged | CaseStep | CaseHalted | FindingSeen  # what a worker process tells while a case runs
Event = (
    StepStarted
    | Warned
    | RunStarted
    | ProfileKnown
    | RunPlanned
    | CaseStarted
    | WorkerEvent
    | CaseFinished
    | RunFinished
)
_KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        StepStarted,
        Warned,
        RunStarted,
        ProfileKnown,
        RunPlanned,
        CaseStarted,
        MachineChanged,
        CaseStep,
        CaseHalted,
        FindingSeen,
        CaseFinished,
        RunFinished,
    )
}


def encode(event: Event) -> bytes:
    """Return an event as one line of JSON without its end: ``{"event": "CaseFinished", …}``."""
    return msgspec.json.encode({"event": type(event).__name__, **msgspec.to_builtins(event)})


def decode(line: bytes) -> Event:
    """Return the event that ``encode`` wrote; raise ``ValueError`` for anything else."""
    try:
        data = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        kind = _KINDS[msgspec.json.decode(data.pop("event"), type=str)]
        return msgspec.json.decode(msgspec.json.encode(data), type=kind)
    except (msgspec.MsgspecError, KeyError) as error:
        raise ValueError(f"no event: {line[:80]!r}") from error
