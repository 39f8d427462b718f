"""``vexlab infra``: environments of test machines, made by OpenTofu and set up by Ansible."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar, cast

import click

from vexlab.config import load_settings
from vexlab.infra.deploy import Deployment, Mode
from vexlab.infra.environment import find_environment

Command = TypeVar("Command", bound=Callable[..., object])
_NAMED = click.option(
    "--environment", required=True, metavar="NAME", help="dev, test, staging, ci, or a file of yours."
)
_PARALLEL = click.option("--no-parallel", is_flag=True, help="One thing after the other.")


@click.group(name="infra")
def command() -> None:
    """Make environments of test machines, look at them, remove them (docs/how-to/fleet.md)."""


@command.command()
@_NAMED
def plan(*, environment: str) -> int:
    """Print what deploy would change."""
    changes, words = _deployment(environment).plan()
    click.echo(words.rstrip())
    click.echo("something would change" if changes else "nothing would change", err=True)
    return 0


@command.command()
@_NAMED
@click.option(
    "--mode",
    type=click.Choice(["full", "terraform-only"]),
    default="full",
    show_default=True,
    help="terraform-only makes the machines and does not set them up with Ansible.",
)
@click.option("--dry-run", is_flag=True, help="Print what would change, and change nothing.")
@click.option("--force-destroy", is_flag=True, help="Remove everything instead, without a question.")
@_PARALLEL
def deploy(*, environment: str, mode: str, dry_run: bool, force_destroy: bool, no_parallel: bool) -> int:
    """Make what the environment describes; what is there already stays as it is."""
    made = _deployment(environment)
    if dry_run:
        click.echo(made.plan()[1].rstrip())
        return 0
    if force_destroy:
        click.echo(_last(made.destroy(parallel=not no_parallel)))
        return 0
    click.echo(_last(made.deploy(cast("Mode", mode), parallel=not no_parallel)))
    click.echo(f"inventory for Ansible: {made.inventory_file}")
    return 0


@command.command()
@_NAMED
@click.option("--force-destroy", is_flag=True, help="Do not ask first.")
@_PARALLEL
def destroy(*, environment: str, force_destroy: bool, no_parallel: bool) -> int:
    """Remove the environment's machines, their disks and its network."""
    if not force_destroy:
        click.confirm(f"Remove every machine of {environment}, with its disks?", abort=True)
    click.echo(_last(_deployment(environment).destroy(parallel=not no_parallel)))
    return 0


@command.command()
@_NAMED
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(*, environment: str, as_json: bool) -> int:
    """Say which machines there are, and whether all is as described; exit status 1 where it is not."""
    found = _deployment(environment).status()
    if as_json:
        click.echo(
            json.dumps({"machines": found.machines, "resources": found.resources, "drifted": found.drifted}, indent=2)
        )
        return int(found.drifted)
    for name, machine in sorted(found.machines.items()):
        click.echo(f"{name:44} {machine['domain']:22} {machine['address'] or 'no network'}")
    how = "not as described: `vexlab infra plan` says what differs" if found.drifted else "as described"
    click.echo(
        f"{len(found.machines)} machines, {found.resources} resources; {how if found.resources else 'nothing is there'}"
    )
    return int(found.drifted)


def _deployment(environment: str) -> Deployment:
    return Deployment(find_environment(environment), load_settings(None), lambda words: click.echo(words, err=True))


def _last(words: str) -> str:
    """Return OpenTofu's summary: the line that counts, without the outputs that follow it."""
    counted = [line for line in words.splitlines() if line.startswith(("Apply complete", "Destroy complete"))]
    return counted[-1] if counted else words.rstrip()
