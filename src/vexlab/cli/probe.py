"""``vexlab probe``: what a target's filesystem can do, found out in a kernel."""

from __future__ import annotations

import time

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vexlab.cli.options import request_options, settings_from
from vexlab.lab import Lab
from vexlab.model.capabilities import CAPABILITIES
from vexlab.model.profile import Capability, Profile, State, encode_all, limit_words, summary
from vexlab.probe import profile_of
from vexlab.report.terminal import printable
from vexlab.targets.configurations import chosen, configured
from vexlab.targets.load import find_target

_STYLES = {State.WORKS: "green", State.REFUSED: "yellow", State.BROKEN: "bold red", State.UNKNOWN: "magenta"}
_PLAIN_WIDTH = 200  # of a table that no terminal shows
_BROKEN = 1


@click.command(name="probe")
@request_options("target", "kernels", "configurations", "config", "accel", "memory", "cpus", "sandbox", "build_args")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: a list, a profile for each kernel and configuration."
)
def command(
    *,
    target: str,
    kernels: tuple[str, ...],
    configurations: tuple[str, ...],
    accel: str | None,
    memory: int | None,
    cpus: int | None,
    config: str | None,
    sandbox: str | None,
    build_args: tuple[str, ...],
    as_json: bool,
) -> int:
    """Find out in fresh virtual machines what a filesystem can do, what it refuses, what is broken, and its limits.

    What was found is kept: the same module on the same kernel is probed once. Exit status: 0 nothing is broken,
    1 something is, or the module does not build, 2 wrong usage, 3 the lab failed.
    """
    settings = settings_from(config=config, accel=accel, memory=memory, cpus=cpus, kernels=kernels, sandbox=sandbox)
    found = find_target(target, build_args=build_args)
    targets = [configured(found, name) for name in chosen(found, configurations) or ("",)]
    profiles = []
    with Lab(settings, progress=_say) as lab:
        lab.check_room()
        for name in settings.kernels:
            kernel = lab.kernels.get(name)
            artifact = lab.artifact(found, kernel)
            for each in targets:
                begin = time.monotonic()
                profiles.append(profile_of(lab, each, kernel, artifact, progress=_say))
                _say(f"{each.name} on {profiles[-1].place}: {time.monotonic() - begin:.1f} s")
    if as_json:
        click.echo(encode_all(profiles))
    else:
        for profile in profiles:
            _print(profile)
    return _BROKEN if any(profile.broken() for profile in profiles) else 0


def _say(words: str) -> None:
    click.echo(words, err=True)


def _print(profile: Profile) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PLAIN_WIDTH)
    configuration = f", configuration {escape(profile.configuration)}" if profile.configuration else ""
    console.print(f"[bold]{escape(profile.target)}[/] on kernel {escape(profile.kernel)}{configuration}")
    table = Table(box=None, pad_edge=False)
    for heading in ("capability", "state", "limit", "errno", "words"):
        table.add_column(heading, overflow="fold")
    for capability in profile.capabilities:
        style = _STYLES[capability.state]
        table.add_row(
            capability.name,
            f"[{style}]{capability.state}[/]",
            limit_words(capability),
            escape(capability.errno),
            escape(printable(_words(capability))),
        )
    console.print(table)
    for line in summary(profile):
        console.print(escape(printable(line)))


def _words(capability: Capability) -> str:
    """Return what the capability is, and what was seen where it does not work."""
    words = CAPABILITIES[capability.name].words
    if capability.state is State.WORKS:
        return f"{words} ({capability.detail})" if capability.detail else words
    shown = [capability.finding, capability.detail, f"by {capability.trigger}" if capability.trigger else ""]
    return ": ".join(filter(None, (words, "; ".join(filter(None, shown)))))
