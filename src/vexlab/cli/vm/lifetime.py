"""``vexlab vm restart``, ``stop`` and ``rm``."""

from __future__ import annotations

import click

from vexlab.cli.vm.shelf import Waiting, machines, wait_option
from vexlab.errors import UsageError
from vexlab.vm.named import NamedMachines

_timeout = click.option(
    "--timeout", type=click.FloatRange(min=1), default=60.0, show_default=True, metavar="SECONDS",
    help="How long the guest may take to switch itself off.",
)  # fmt: skip
_force = click.option("--force", is_flag=True, help="Pull the plug: no sync, no unmount.")


@click.command()
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--all", "every", is_flag=True, help="Every machine that runs.")
@_force
@click.option("--remove", is_flag=True, help="Remove the machine and its disk, too.")
@_timeout
def stop(*, names: tuple[str, ...], every: bool, force: bool, remove: bool, timeout: float) -> None:
    """Switch machines off: sync, unmount, power off. Their disks stay."""
    shelf = machines()
    if every == bool(names):
        raise UsageError("say which machines to stop, or --all")
    chosen = names or [name for name in shelf.names() if remove or shelf.status(name).pid]
    with Waiting() as waiting:
        for name in chosen:
            waiting.say(f"stopping {name}")
            if shelf.status(name).pid:
                _end(shelf, name, timeout, force=force)
            elif not remove:
                raise UsageError(f"`{name}` does not run", hint=f"`vexlab vm rm {name}` removes it")
            if remove:
                shelf.remove(name)
    for name in chosen:
        click.echo(f"{name} is {'removed' if remove else 'stopped'}")


@click.command()
@click.argument("name")
@_force
@_timeout
@wait_option
def restart(*, name: str, force: bool, timeout: float, wait_s: float) -> None:
    """Switch a machine off and on; its scratch disk stays, files elsewhere in the guest do not."""
    shelf = machines()
    with Waiting() as waiting:
        if shelf.status(name).pid:
            waiting.say(f"stopping {name}")
            _end(shelf, name, timeout, force=force)
        waiting.say(f"booting {name}")
        shelf.boot(name, waiting.watch, wait_s=wait_s)
    click.echo(f"{name} is ready")


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--force", is_flag=True, help="Also where it runs: pull the plug first.")
def rm(*, names: tuple[str, ...], force: bool) -> None:
    """Remove machines that do not run, with their disks, snapshots and logs."""
    shelf = machines()
    for name in names:
        if force:
            shelf.kill(name)
        shelf.remove(name)
        click.echo(f"{name} is removed")


def _end(shelf: NamedMachines, name: str, timeout: float, *, force: bool) -> None:
    if force:
        shelf.kill(name)
    else:
        shelf.stop(name, timeout=timeout)
