"""A case of a run again, with its own module and seed, that waits before one of its guest commands."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from vexlab.cli.again import red_cases, say
from vexlab.cli.errno import recorded
from vexlab.cli.store import opened
from vexlab.config import settings_for
from vexlab.errors import MachineError, UsageError
from vexlab.model.case import CaseResult, RunState
from vexlab.model.event import CaseFinished, CaseHalted, Event, StepStarted
from vexlab.plugin.evidence import COMMANDS, FAILED_HERE, MACHINE
from vexlab.plugin.halt import GO, STOP
from vexlab.plugin.recorder import folder_name
from vexlab.session.execution import execute
from vexlab.tables import suggest

_GIVEN = re.compile(r"(?:([1-9]\d{0,3}):)?([1-9]\d{0,8})")
_MACHINE = re.compile(rf"{MACHINE} (\d+)")
_NUMBERED = re.compile(r"^\s*(\d+) ")


class Waiting:
    """The case that waits: commands run in its guest until this is left, as a context manager."""

    def __init__(self, halted: CaseHalted) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(halted.socket)
        self._lines = self._socket.makefile("rw", encoding="utf-8")

    def exec(self, argv: Sequence[str]) -> Mapping[str, object]:
        """Return what a command in the guest said: ``status``, ``out``, ``error``, or ``lost`` with its machine."""
        json.dump({"argv": list(argv)}, self._lines)
        self._lines.write("\n")
        self._lines.flush()
        line = self._lines.readline()
        if not line:
            raise MachineError("the process that holds the machine is gone")
        answer = json.loads(line)
        return answer if isinstance(answer, dict) else {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()
        self._socket.close()


def go_file(halted: CaseHalted) -> Path:
    """Return the file that lets the case go on when it is made."""
    return Path(halted.socket).with_name(GO)


class Terminal:
    """The three standard streams as they are now; used as a context manager they are so again for a while.

    The session in which cases run has taken them by then (pytest's capture).
    """

    def __init__(self) -> None:
        self._ours = [os.dup(number) for number in range(3)]

    def __enter__(self) -> Self:
        self._theirs = [os.dup(number) for number in range(3)]
        self._streams = (sys.stdin, sys.stdout, sys.stderr)
        for number, ours in enumerate(self._ours):
            os.dup2(ours, number)
        sys.stdin, sys.stdout, sys.stderr = sys.__stdin__, sys.__stdout__, sys.__stderr__
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdin, sys.stdout, sys.stderr = self._streams
        for number, theirs in enumerate(self._theirs):
            os.dup2(theirs, number)
            os.close(theirs)


@dataclass(slots=True)
class Halting:
    """Listens to the run: ``use`` is called with the case when it waits, and the case goes on when that returns."""

    use: Callable[[CaseHalted], None]
    terminal: Terminal = field(default_factory=Terminal)
    halted: bool = False
    error: BaseException | None = None
    cases: list[CaseResult] = field(default_factory=list)

    def take(self, event: Event) -> None:
        """Take an event of the run."""
        if isinstance(event, CaseHalted):
            self.halted = True
            try:
                with self.terminal:
                    say(f"stopped before command {event.number}: {event.words}")
                    self.use(event)
            except Exception as error:  # noqa: BLE001 - told when the case has ended, in run_halted
                self.error = error
            finally:
                with contextlib.suppress(OSError):  # the case has ended, and its machine's folder is gone
                    go_file(event).touch()
        elif isinstance(event, StepStarted):
            say(event.words)
        elif isinstance(event, CaseFinished):
            self.cases.append(event.case)


def run_halted(where: str, given: str, results_dir: str | None, use: Callable[[CaseHalted], None]) -> None:
    """Run the case of ``where`` (RUN/CASE) again until a guest command: ``9``, or ``2:9`` of its second machine.

    Without one it is the command that the case failed in. Raises ``UsageError`` where the run kept no such case, and
    where the case never came to the command.
    """
    name, slash, case_id = where.partition("/")
    if not slash:
        raise UsageError(f"`{where}` names no case", hint="write RUN/CASE, such as `last/kernel_module.load[6.1]`")
    with opened(results_dir) as store:
        run, results = store.load(name), store.folder
    case = next((each for each in run.cases if each.id == case_id), None)
    if case is None:
        red = [each.id for each in red_cases(run)] or [each.id for each in run.cases]
        raise UsageError(f"the run {run.run.id} has no case {case_id}", hint=suggest(case_id, red))
    request = recorded(results, run.run.id, case)
    if request is None:
        raise UsageError(
            f"the run {run.run.id} kept nothing to run a case {case_id} again by",
            hint="`vexlab results show RUN` lists its cases; the evidence of a run stays where it ran",
        )
    evidence = results / run.run.id / "cases" / folder_name(case_id)
    machine, number = _place(given) if given else failing_command(evidence / COMMANDS)
    listening = Halting(use)
    of = f" of its machine {machine}" if machine > 1 else ""
    say(f"running {case_id} again, with the run's own module, until command {number}{of}")
    with _asked(machine, number):
        ended = execute(request, settings_for(request), results / run.run.id / "halted", (listening,))
    if ended.result.run.state is RunState.INTERRUPTED:
        raise KeyboardInterrupt
    if listening.error:
        raise listening.error
    for words in ended.errors:
        say(words)
    if not listening.halted:
        ends = "; ".join(f"{each.verdict.value}: {each.reason[:300] or 'no reason'}" for each in listening.cases)
        raise UsageError(
            f"the case never came to a command {number}{of}: it ended as {ends or 'nothing'}",
            hint=f"{COMMANDS} in {evidence}, and in its folders of machines, has the numbers of what was done",
        )
    for each in listening.cases:
        say(f"the case ended as {each.verdict.value}: {each.reason[:300] or 'no reason'}")


def _place(given: str) -> tuple[int, int]:
    """Return machine and command that ``9`` or ``2:9`` names; raise ``UsageError``."""
    match = _GIVEN.fullmatch(given)
    if not match:
        raise UsageError(f"`{given}` names no command of a case", hint="9, or 2:9 for the second machine")
    return int(match[1] or 1), int(match[2])


def failing_command(file: Path) -> tuple[int, int]:
    """Return the machine and the command in which the case failed; raise ``UsageError`` where that is not known."""
    lines = file.read_text().splitlines() if file.exists() else []
    head = _MACHINE.fullmatch(lines[0]) if lines else None
    last = 0
    for line in lines:
        if line.strip() == FAILED_HERE and last:
            return int(head[1]) if head else 1, last
        if match := _NUMBERED.match(line):
            last = int(match[1])
    raise UsageError(
        "the run did not write down in which command the case failed", hint="--stop-before N names one; 1 is the first"
    )


@contextmanager
def _asked(machine: int, number: int) -> Iterator[None]:
    os.environ[STOP] = f"{machine}:{number}"
    try:
        yield
    finally:
        os.environ.pop(STOP, None)
