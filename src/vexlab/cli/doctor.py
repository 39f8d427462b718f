"""``vexlab doctor``: what this machine can do, and what to do about the rest."""

from __future__ import annotations

import json
import time

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vexlab.cli.options import request_options, settings_from
from vexlab.doctor.check import Check, Examination
from vexlab.errors import InfraError


@click.command(name="doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--fresh", is_flag=True, help="Prove the accelerators anew instead of trusting the last answer.")
@request_options("config")
def command(*, as_json: bool, fresh: bool, config: str | None) -> int:
    """Say what this machine can do, and what to do about the rest.

    Accelerators are proved by booting something. Exit status 0 when vexlab can work here, 3 when something it needs is
    missing; advice alone does not count.
    """
    from vexlab.doctor.examine import examine

    errors = Console(stderr=True, highlight=False)
    with errors.status("") as status:
        found = examine(settings_from(config=config), fresh=fresh, progress=status.update)
    if as_json:
        click.echo(json.dumps(_document(found), indent=2))
    else:
        _print(found)
    return 0 if found.ok else InfraError.exit_code


def _document(found: Examination) -> dict[str, object]:
    return {
        "ok": found.ok,
        "accelerators": {
            name: {"usable": answer.usable, "reason": answer.reason, "proved_s_ago": round(time.time() - answer.at)}
            for name, answer in found.accelerators.items()
        },
        "checks": [
            {
                "name": check.name,
                "ok": check.ok,
                "detail": check.detail,
                "fix": "" if check.ok else check.fix,
                "needed": check.needed,
            }
            for check in found.checks
        ],
    }


def _print(found: Examination) -> None:
    screen = Console(highlight=False)
    accelerators = Table(box=None, pad_edge=False, show_header=False)
    for name, answer in found.accelerators.items():
        mark = Text("usable", style="green") if answer.usable else Text("not usable", style="yellow")
        reason = Text(f"{answer.reason} ({_ago(time.time() - answer.at)})")
        accelerators.add_row(Text(name, style="bold"), mark, reason)
    checks = Table(box=None, pad_edge=False, show_header=False)
    for check in found.checks:
        checks.add_row(_mark(check), check.name, Text(check.detail))
        if not check.ok and check.fix:
            checks.add_row("", "", Text(f"→ {check.fix}", style="bold"))
    screen.print(accelerators)
    screen.print()
    screen.print(checks)
    screen.print()
    if found.ok:
        screen.print("vexlab can work here", style="green")
    else:
        bad = [check.name for check in found.checks if check.needed and not check.ok]
        screen.print(Text(f"vexlab cannot work here yet: {', '.join(bad)}", style="bold red"))


def _mark(check: Check) -> Text:
    if check.ok:
        return Text("ok", style="green")
    return Text("missing", style="bold red") if check.needed else Text("advice", style="yellow")


def _ago(seconds: float) -> str:
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = int(seconds // size)
            return f"proved {count} {unit}{'s' if count > 1 else ''} ago"
    return "proved just now"
