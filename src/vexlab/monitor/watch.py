"""The monitor: follows a run's journal and draws it again and again, until the run ends or somebody detaches.

rich, which the terminal of ``vexlab run`` uses, too, draws it. The screen is one page of tables with five keys, for
which a framework of widgets would be a dependency more; a terminal of 80 columns over ssh is enough for it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from rich.console import Console
from rich.live import Live

from vexlab.live.attach import Attached
from vexlab.live.estimate import history_of, remaining_s, slow_cases
from vexlab.live.host import HostUse, HostWatch, MachineUse, MachineWatch, console_tail
from vexlab.live.state import LiveRun
from vexlab.model.event import (
    CaseFinished,
    CaseStarted,
    CaseStep,
    Event,
    FindingSeen,
    MachineChanged,
    RunFinished,
    RunPlanned,
    RunStarted,
    StepStarted,
    Warned,
)
from vexlab.monitor.keys import Keys
from vexlab.monitor.screen import View, render
from vexlab.report.content import headline, one_line
from vexlab.results.journal import Entry, Reader
from vexlab.results.store import Store

_DRAW_S = 0.5
_LOOK_S = 2.0  # at processes and the host
_MOST_ROWS = 60


class Monitor:
    """What is shown of a run, and what the keys change of that."""

    def __init__(self, store: Store, attached: Attached) -> None:
        self._store = store
        self._attached = attached
        self._reader = Reader(attached.file)
        self._history = history_of(store, attached.run)
        self._host = HostWatch(store.folder)
        self._machines = MachineWatch()
        self._looked = 0.0
        self._use: HostUse | None = None
        self._uses: dict[str, MachineUse] = {}
        self._chosen = 0
        self._rows = 8
        self._paused = False
        self.alive = True
        self.run = LiveRun()

    def watch(self, screen: Console) -> None:
        """Draw until the run ends, its process does, or ``q`` is pressed."""
        with Keys(sys.stdin.fileno()) as keys, Live(console=screen, screen=True, auto_refresh=False) as live:
            while True:
                self._read()
                if not self._paused:
                    live.update(render(self.run, self._view(screen.height)), refresh=True)
                if self.run.over or not self.alive:
                    break
                key = keys.wait(_DRAW_S)
                if key in ("q", "\x03", "\x04"):
                    return
                self.press(key)

    def press(self, key: str) -> None:
        """Do what a key asks for."""
        match key:
            case "up":
                self._chosen -= 1
            case "down":
                self._chosen += 1
            case "+":
                self._rows = min(_MOST_ROWS, self._rows + 4)
            case "-":
                self._rows = max(0, self._rows - 4)
            case "p":
                self._paused = not self._paused

    def _read(self) -> None:
        alive = self._store.is_running(self._attached.run.id)
        for entry in self._reader.new():
            self.run.take(entry)
        self.alive = alive

    def _view(self, height: int) -> View:
        now = time.time()
        machines = list(self.run.machines.values())
        if time.monotonic() - self._looked > _LOOK_S:
            self._looked = time.monotonic()
            self._use = self._host.look()
            found = {each.name: self._machines.look(each.pid, each.console) for each in machines}
            self._uses = {name: use for name, use in found.items() if use}
        self._chosen = max(0, min(self._chosen, len(machines) - 1))
        chosen = machines[self._chosen] if machines else None
        return View(
            now=now,
            height=height,
            host=self._use,
            uses=self._uses,
            left_s=remaining_s(self.run, self._history, now),
            chosen=chosen.name if chosen else "",
            console=console_tail(chosen.console) if chosen else "",
            console_rows=self._rows,
            slow=frozenset(slow_cases(self.run, self._history, now)),
            paused=self._paused,
            alive=self.alive,
        )


def plain_lines(found: Iterator[Entry]) -> Iterator[str]:
    """Yield a line for each event that says something, for a screen that is no terminal."""
    for entry in found:
        if words := _words(entry.event):
            yield f"{time.strftime('%H:%M:%S', time.localtime(entry.at))}  {words}"


def _words(event: Event) -> str:
    match event:
        case StepStarted() | Warned():
            return one_line(event.words)
        case RunStarted():
            return f"{event.run.target} on kernel {', '.join(event.run.kernels)}, run {event.run.id}"
        case RunPlanned():
            return f"{len(event.plan.cases)} cases"
        case CaseStarted():
            return f"started   {one_line(str(event.key or event.node))}"
        case CaseStep():
            return f"step      {one_line(event.words)}"
        case FindingSeen():
            return f"finding   {one_line(event.finding.title)}"
        case MachineChanged():
            return f"machine   {event.machine} {event.state.value}"
        case CaseFinished():
            why = f": {one_line(event.case.reason)}" if event.case.reason else ""
            return f"{event.case.verdict.value:9} {one_line(event.case.id)} ({event.case.duration_s:.1f} s){why}"
        case RunFinished():
            return str(headline(event.result))
    return ""
