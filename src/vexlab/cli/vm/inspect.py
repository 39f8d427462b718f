"""``vexlab vm status``, ``console`` and ``logs``: looking at machines without touching them."""

from __future__ import annotations

import datetime
import json
import time

import click
from rich.console import Console as Screen
from rich.table import Table
from rich.text import Text

from vexlab.classify import headline
from vexlab.cli.vm.shelf import machines
from vexlab.deadline import Deadline
from vexlab.vm import ssh
from vexlab.vm.console import Console, printable
from vexlab.vm.named import NamedMachines
from vexlab.vm.record import State, Status

_STYLE = {State.RUNNING: "green", State.STARTING: "yellow", State.STOPPED: "dim", State.DIED: "bold red"}
_FOREVER_S = 1e9


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(*, name: str | None, as_json: bool) -> None:
    """Show one machine, or all."""
    shelf = machines()
    rows = [_facts(shelf, shelf.status(each)) for each in ([name] if name else shelf.names())]
    if as_json:
        click.echo(json.dumps(rows[0] if name else rows, indent=2))
    elif name:
        _print_one(rows[0])
    elif rows:
        _print_all(rows)
    else:
        click.echo("no machines; `vexlab vm start NAME` starts one", err=True)


@click.command()
@click.argument("name")
@click.option("--follow", "-f", is_flag=True, help="Go on as the machine prints, until it ends.")
def console(*, name: str, follow: bool) -> None:
    """Print what the machine NAME printed on its console since it started, made safe for a terminal."""
    shelf = machines()
    files = shelf.files(name)
    shelf.record(name)
    log = Console(files.console_log)
    click.echo(printable(log.so_far()), nl=False)
    for _ in Deadline.after(_FOREVER_S if follow else 0).poll(0.05, 0.25):
        alive = shelf.status(name).pid
        click.echo(printable(log.new()), nl=False)
        if not alive:
            return


@click.command()
@click.argument("name")
@click.option("--lines", "-n", type=click.IntRange(1), default=100, show_default=True, help="Last lines of each log.")
@click.option("--previous", is_flag=True, help="The console before the last restart.")
def logs(*, name: str, lines: int, previous: bool) -> None:
    """Print the end of what QEMU and the console of the machine NAME said, whether it runs or not."""
    shelf = machines()
    shelf.record(name)
    folder = shelf.files(name).folder
    console_log = folder / "console.previous.log" if previous else shelf.files(name).console_log
    for title, file in (("QEMU", folder / "qemu.log"), ("console", console_log)):
        said = printable(Console(file).text()).splitlines()[-lines:] if file.exists() else []
        click.echo(f"=== {title}: {file}", err=True)
        for line in said:
            click.echo(line)
        if not said:
            click.echo("(nothing)", err=True)


def _facts(shelf: NamedMachines, status: Status) -> dict[str, object]:
    record, spec = status.record, status.record.spec
    log = Console(shelf.files(record.name).console_log)
    started = datetime.datetime.fromtimestamp(status.since).astimezone().isoformat() if status.since else ""
    words = status.words or (
        "QEMU is gone without a word: killed, or the host went down" * (status.state == State.DIED)
    )
    return {
        "name": record.name,
        "state": str(status.state),
        "pid": status.pid,
        "started": started,
        "uptime_s": round(time.time() - status.since, 1) if status.since else 0.0,
        "kernel": record.kernel,
        "release": record.release,
        "recipe": record.recipe,
        "target": record.target,
        "accelerator": spec.accel,
        "memory_mib": spec.memory,
        "cpus": spec.cpus,
        "network": spec.network,
        "ssh_port": ssh.forwarded_port(spec),
        "vnc_port": spec.vnc_port,
        "folder": str(shelf.files(record.name).folder),
        "disk_bytes": status.disk,
        "kernel_fault": printable(headline(log.text()) or "") if log.size else "",
        "qemu_said": printable(words),
    }


def _print_one(facts: dict[str, object]) -> None:
    width = max(map(len, facts))
    for key, value in facts.items():
        shown = {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
        if shown not in ("", 0, 0.0):
            click.echo(f"{key.replace('_', ' '):{width}}  {shown}")


def _print_all(rows: list[dict[str, object]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("name", "state", "kernel", "memory", "cpus", "ssh", "up"):
        table.add_column(title, justify="right" if title in ("memory", "cpus", "ssh", "up") else "left", no_wrap=True)
    table.add_column("remark", overflow="fold")
    for row in rows:
        table.add_row(
            str(row["name"]),
            Text(str(row["state"]), style=_STYLE[State(str(row["state"]))]),
            str(row["kernel"]),
            f"{row['memory_mib']} MiB",
            str(row["cpus"]),
            str(row["ssh_port"] or ""),
            str(datetime.timedelta(seconds=int(float(str(row["uptime_s"]))))) if row["pid"] else "",
            Text(_remark(row)),
        )
    Screen(highlight=False).print(table)


def _remark(row: dict[str, object]) -> str:
    for key, text in (("kernel_fault", "kernel: {}"), ("qemu_said", "{}"), ("target", "with {}")):
        if row[key]:
            return text.format(str(row[key]).splitlines()[0])
    return ""
