"""One machine of a case, and what was heard of it. What any source said stays said: findings are only added."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from vexlab.classify import classify
from vexlab.classify.hang import hang, lost, pids_in, silent, unanswered
from vexlab.deadline import Deadline
from vexlab.errors import (
    AgentError,
    DiskFault,
    EmulatorDied,
    GuestTimeout,
    HangAgain,
    InfraError,
    MachineError,
    MachineLost,
    OddAnswer,
)
from vexlab.guest.module import NOTE_SECTIONS
from vexlab.lab import Order
from vexlab.model.report import Report, Severity
from vexlab.model.verdict import Finding, Source
from vexlab.observe.kernelmemory import read_log, read_taint
from vexlab.observe.postmortem import PostMortem, TwoLooks, examine, look_twice
from vexlab.observe.taint import bad_taints
from vexlab.plugin.findings import finding_of
from vexlab.plugin.observers import observe
from vexlab.vm.machine import Machine

T = TypeVar("T")

_RANK = (Severity.WARNING, Severity.CRASH, Severity.FATAL)
_ASK_S = 5.0  # an agent answers in milliseconds
_PING_S = 8.0
_UNLOAD_S = 20.0
_TICK_S = 0.1
_UNLOAD = f"""
grep -q "^$1 " /proc/modules || exit 0
[ ! -e /sys/kernel/debug/kmemleak ] || {NOTE_SECTIONS}
exec rmmod "$1"
"""


class WatchedMachine:
    """A machine while a case runs in it.

    ``ended`` tells that nobody is left in it to answer; ``remark`` is what was seen that is no finding.
    ``examine_memory`` looks into the memory of a machine whose kernel crashed, when its evidence is kept in a folder.
    """

    def __init__(self, machine: Machine, order: Order) -> None:
        self.machine = machine
        self.order = order
        self.ended = False
        self._modules = (order.target.module,)
        self._console: dict[int, Finding] = {}  # by the line at which a report begins: it may still grow
        self._others: list[Finding] = []
        self._asked: list[tuple[int, int]] = []  # what our own questions made the kernel print, as offsets
        self._post_mortems: list[PostMortem] = []
        machine.before_kill = self.read
        self.examine_memory: Callable[[Machine, Order, Path], str] | None = None
        self.remark = ""
        self.failed_after = 0  # how many commands had begun when the case failed
        self.metrics: dict[str, float] = {}  # of the observers, and what each cost
        self._taint = read_taint(machine) or 0  # of the booted system, before anything of the target runs

    @property
    def findings(self) -> list[Finding]:
        """Everything found so far."""
        return [*self._console.values(), *self._others]

    def read(self) -> None:
        """Read the console, and the taint flags, which tell also of what the console does not."""
        self._read_console()
        taint = read_taint(self.machine)
        if taint is not None:
            self._read_taint(taint)

    def heard(self, error: BaseException | None) -> None:
        """Take note of how a step of the case ended, and look closer where the machine may be stuck or dead."""
        examined = bool(self._post_mortems)
        if error is not None and not self.failed_after:
            self.failed_after = self.machine.transcript.count
        if isinstance(error, GuestTimeout) and not self.ended:
            self._check_running()
            self._ask_stuck(error)
        elif isinstance(error, MachineLost):
            self.ended = True
        self.read()
        if isinstance(error, MachineLost) and not isinstance(error, (EmulatorDied, HangAgain)) and not self.findings:
            self._others.append(lost(str(error)))
        if self.findings and not examined and not self._post_mortems:
            self._ask(lambda: self._post_mortems.append(examine(self.machine)))

    def last_look(self, settle_s: float) -> None:
        """Look once more before the machine is let go: bounded in time, whatever state it is in.

        The module is unloaded where nothing uses it, work that it left behind gets ``settle_s`` seconds of the
        machine's own time, and it must answer. Raises what says that the lab is at fault.
        """
        if not self.ended and self._worst() in (None, Severity.WARNING):
            try:
                self._let_go(settle_s)
                self._observe()
            except EmulatorDied:
                raise
            except (GuestTimeout, MachineLost) as error:
                self.heard(error)
                if not self.findings:  # it is slow, and nothing is stuck
                    raise
        self.heard(None)

    def _let_go(self, settle_s: float) -> None:
        self._ping()
        self.machine.ash(_UNLOAD, *self._modules, timeout=_UNLOAD_S)
        if settle_s:
            for _ in Deadline.after(settle_s, self.machine.clock).poll(_TICK_S, _TICK_S):
                pass
        self._ping()

    def _observe(self) -> None:
        """Ask the observers, where nothing is known to be wrong: after a report lockdep and kmemleak may be off."""
        self.read()
        if self.findings:
            return
        if seen := self.ask(lambda machine: observe(machine, self.order)):
            self._others += seen.findings
            self.metrics |= seen.metrics

    def ask(self, question: Callable[[Machine], T]) -> T | None:
        """Return the answer to a question of ours, ``None`` where the machine gives none; no finding comes of it."""
        answers: list[T] = []
        self._ask(lambda: answers.append(question(self.machine)))
        return answers[0] if answers else None

    def _ping(self) -> None:
        try:
            self.machine.ping(_PING_S)
        except AgentError as error:
            raise OddAnswer(f"the guest agent refuses to give a sign of life: {error.message}") from error

    def keep(self, folder: Path) -> None:
        """Write console and post-mortem to ``folder``; raises ``OSError``."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.machine.console.file.exists():
            (folder / "console.log").write_text(self.machine.console.text())
        text = "\n== asked again ==\n".join(map(str, self._post_mortems))
        if self.examine_memory and self.machine.alive and self._worst() in (Severity.CRASH, Severity.FATAL):
            text += self.examine_memory(self.machine, self.order, folder)
        if text:
            (folder / "postmortem.txt").write_text(text, errors="replace")

    def _worst(self) -> Severity | None:
        severities = {finding.severity for finding in self.findings}
        return next((severity for severity in reversed(_RANK) if severity in severities), None)

    def _read_console(self) -> None:
        self._console = merged(self._console, classify(self._own_words(), target_modules=self._modules))

    def _own_words(self) -> str:
        """Return the console less what our own questions made the kernel print."""
        console = self.machine.console
        if not self._asked:
            return console.text() if console.size else ""
        starts = [0, *(end for _, end in self._asked)]
        ends = [*(start for start, _ in self._asked), console.size]
        return "\n".join(console.text(start, end) for start, end in zip(starts, ends, strict=True))

    def _read_taint(self, value: int) -> None:
        """Judge flags that were not set when the machine came up, where the console does not account for them."""
        new = bad_taints(value & ~self._taint)
        if not new:
            return
        self._taint |= value
        worst = max((severity for _, severity in new), key=_RANK.index)
        known = self._worst()
        if known is not None and _RANK.index(known) >= _RANK.index(worst):
            return
        self._read_log()
        known = self._worst()
        if known is None or _RANK.index(known) < _RANK.index(worst):
            text = f"/proc/sys/kernel/tainted is {value}, and the console is silent about it"
            self._others += [
                Finding(
                    title=f"kernel tainted: {meaning}", type="TAINT", severity=severity, text=text, source=Source.TAINT
                )
                for meaning, severity in new
            ]

    def _read_log(self) -> None:
        """Add what the kernel wrote into its log and not on its console."""
        told = {finding.title for finding in self.findings}
        reports = classify(self._kernel_log(), target_modules=self._modules)
        self._others += [finding_of(report, Source.KERNEL_LOG) for report in reports if report.title not in told]

    def _kernel_log(self) -> str:
        """Return the log of a kernel whose console is silent: asked of the guest, else read from its memory."""
        if not self.ended:
            with contextlib.suppress(MachineError):
                result = self.machine.ash("dmesg", timeout=_ASK_S)
                if result.ok and result.text:
                    return result.text
        return read_log(self.machine)

    def _check_running(self) -> None:
        """Raise where it is not the guest that stands still, but QEMU, or where QEMU was told to stop the guest."""
        try:
            status = self.machine.qmp.command("query-status", timeout=_ASK_S)["status"]
        except MachineLost:
            return
        except MachineError as error:
            self.ended = True
            raise InfraError(f"QEMU itself does not answer: {error.message}", hint="was it stopped?") from error
        if status == "io-error":
            self.ended = True
            raise DiskFault("the host could not read or write a disk of the guest, which stands still since")
        if status != "running":
            self.ended = True
            raise InfraError(f"the guest does not run: QEMU says {status}; did the case stop it?")

    def _ask_stuck(self, error: GuestTimeout) -> None:
        looks: list[TwoLooks] = []
        self._ask(lambda: looks.append(look_twice(self.machine, error.pid, pids_in)))
        if not looks:
            return
        look = looks[0]
        self._post_mortems += [look.first] if look.second is look.first else [look.first, look.second]
        self.ended = not look.answers
        command = error.command or "a question to the guest's agent"
        found = hang(
            command,
            round(error.seconds, 1),
            look.second.backtraces,
            earlier=look.first.backtraces,
            moving=look.moving,
            target_modules=self._modules,
        )
        if found is None and self.ended:
            backtraces = look.second.backtraces.strip()
            found = unanswered(backtraces) if backtraces else silent(command, error.seconds, "", look.second.registers)
            self._read_log()
        if found:
            self._others.append(found)
        else:
            self.remark = "no task in the guest is stuck in the kernel, so the program itself is slow"

    def stuck_in(self) -> str:
        """Return the function of the module, or the kernel's, in which a task is stuck right now; ``""`` for none."""
        machine, looks = self.machine, list[TwoLooks]()
        of_the_case = machine.watch, machine.last_command, machine.asked_at
        self._ask(lambda: looks.append(look_twice(machine, 0, pids_in)))
        machine.watch, machine.last_command, machine.asked_at = of_the_case
        if not looks:
            return ""
        earlier, now = looks[0].first.backtraces, looks[0].second.backtraces
        self._post_mortems += [looks[0].second]
        found = hang("", 0, now, earlier=earlier, moving=looks[0].moving, target_modules=self._modules)
        return found.frame if found else ""

    def _ask(self, question: Callable[[], None]) -> None:
        """Ask the kernel something that makes it print, and leave that out of what it said by itself."""
        self._read_console()
        start = self.machine.console.size
        with contextlib.suppress(MachineError), self.machine.transcript.paused():
            question()
        self._asked.append((start, self.machine.console.size))


def merged(earlier: dict[int, Finding], reports: Iterable[Report]) -> dict[int, Finding]:
    """Return the findings of a console that was read again: a report may have grown, none is lost."""
    found = {report.first_line: finding_of(report) for report in reports}
    titles = {finding.title for finding in found.values()}
    kept = {line: finding for line, finding in earlier.items() if line not in found and finding.title not in titles}
    return dict(sorted({**found, **kept}.items()))
