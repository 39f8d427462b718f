"""The monitor's screen as a pure function: what a run does now, in any size of terminal.

What comes from guests is shown as plain text without control characters; it is never read as markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from vexlab.live.host import HostUse, MachineUse
from vexlab.live.state import LiveMachine, LiveRun, RunningCase
from vexlab.model.verdict import Verdict
from vexlab.report.content import headline, one_line
from vexlab.vm.console import printable

_STYLE = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "red",
    Verdict.CRASHED: "bold red",
    Verdict.SKIPPED: "yellow",
    Verdict.BLOCKED: "yellow",
    Verdict.ERROR: "magenta",
    Verdict.UNDECIDED: "magenta",
}
_BAR = 16
_LOW = 0.1  # of memory or disk that is free
_KEYS = "q detach · ↑↓ choose a machine · + - console · p pause"
_ROWS_LEAST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is shown beside the run: what the host says, which machine is chosen, how much of its console."""

    now: float
    height: int = 24
    host: HostUse | None = None
    uses: Mapping[str, MachineUse] = field(default_factory=dict)
    left_s: float | None = None
    chosen: str = ""
    console: str = ""
    console_rows: int = 8
    slow: frozenset[str] = frozenset()
    paused: bool = False
    alive: bool = True


def render(run: LiveRun, view: View) -> RenderableType:
    """Return the screen."""
    machines = _rows(run)
    room = view.height - 6 - len(machines) - 1
    rows = max(0, min(view.console_rows, room - _ROWS_LEAST)) if view.chosen else 0
    findings = max(1, room - (rows + 2 if rows else 0))
    parts: list[RenderableType] = [_head(run, view), _progress(run, view), _machines(machines, view)]
    parts.append(_found(run, findings))
    if rows:
        parts.append(_console(view, rows))
    parts += [_host(view), Text(_KEYS if not view.paused else f"PAUSED · {_KEYS}", style="dim")]
    return Group(*parts)


def duration(seconds: float) -> str:
    """Return a length of time for people: ``42 s``, ``3 min 20 s``, ``2 h 5 min``, ``3 d 4 h``."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def _head(run: LiveRun, view: View) -> Text:
    info = run.run
    if info is None:
        return Text("no event yet", style="dim")
    words = Text(no_wrap=True, overflow="ellipsis")
    words.append(one_line(info.target), style="bold")
    words.append(f" on kernel {', '.join(info.kernels)} ({info.accelerator}), run {info.id}, ")
    if run.end:
        head = headline(run.end.result)
        style = "green" if head.word == "PASSED" else "bold red"
        words.append(f"{head}", style=style)
    elif not view.alive:
        words.append("its process is gone", style="bold red")
    else:
        words.append(f"since {duration(view.now - run.started)}")
    return words


def _progress(run: LiveRun, view: View) -> Text:
    done, total = sum(run.counts.values()), run.total
    words = Text(no_wrap=True, overflow="ellipsis")
    if not run.planned:
        return words.append(one_line(run.preparing) or "preparing", style="cyan")
    full = int(_BAR * done / total) if total else 0
    words.append("━" * full, style="green").append("━" * (_BAR - full), style="dim").append(f" {done}/{total}")
    if view.left_s is not None and not run.over and view.alive:
        words.append(f" · about {duration(view.left_s)} left")
    for verdict, style in _STYLE.items():
        if run.counts[verdict]:
            words.append(" · ").append(f"{run.counts[verdict]} {verdict.value}", style=style)
    return words


def _rows(run: LiveRun) -> Sequence[tuple[LiveMachine | None, RunningCase | None]]:
    """Return the machines with their cases, then the cases that have none just now."""
    found: list[tuple[LiveMachine | None, RunningCase | None]] = [
        (machine, run.case_of(machine)) for machine in run.machines.values()
    ]
    have = {machine.node for machine in run.machines.values()}
    return [*found, *((None, case) for node, case in run.running.items() if node not in have)]


def _machines(rows: Iterable[tuple[LiveMachine | None, RunningCase | None]], view: View) -> Table:
    table = Table(box=None, pad_edge=False, expand=True, header_style="dim")
    for name, right, ratio in (("machine", False, 0), ("case", False, 3), ("step", False, 2)):
        table.add_column(name, justify="right" if right else "left", no_wrap=True, ratio=ratio or None)
    for name in ("seconds", "CPU %", "MiB"):
        table.add_column(name, justify="right", no_wrap=True)
    for machine, case in rows:
        use = view.uses.get(machine.name) if machine else None
        slow = case is not None and case.node in view.slow
        mark = "▶ " if machine and machine.name == view.chosen else "  "
        table.add_row(
            Text(mark + (machine.name if machine else "-")),
            Text(one_line(case.id) if case else "-"),
            Text(_step(machine, case), style="dim"),
            Text(f"{view.now - case.since:.0f}" if case else "", style="bold yellow" if slow else ""),
            Text(f"{use.cpu:.0f}" if use else ""),
            Text(f"{use.memory >> 20}" if use else ""),
            style="bold" if mark.strip() else "",
        )
    return table


def _step(machine: LiveMachine | None, case: RunningCase | None) -> str:
    if case and case.step:
        return one_line(case.step)
    return "runs" if machine else "no machine"


def _found(run: LiveRun, rows: int) -> Table:
    table = Table(box=None, pad_edge=False, expand=True, show_header=False)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    lines = [
        Text.assemble(
            ("finding ", "bold red"), (one_line(each.finding.title), "red"), (f"  {one_line(each.case)}", "dim")
        )
        for each in run.findings
    ]
    told = {each.case for each in run.findings}
    lines += [
        Text.assemble((f"{case.verdict.value} ", _STYLE[case.verdict]), f"{one_line(case.id)}: {one_line(case.reason)}")
        for case in run.ended
        if case.verdict in (Verdict.FAILED, Verdict.CRASHED, Verdict.ERROR) and case.id not in told
    ]
    if not lines:
        table.add_row(Text("nothing found so far", style="dim"))
    for line in lines[-rows:]:
        table.add_row(line)
    return table


def _console(view: View, rows: int) -> Panel:
    lines = printable(view.console).splitlines()[-rows:]
    words = Text("\n".join(line[:500].expandtabs(8) for line in lines), no_wrap=True, overflow="crop")
    title = Text(f"console of {view.chosen}")
    return Panel(words, title=title, title_align="left", border_style="dim", height=rows + 2, padding=(0, 1))


def _host(view: View) -> Text:
    host = view.host
    if host is None:
        return Text("")
    words = Text(no_wrap=True, overflow="ellipsis")
    words.append(f"host: CPU {host.cpu:.0f} % of {host.cores}, load {host.load:.1f}")
    words.append(" · ").append(
        f"memory {_gib(host.memory_free)} of {_gib(host.memory)} GiB free", style=_low(host.memory_free, host.memory)
    )
    words.append(" · ").append(
        f"disk {_gib(host.disk_free)} of {_gib(host.disk)} GiB free", style=_low(host.disk_free, host.disk)
    )
    rates = f"disk ↓{host.disk_read / 1e6:.1f} ↑{host.disk_written / 1e6:.1f} MB/s"
    return words.append(f" · {rates} · net ↓{host.received / 1e6:.1f} ↑{host.sent / 1e6:.1f} MB/s")


def _low(free: int, of: int) -> str:
    return "bold red" if of and free / of < _LOW else ""


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.1f}"
