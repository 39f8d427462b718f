"""What ``fscrash`` is told and what it prints: states that a crash may leave, checked one by one. Pure.

The program is in ``workloads/fscrash``; its model of what a crash may leave is told in ``fscrash/model.h``.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from vexlab.errors import MachineError
from vexlab.model.target import Target

# Reasons in a target's `[refuses]` that change what a crash may leave, and the programs' word for it.
_LACKS = ("xattr", "tmpfile", "rename_exchange", "fsync_names", "ordered_names")
NO_JOURNAL = "crash_consistency"  # declared by filesystems that need fsck after every crash

# As the post checks allow for (guest/post_checks.py): inodes made on demand take chunks of blocks.
_ON_DEMAND_BLOCKS = 64
_ALL_BLOCKS = 1 << 40  # where a cleaner frees them


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashState:
    """A state that was checked: a crash during the operation numbered ``operation``, after the log's entry ``cut``.

    Of one that is not ``ok``, ``missing`` are writes that had not reached the disk, as few as were found to be needed:
    first sector, ``+``, number of sectors.
    """

    state: int
    cut: int
    operation: int
    ok: bool
    why: str = ""
    during: str = ""
    missing: tuple[str, ...] = ()
    missing_count: int = 0

    def __str__(self) -> str:
        what = f"a crash during operation {self.operation} ({self.during}), after write {self.cut} of the log"
        if not self.missing:
            return f"{self.why}\n  after {what}, with all that flushes had covered by then"
        more = f" and {self.missing_count - len(self.missing)} more" if self.missing_count > len(self.missing) else ""
        lost = f"{', '.join(self.missing)}{more} (sector+count)"
        return f"{self.why}\n  after {what}, without the writes that no flush had covered: {lost}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashSummary:
    """The last line of a run; times in milliseconds of the guest's clock."""

    states: int
    failures: int
    operations: int
    writes: int
    ms: float
    fsck_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashReport:
    """Everything a run printed."""

    states: tuple[CrashState, ...]
    summary: CrashSummary

    @property
    def failed(self) -> tuple[CrashState, ...]:
        """The states that must not be."""
        return tuple(state for state in self.states if not state.ok)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashPlan:
    """A program of ``count`` operations made of ``seed``, and how many states of it are checked.

    Where ``limit`` seconds (0: any time) do not suffice for all states, fewer are checked, spread over the program.

    ``profile`` is data, names or hooks. A hook is a shell script in the guest that is called as ``do NUMBER 0 FOLDER``
    and must leave its work durable, and as ``check DONE BEGUN FOLDER`` after a crash.
    """

    seed: int
    count: int
    states: int = 0
    limit: int = 0
    profile: str = "data"
    hook: str = ""

    def words(self, target: Target) -> list[str]:
        """Return the arguments that make the program."""
        lacks = [name for name, _ in target.refuses if name in _LACKS]
        words = ["--seed", str(self.seed), "--count", str(self.count), "--profile", self.profile]
        if lacks:
            words += ["--without", ",".join(lacks)]
        return [*words, "--hook", self.hook] if self.hook else words


def run_argv(
    target: Target, plan: CrashPlan, *, disk: str, log: str, layer: str, mountpoint: str, size: int
) -> list[str]:
    """Return the command that records ``plan`` on the first ``size`` MiB of ``disk`` and checks states of it.

    ``log`` takes the writes, ``layer`` what is written above a state; both are block devices of the guest.
    """
    declared = dict(target.refuses)
    slack = _ALL_BLOCKS if "freed_blocks" in declared else _ON_DEMAND_BLOCKS if "fixed_inodes" in declared else 0
    return [
        *("fscrash", "run", "--disk", disk, "--log", log, "--cow", layer, "--size", str(size)),
        *("--type", target.fstype, "--options", ",".join(target.mount_options)),
        *("--mkfs", _shell(target.mkfs), "--fsck", _shell(target.fsck)),
        *("--slack", str(slack), "--states", str(plan.states)),
        *(("--limit", str(plan.limit)) if plan.limit else ()),
        *(word for words in target.harmless for word in ("--harmless", words)),
        *plan.words(target),
        mountpoint,
    ]


def no_journal(target: Target) -> str:
    """Return the target's reason for needing fsck after a crash, or ``""`` where it promises to recover."""
    return next((reason for name, reason in target.refuses if name == NO_JOURNAL), "")


def parse_crashes(text: str) -> CrashReport:
    """Read what ``fscrash run`` printed; raise ``MachineError`` where it did not come to its end."""
    lines = text.splitlines()
    try:
        states = tuple(msgspec.json.decode(line, type=CrashState) for line in lines[:-1])
        summary = msgspec.json.decode(lines[-1], type=CrashSummary)
    except (msgspec.DecodeError, UnicodeError, IndexError) as error:
        raise MachineError(f"fscrash did not come to its end: {lines[-1][:200] if lines else 'no output'}") from error
    if summary.states != len(states) or summary.failures != sum(not state.ok for state in states):
        raise MachineError(f"fscrash checked {summary.states} states and told of {len(states)}")
    return CrashReport(states=states, summary=summary)


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerCut:
    """What ``fscrash verify`` says of a filesystem whose machine was killed in the midst of a program."""

    operation: int
    during: str
    ok: bool
    why: str = ""


def parse_power_cut(text: str) -> PowerCut:
    """Read what ``fscrash verify`` printed; raise ``MachineError`` where it is no answer."""
    try:
        return msgspec.json.decode(text, type=PowerCut)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise MachineError(f"fscrash verified nothing: {text[:200]}") from error


def _shell(words: Sequence[str]) -> str:
    """Return a command for a shell in which ``{device}`` stays as it is."""
    return " ".join(word if word == "{device}" else shlex.quote(word) for word in words)
