"""What happens in a run, as frozen values: store, terminal, reports and monitors listen to the same stream."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from vexlab.model.case import CaseResult, Plan, RunInfo, RunResult
from vexlab.model.key import CaseKey
from vexlab.model.profile import Profile


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


Event = StepStarted | Warned | RunStarted | ProfileKnown | RunPlanned | CaseStarted | CaseFinished | RunFinished
_KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (StepStarted, Warned, RunStarted, ProfileKnown, RunPlanned, CaseStarted, CaseFinished, RunFinished)
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
