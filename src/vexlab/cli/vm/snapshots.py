"""``vexlab vm snapshot`` and ``restore``: memory and disk, kept and brought back while the machine runs."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Collection

import click

from vexlab.cli.vm.shelf import BOOT_S, Waiting, machines
from vexlab.errors import UsageError
from vexlab.model.machine import Snapshot
from vexlab.tables import suggest
from vexlab.vm import own
from vexlab.vm.machine import Machine
from vexlab.vm.shares import mount_shares, mounted_shares

_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@click.command()
@click.argument("name")
@click.argument("tag", required=False)
@click.option("--replace", is_flag=True, help="Replace a snapshot that has this tag.")
@click.option("--delete", is_flag=True, help="Delete the snapshot TAG.")
def snapshot(*, name: str, tag: str | None, replace: bool, delete: bool) -> None:
    """Keep memory and disk of the running machine NAME under TAG; without TAG, list what is kept."""
    if tag and not _TAG.fullmatch(tag):
        raise UsageError(f"`{tag}` is no name for a snapshot", hint="use letters, digits, dots, dashes, underscores")
    begun = time.monotonic()
    with Waiting() as waiting, machines().connect(name) as machine:
        kept = {found.tag: found for found in machine.snapshots()}
        if tag is None:
            if delete or replace:
                raise UsageError("say which snapshot: a TAG")
            _list(name, kept.values())
            return
        if delete and tag not in kept:
            raise _unknown(name, tag, kept)
        if tag in kept and not (replace or delete):
            raise UsageError(f"`{name}` keeps a snapshot `{tag}` already", hint="give --replace, or another tag")
        if not delete:
            _refuse_shares(name, machine)
        waiting.say(f"{'deleting' if delete else 'taking'} snapshot {tag}")
        if tag in kept:
            machine.forget(tag)
        if not delete:
            machine.snapshot(tag)
    click.echo(f"snapshot {tag} of {name} is {'deleted' if delete else 'kept'} ({time.monotonic() - begun:.1f} s)")


@click.command()
@click.argument("name")
@click.argument("tag")
def restore(*, name: str, tag: str) -> None:
    """Take the running machine NAME back to the snapshot TAG, memory and disk."""
    begun = time.monotonic()
    shelf = machines()
    reach = shelf.reach(name)
    with Waiting() as waiting, shelf.connect(name) as machine:
        kept = [found.tag for found in machine.snapshots()]
        if tag not in kept:
            raise _unknown(name, tag, kept)
        waiting.say(f"restoring {tag}")
        machine.restore(tag)
        if reach:
            own.wait_ready(machine, reach, BOOT_S)
        mount_shares(machine)  # none was mounted when the snapshot was taken
    click.echo(f"{name} is back at {tag} ({time.monotonic() - begun:.1f} s)")


def _list(name: str, kept: Collection[Snapshot]) -> None:
    for found in kept:
        when = datetime.datetime.fromtimestamp(found.taken).astimezone()
        click.echo(f"{found.tag:24} {when:%Y-%m-%d %H:%M:%S}  {found.size / (1 << 20):7.1f} MiB")
    if not kept:
        click.echo(f"`{name}` keeps no snapshot", err=True)


def _refuse_shares(name: str, machine: Machine) -> None:
    """Raise ``UsageError`` while a folder of the host is mounted: QEMU cannot save what 9p knows of open files."""
    for share in mounted_shares(machine):
        raise UsageError(
            f"`{name}` keeps no snapshot while {share.path} is mounted: it is a folder of the host, whose state is not "
            "in the machine",
            hint=f"`vexlab vm exec {name} -- umount {share.path}` first, and `mount` in its place after; "
            "`vexlab vm restore` mounts it itself",
        )


def _unknown(name: str, tag: str, kept: object) -> UsageError:
    known = [str(each) for each in kept] if isinstance(kept, (list, dict)) else []
    hint = suggest(tag, known) if known else f"`vexlab vm snapshot {name} {tag}` takes one"
    return UsageError(f"`{name}` keeps no snapshot `{tag}`", hint=hint)
