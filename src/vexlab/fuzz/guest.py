"""A machine in which is fuzzed: the filesystem mounted, ``fsfuzz`` running, and what came of it."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from vexlab.errors import EmulatorDied, GuestTimeout, InfraError, MachineError, MachineLost, TargetFailure
from vexlab.fuzz.crash import Mode, wrong_finding
from vexlab.fuzz.memory import last_programs
from vexlab.fuzz.minimise import programs_of
from vexlab.guest.module import FOLDER
from vexlab.lab import SCRATCH, Lab, Order
from vexlab.model.verdict import Finding
from vexlab.plugin.watched import WatchedMachine
from vexlab.probe.bench import Bench
from vexlab.targets.in_tree import why_not_loadable
from vexlab.vm.machine import Machine

PROGRAM = f"{FOLDER}/bin/fsfuzz"
TABLE = "/tmp/calls.table"  # noqa: S108 - in the guest
CORPUS = "/tmp/corpus"  # noqa: S108 - in the guest
_PROGRAMS = "/tmp/programs"  # noqa: S108 - in the guest
THREADS = 3
LIMIT_S = 25  # of one program, which takes a millisecond
_MORE_S = 60.0  # beyond what the program was given: its own watching, and the kernel's last words
_CORPUS_MOST = 4 << 20
_SETTLE_S = 0.5
_DEBUGFS = "mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug"
_NUMBER = re.compile(r"\d+")  # group 0: 412 blocks are free, not 413


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A line of ``fsfuzz``. ``state`` is running, wrong, done, complaint, slow, stuck, killed or failed."""

    state: str
    programs: int
    calls: int
    succeeded: int
    signatures: int
    corpus: int
    ms: float
    cover: int | None = None
    stuck: int = 0
    signal: int = 0
    wrong: str = ""
    program: str = ""
    tail: str = ""  # the programs that ran last


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a round in one machine ended.

    ``findings`` are the kernel's and, of ``wrongs``, ours, each with the program that showed it; ``programs`` are those
    that ran last; ``last`` is the last line that was heard.
    """

    last: Said | None
    findings: tuple[Finding, ...] = ()
    wrongs: tuple[tuple[Finding, str], ...] = ()
    programs: tuple[str, ...] = ()
    corpus: str = ""

    @property
    def all(self) -> tuple[Finding, ...]:
        """All findings."""
        return (*self.findings, *(finding for finding, _ in self.wrongs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one machine is to do. ``corpus`` are programs to begin with; ``seconds`` are the guest's."""

    mode: Mode
    seed: int
    seconds: int
    corpus: str = ""
    blind: bool = False


class Interrupted(Exception):
    """Raised by whoever listens to a round, to end it."""


def order_for(lab: Lab, order: Order) -> Order:
    """Return ``order`` with a disk that its target takes, and with CPUs that run side by side: races are looked for."""
    disk = replace(SCRATCH, size=max(SCRATCH.size, order.target.min_disk))
    return replace(order, disks=(disk,), cpus=max(2, order.cpus), memory=max(order.memory, lab.settings.memory))


class Guest:
    """One machine; use it as a context manager, and no more once anything was found in it."""

    def __init__(self, lab: Lab, order: Order, table: str) -> None:
        self._table = table
        self._order = order
        self._watched: WatchedMachine | None = None
        self._magic = secrets.token_bytes(16)
        loads = not why_not_loadable(order.kernel, order.target)
        self._bench = Bench(lab, order, loads=loads, started=self._watch)
        self._ready = False

    def fuzz(self, asked: Round, heard: Callable[[Said], None] = lambda _: None) -> Ended:
        """Try programs for as long as ``asked``; raises as ``replay``."""
        words = ["run", "--seed", str(asked.seed), "--seconds", str(asked.seconds), "--save", CORPUS]
        if asked.mode is Mode.CALLS:
            words += ["--calls", "--threads", str(THREADS)]
        if asked.blind:
            words.append("--blind")
        if asked.corpus:
            words += ["--corpus", _PROGRAMS]
        return self._go(words, asked.corpus, asked.seconds, heard, keeps=True)

    def replay(self, programs: str, *, times: int, seconds: int) -> Ended:
        """Run ``programs`` so often, or for as long; raise ``InfraError`` for what is the lab's own fault.

        Raises ``TargetFailure`` where the filesystem cannot even be mounted.
        """
        words = ["replay", "--times", str(times), "--seconds", str(seconds), "--threads", str(THREADS), _PROGRAMS]
        return self._go(words, programs, seconds, lambda _: None, keeps=False)

    def keep(self, folder: Path) -> None:
        """Write console and post-mortem to ``folder``."""
        if self._watched:
            self._watched.keep(folder)

    def _watch(self, machine: Machine) -> None:
        self._watched = WatchedMachine(machine, self._bench.order)

    def _go(
        self, words: Sequence[str], programs: str, seconds: int, heard: Callable[[Said], None], *, keeps: bool
    ) -> Ended:
        listening = Listener(heard)
        error: MachineError | None = None
        corpus = ""
        try:
            machine = self._prepared(programs)
            argv = [PROGRAM, *self._common(), *words]
            machine.stream(argv, listening.take, timeout=seconds + LIMIT_S + _MORE_S)
            listening.raise_stuck()
            listening.raise_failed()
            if keeps:
                corpus = _corpus_of(machine)
        except EmulatorDied as died:
            raise InfraError(f"the machine was ended from outside: {died.message}") from died
        except (GuestTimeout, MachineLost) as lost:
            error = lost
        return self._ended(listening, error, corpus)

    def _common(self) -> list[str]:
        point = self._bench.filesystem.mountpoint
        return ["--point", point, "--table", TABLE, "--magic", self._magic.hex(), "--limit", str(LIMIT_S)]

    def _prepared(self, programs: str) -> Machine:
        machine = self._bench.machine
        if not self._ready:
            self._bench.mounted()
            machine.push(self._table.encode(), TABLE)
            machine.ash(_DEBUGFS)  # where KCOV is, if the kernel has it
            self._ready = True
        machine.push(programs.encode(), _PROGRAMS)
        return machine

    def _ended(self, listening: Listener, error: MachineError | None, corpus: str) -> Ended:
        watched = self._watched
        if watched is None:
            raise InfraError("there was no machine")
        last = listening.last
        programs = tuple(programs_of(last.tail)) if last else ()
        if not programs:  # the guest could not tell
            programs = tuple(each.text for each in last_programs(watched.machine, self._magic))
        watched.heard(error)
        if not watched.findings and last is not None and last.state in ("killed", "complaint"):
            watched.last_look(_SETTLE_S)
        return Ended(
            last=last,
            findings=tuple(watched.findings),
            wrongs=tuple(listening.wrongs),
            programs=programs,
            corpus=corpus,
        )

    def finish(self) -> Ended:
        """Unmount, check and unload: what earlier calls have broken may show only then."""
        listening = Listener(lambda _: None)
        watched = self._watched
        if watched is None:
            return Ended(last=None)
        try:
            self._bench.unmounted()
            if self._order.target.fsck:
                result = self._bench.filesystem.fsck()
                if not result.ok:
                    words = _NUMBER.sub("N", next(iter(result.said.splitlines()), ""))
                    listening.wrongs.append((wrong_finding(f"fsck finds the filesystem inconsistent: {words}"), ""))
            watched.last_look(_SETTLE_S)
        except EmulatorDied as died:
            raise InfraError(f"the machine was ended from outside: {died.message}") from died
        except (GuestTimeout, MachineLost) as error:
            watched.heard(error)
        except TargetFailure as failure:
            watched.heard(None)
            if not watched.findings:
                listening.wrongs.append((wrong_finding(str(failure).partition("\n")[0]), ""))
        return Ended(last=None, findings=tuple(watched.findings), wrongs=tuple(listening.wrongs))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bench.__exit__(kind, error, trace)


def _corpus_of(machine: Machine) -> str:
    with contextlib.suppress(MachineError):
        return machine.pull(CORPUS, most=_CORPUS_MOST).decode("ascii", errors="replace")
    return ""


class Listener:
    """Reads the lines of ``fsfuzz`` as they come; what is no line of its own is left out."""

    def __init__(self, heard: Callable[[Said], None]) -> None:
        self._heard = heard
        self._rest = b""
        self.last: Said | None = None
        self.wrongs: list[tuple[Finding, str]] = []

    def take(self, stream: int, data: bytes) -> None:
        """Take a piece of output."""
        if stream != 1:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            with contextlib.suppress(msgspec.MsgspecError, UnicodeError):
                self._take(msgspec.json.decode(line, type=Said))

    def _take(self, said: Said) -> None:
        self.last = said
        if said.wrong:
            self.wrongs.append((wrong_finding(said.wrong), said.program))
        self._heard(said)

    def raise_stuck(self) -> None:
        """Raise what a hang amounts to: a process that could not even be killed."""
        if self.last and self.last.stuck:
            raise GuestTimeout(
                f"a call did not end within {LIMIT_S} s, and its process cannot be killed",
                command="fsfuzz",
                pid=self.last.stuck,
                seconds=LIMIT_S,
            )

    def raise_failed(self) -> None:
        """Raise what says that ``fsfuzz`` did nothing: a round without a program must not look like a quiet one."""
        if self.last is None or self.last.state == "failed":
            raise InfraError(
                "fsfuzz did not take its programs, or could not begin",
                hint="a corpus of another version is left out by removing the campaign's corpus.txt",
            )
