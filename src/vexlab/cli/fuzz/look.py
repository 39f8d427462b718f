"""``vexlab fuzz status|report|repro|stop``: campaigns looked at, crashes tried again."""

from __future__ import annotations

import json
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vexlab.cli.fuzz.campaigns import line_of, made_order, retry_of, say, table_of
from vexlab.cli.options import request_of, request_options
from vexlab.cli.store import place_of
from vexlab.config import load_settings, settings_for
from vexlab.errors import UsageError
from vexlab.fuzz.crash import Crash, Mode
from vexlab.fuzz.folder import Folder, State, campaigns, find_campaign, shown_rate
from vexlab.lab import Lab
from vexlab.report.terminal import printable
from vexlab.tables import suggest
from vexlab.targets.load import find_target

_results = click.option("--results", "results_dir", metavar="DIR", help="Results folder with the campaigns.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _place(results_dir: str | None) -> Path:
    return place_of(results_dir, load_settings(None))[0]


@click.command()
@_results
@_json
def status(*, results_dir: str | None, as_json: bool) -> int:
    """Show the campaigns: how far each has come, and whether somebody works on it."""
    found = [(folder, state) for folder in campaigns(_place(results_dir)) if (state := folder.state())]
    if as_json:
        click.echo(json.dumps([_document(folder, state) for folder, state in found], indent=2))
        return 0
    table = Table(box=None, pad_edge=False)
    for heading in ("campaign", "state", "time", "programs", "a second", "calls", "crashes"):
        table.add_column(heading)
    for folder, state in found:
        table.add_row(
            escape(folder.name),
            "running" if folder.running() else "ended",
            f"{state.seconds:.0f} s",
            str(state.programs),
            shown_rate(_rate(state)),
            str(state.calls),
            str(len(folder.crashes())),
        )
    Console(highlight=False).print(table)
    return 0


def _rate(state: State) -> float:
    return state.programs / state.guest_seconds if state.guest_seconds else 0.0


def _document(folder: Folder, state: State) -> dict[str, object]:
    return {
        "campaign": folder.name,
        "folder": str(folder.path),
        "running": folder.running(),
        "programs_per_second": round(_rate(state), 1),
        **msgspec.to_builtins(state),
        "crashes": [msgspec.to_builtins(crash) for crash in folder.crashes()],
    }


@click.command()
@click.argument("campaign", default="")
@_results
@_json
def report(*, campaign: str, results_dir: str | None, as_json: bool) -> int:
    """Tell what CAMPAIGN has found, by default the last one, and how it went over time.

    Exit status 1 where it has found anything.
    """
    folder = find_campaign(_place(results_dir), campaign)
    state = folder.state()
    if state is None:
        raise UsageError(f"{folder.path} holds no campaign")
    crashes = folder.crashes()
    if as_json:
        lines = [msgspec.to_builtins(line) for line in folder.logged()]
        click.echo(json.dumps({**_document(folder, state), "rounds_log": lines}, indent=2))
        return 1 if crashes else 0
    asked = state.asked
    click.echo(f"{asked.mode} of {asked.target} on kernel {asked.kernel}{', blind' if asked.blind else ''}")
    rounds = "1 round" if state.rounds == 1 else f"{state.rounds} rounds"
    click.echo(
        f"{state.seconds:.0f} s, {rounds}, {state.programs} programs ({shown_rate(_rate(state))} a second)"
        f"{f', {state.calls} calls, of which {state.succeeded} worked' if state.calls else ''}"
    )
    for line in folder.logged():
        cover = f", {line.cover} places" if line.cover is not None else ""
        titles = "".join(f"; {title}" for title in line.titles)
        click.echo(
            printable(f"{line.at:8.0f} s  {line.programs:7} programs, {line.signatures} signatures{cover}{titles}")
        )
    for crash in crashes:
        click.echo(printable(line_of(crash)))
        click.echo(f"    {folder.place(crash)}")
    return 1 if crashes else 0


@click.command()
@click.argument("crash", default="")
@click.option("--campaign", default="", metavar="NAME", help="The campaign (default: the last one).")
@click.option("--times", type=click.IntRange(1, 1000), default=5, show_default=True, help="In so many fresh machines.")
@_results
@request_options("target", "config", "accel", "memory", "cpus", "sandbox")
def repro(*, crash: str, campaign: str, times: int, results_dir: str | None, **given: object) -> int:
    """Try CRASH again, by default a campaign's first: its folder, or words of its title.

    Exit status: 1 it was shown again, 0 it was not.
    """
    folder, found = _chosen(crash, campaign, results_dir)
    state = folder.state()
    if state is None:
        raise UsageError(f"{folder.path} holds no campaign")
    request = request_of({**given, "build_args": state.asked.build_args, "kernels": (state.asked.kernel,)})
    settings = settings_for(request)
    target = find_target(request.target, build_args=request.build_args)
    program = folder.program(found)
    if not program:
        raise UsageError(f"no program is known that shows it: {found.title}")
    hits = 0
    with Lab(settings, progress=say) as lab:
        order, _ = made_order(lab, settings, target, state.asked, probe=False)
        table = table_of(target, settings, needed=found.mode is Mode.IOCTL)
        with retry_of(lab, order, table, folder, state.asked) as retry:
            for number in range(1, times + 1):
                retry.fresh()
                shown = retry.shows(found, program, times=found.times)
                hits += shown
                say(f"{number} of {times}: {'shown again' if shown else 'not shown'}")
    click.echo(printable(f"{found.title}: shown {hits} of {times} times"))
    return 1 if hits else 0


def _chosen(words: str, campaign: str, results_dir: str | None) -> tuple[Folder, Crash]:
    place = Path(words)
    if words and (place / "crash.json").is_file():
        folder = Folder(place.absolute().parents[1])
        return folder, next(crash for crash in folder.crashes() if crash.slug == place.absolute().name)
    folder = find_campaign(_place(results_dir), campaign)
    crashes = {crash.title: crash for crash in folder.crashes()}
    if not crashes:
        raise UsageError(f"campaign {folder.name} has found nothing")
    for title, crash in crashes.items():
        if words.lower() in title.lower() or crash.slug.startswith(words):
            return folder, crash
    raise UsageError(f"no crash `{words}` in campaign {folder.name}", hint=suggest(words, crashes))


@click.command()
@click.argument("campaign", default="")
@_results
def stop(*, campaign: str, results_dir: str | None) -> int:
    """Ask whoever works on CAMPAIGN, by default the last one, to end after what it is at."""
    folder = find_campaign(_place(results_dir), campaign)
    if not folder.running():
        click.echo(f"nobody works on campaign {folder.name}")
        return 0
    folder.ask_to_stop()
    click.echo(f"campaign {folder.name} ends within seconds; a crash that is being made small is kept as it is then")
    return 0
