"""``vexlab cache``: what is kept between runs, how much it takes, and a way to be rid of it."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

import click

from vexlab import __version__, carry
from vexlab.cache import KINDS, Cache, Entry, Kind, key_of
from vexlab.cli.values import duration
from vexlab.config import cache_dir, load_settings
from vexlab.images.recipe import find_recipe
from vexlab.lab import SNAPSHOT_FORMAT
from vexlab.vm.qemu import find_qemu

_MIB = 1 << 20
_DAY_S = 86400.0
_KINDS = click.Choice([kind.value for kind in Kind])


@click.group(name="cache")
def command() -> None:
    """Say what the cache holds, and remove what is not needed."""


@command.command(name="list")
@click.option("--kind", "kinds", multiple=True, type=_KINDS, help="Only this kind; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_entries(*, kinds: tuple[str, ...], as_json: bool) -> None:
    """List every entry: kind, MiB of disk, days since its last use. The longest unused come first."""
    entries = _chosen(kinds)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(entry) for entry in entries], indent=2))
        return
    for entry in entries:
        days = (time.time() - entry.used) / _DAY_S
        click.echo(f"{entry.kind:10} {entry.key:36} {entry.size / _MIB:8.1f} MiB  unused for {days:5.1f} days")


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def size(*, as_json: bool) -> None:
    """Print what each kind takes on the disk, and all together."""
    entries = _chosen(())
    rows = {kind: [entry for entry in entries if entry.kind == kind] for kind in KINDS}
    if as_json:
        sizes = {kind: sum(entry.size for entry in of) for kind, of in rows.items()}
        click.echo(json.dumps({"folder": str(_cache().root), "bytes": sizes}, indent=2))
        return
    for kind, of in rows.items():
        click.echo(f"{kind:10} {len(of):4} entries {_mib(of):8.1f} MiB  {KINDS[kind]}")
    click.echo(f"{'together':10} {len(entries):4} entries {_mib(entries):8.1f} MiB  in {_cache().root}")


@command.command()
@click.option("--kind", "kinds", multiple=True, type=_KINDS, help="Only this kind; repeatable.")
@click.option("--unused-for", type=duration, default="30d", show_default=True, metavar="TIME",
              help="Only what was not used for that long: 12h, 7d.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
def clean(*, kinds: tuple[str, ...], unused_for: float, dry_run: bool) -> None:
    """Remove entries that have long been unused; a later run makes them again. What is in use stays."""
    cache = _cache()
    old = [entry for entry in _chosen(kinds) if time.time() - entry.used > unused_for]
    gone = old if dry_run else [entry for entry in old if cache.remove(entry)]
    for entry in gone:
        click.echo(f"{entry.kind}/{entry.key}", err=True)
    click.echo(f"{'would remove' if dry_run else 'removed'} {len(gone)} entries, {_mib(gone):.1f} MiB")


@command.command(name="export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--kind", "kinds", multiple=True, type=_KINDS, help="Only this kind; repeatable.")
def export_(*, file: Path, kinds: tuple[str, ...]) -> None:
    """Write kernels, headers, images, packages and programs to FILE, for a machine without a network."""
    done = carry.export(_cache(), file, [Kind(kind) for kind in kinds])
    click.echo(f"{file}: {done.entries} entries, {done.size / _MIB:.1f} MiB")


@command.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_(*, file: Path) -> None:
    """Add what `export` wrote; every file is checked against its digest, and what is there already stays."""
    done = carry.take_in(_cache(), file)
    click.echo(f"{file}: {done.entries} entries added, {done.known} were there")


@command.command()
def key() -> None:
    """Print a key for the cache of a CI service: it changes when what is kept would be of no use any more.

    It is made of vexlab's and QEMU's versions, the names of the kernels in the settings, and the guest's packages.
    """
    recipe = find_recipe("base")
    kernels = load_settings(None).kernels
    click.echo(f"vexlab-{key_of(__version__, SNAPSHOT_FORMAT, find_qemu().version, kernels, recipe.packages)}")


def _cache() -> Cache:
    return Cache(cache_dir(load_settings(None)))


def _chosen(kinds: tuple[str, ...]) -> list[Entry]:
    return [entry for entry in _cache().entries() if not kinds or entry.kind in kinds]


def _mib(entries: list[Entry]) -> float:
    return sum(entry.size for entry in entries) / _MIB
