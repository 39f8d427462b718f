"""``vexlab doctor``: what this machine can do, and what to do about the rest."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vexlab.cache import Cache
from vexlab.cli.options import request_options, settings_from
from vexlab.config import Settings, cache_dir
from vexlab.doctor import avocado
from vexlab.doctor.check import Check, Examination
from vexlab.errors import InfraError, UsageError
from vexlab.fuzz import syzkaller
from vexlab.fuzz.header import interface_of
from vexlab.live.host import HostWatch
from vexlab.suites import find_suite, given_place
from vexlab.suites.adapter import Search
from vexlab.targets.load import find_target

_WATCH_S = 2.0
_PURPOSES = ("kernels", "trace")  # of vexlab.doctor.examine, which takes long to import
_SYZKALLER = "syzkaller"
_AVOCADO = "avocado"


@click.command(name="doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--fresh", is_flag=True, help="Prove the accelerators anew instead of trusting the last answer.")
@click.option("--watch", is_flag=True, help="Show the host's resources, again and again, until Ctrl-C.")
@click.option(
    "--for",
    "wanted",
    metavar="NAME",
    help="`kernels`, `trace`: also what building kernels or tracing needs; `syzkaller`: whether yours is fit for the "
    "target; `avocado`: whether it knows vexlab; else only what a suite of others wants (`vexlab suites list`).",
)
@request_options("target", "config", "suite_tree")
def command(
    *,
    as_json: bool,
    fresh: bool,
    watch: bool,
    wanted: str | None,
    target: str,
    config: str | None,
    suite_tree: str | None,
) -> int:
    """Say what this machine can do, and what to do about the rest.

    Accelerators are proved by booting something. Exit status 0 when vexlab can work here, 3 when something it needs is
    missing; advice alone does not count.
    """
    from vexlab.doctor.examine import examine

    if watch:
        _watch(Path(settings_from(config=config).results.folder))
        return 0
    if wanted == _SYZKALLER:
        return _say_checks(_syzkaller(settings_from(config=config), target), as_json=as_json)
    if wanted == _AVOCADO:
        return _say_checks(avocado.look(cache_dir(settings_from(config=config))), as_json=as_json)
    if wanted and wanted not in _PURPOSES:
        return _say_suite(wanted, settings_from(config=config), suite_tree or "", as_json=as_json)
    errors = Console(stderr=True, highlight=False)
    with errors.status("") as status:
        settings = settings_from(config=config)
        found = examine(settings, fresh=fresh, progress=status.update, purposes=(wanted,) if wanted else ())
    if as_json:
        click.echo(json.dumps(_document(found), indent=2))
    else:
        _print(found)
    return 0 if found.ok else InfraError.exit_code


def _watch(results: Path) -> None:
    """Print a line on the host every two seconds; ``results`` names the disk that is looked at."""
    place = next(each for each in (results.absolute(), *results.absolute().parents) if each.exists())
    host = HostWatch(place)
    click.echo(
        f"{'time':8}  {'CPU %':>5} {'load':>5}  {'memory free':>12}  {'swap used':>9}  {'disk free':>9}  disk MB/s"
    )
    while True:
        time.sleep(_WATCH_S)
        now = host.look()
        sizes = (now.memory_free, now.swap_used, now.disk_free)
        memory, swap, disk = (f"{size / (1 << 30):.1f} GiB" for size in sizes)
        rates = f"{now.disk_read / 1e6:.1f} read, {now.disk_written / 1e6:.1f} written"
        click.echo(
            f"{time.strftime('%H:%M:%S')}  {now.cpu:5.0f} {now.load:5.1f}  {memory:>12}  {swap:>9}  {disk:>9}  {rates}"
        )


def _say_suite(name: str, settings: Settings, tree: str, *, as_json: bool) -> int:
    suite = find_suite(name)
    cache = Cache(cache_dir(settings))
    try:
        found = suite.find(Search(given=given_place(name, tree, settings.suites), cache=cache))
        check = Check(name=name, ok=True, detail=f"{found.place} ({found.version})")
    except UsageError as error:
        check = Check(name=name, ok=False, detail=error.message, fix=error.hint)
    return _say_checks([check], as_json=as_json)


def _syzkaller(settings: Settings, target: str) -> list[Check]:
    """Return whether the user's syzkaller is there, of one revision, and knows the target's calls."""
    try:
        found = syzkaller.examine(syzkaller.place_of(settings), interface_of(find_target(target), settings.sandbox))
    except UsageError as error:
        return [Check(name=_SYZKALLER, ok=False, detail=error.message, fix=error.hint)]
    detail = f"{found.place} (revision {found.revision[:12] or 'not told'})"
    wrong = [Check(name=_SYZKALLER, ok=False, detail=words) for words in found.wrong]
    return wrong or [Check(name=_SYZKALLER, ok=True, detail=detail)]


def _say_checks(checks: Sequence[Check], *, as_json: bool) -> int:
    ok = all(check.ok for check in checks if check.needed)
    if as_json:
        click.echo(json.dumps({"ok": ok, "checks": [_check(check) for check in checks]}, indent=2))
        return 0 if ok else InfraError.exit_code
    screen = Console(highlight=False)
    for check in checks:
        screen.print(_mark(check), check.name, Text(check.detail))
        if not check.ok and check.fix:
            screen.print(Text(f"→ {check.fix}", style="bold"))
    return 0 if ok else InfraError.exit_code


def _document(found: Examination) -> dict[str, object]:
    return {
        "ok": found.ok,
        "accelerators": {
            name: {"usable": answer.usable, "reason": answer.reason, "proved_s_ago": round(time.time() - answer.at)}
            for name, answer in found.accelerators.items()
        },
        "checks": [_check(check) for check in found.checks],
    }


def _check(check: Check) -> dict[str, object]:
    return {
        "name": check.name,
        "ok": check.ok,
        "detail": check.detail,
        "fix": "" if check.ok else check.fix,
        "needed": check.needed,
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
