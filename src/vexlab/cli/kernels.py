"""``vexlab kernels``: what can be booted."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

from vexlab.apt import Apt
from vexlab.cache import Cache, Kind
from vexlab.cli.values import duration
from vexlab.config import cache_dir, load_settings
from vexlab.errors import UsageError
from vexlab.kernels import archive
from vexlab.kernels.build import Plan, build_kernel
from vexlab.kernels.catalogue import Kernels, read_config
from vexlab.kernels.flavours import BY_NAME, built
from vexlab.kernels.source import base_name, given, packaged
from vexlab.kernels.table import SOURCE_BY_NAME, SOURCES


@click.group(name="kernels")
def command() -> None:
    """List, fetch, build and inspect kernels."""


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_kernels(*, as_json: bool) -> None:
    """List the kernels known by name; a path to an image works everywhere too."""
    rows = _kernels().list()
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    for row in rows:
        absent = "not built yet" if row.source == "built" else "not here yet"
        click.echo(f"{row.name:12} {row.release or absent:28} {row.flavour:8} {row.about} ({row.source})")


@command.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--refresh", is_flag=True, help="Read the package lists anew and take the newest package.")
@click.option("--headers/--no-headers", default=True, show_default=True, help="Fetch what modules are built with, too.")
@click.option("--debug", is_flag=True, help="Fetch the kernel's debugging information, too: some 300 MB.")
def fetch(*, names: tuple[str, ...], refresh: bool, headers: bool, debug: bool) -> None:
    """Download kernels and unpack them into the cache; nothing is installed."""
    kernels = _kernels()
    for name in names:
        click.echo(f"fetching {name}", err=True)
        kernel = kernels.refresh(name) if refresh else kernels.get(name)
        if headers:
            kernels.headers(kernel)
        if debug and not kernels.debug(kernel, fetch=True):
            raise UsageError(f"no package holds debugging information of {name}")
        click.echo(f"{name}: {kernel.release} ({kernel.version})")


@command.command()
@click.argument("name")
@click.argument("options", nargs=-1)
def config(*, name: str, options: tuple[str, ...]) -> None:
    """Print a kernel's build configuration, or just OPTIONS of it (without CONFIG_)."""
    settings = read_config(_kernels().get(name))
    for option in options or sorted(settings):
        click.echo(f"{option}={settings.get(option, 'n')}")


@command.command()
@click.argument("flavour", type=click.Choice([flavour.name for flavour in built()]))
@click.option("--kernel", "names", multiple=True, type=click.Choice([source.name for source in SOURCES]),
              help="Source of this series, as the distribution packages it; repeatable (default: 6.1).")  # fmt: skip
@click.option("--source", "path", type=click.Path(exists=True, path_type=Path),
              help="A kernel tree, a git repository or an archive of yours.")  # fmt: skip
@click.option("--ref", default="", help="Commit, branch or tag of the repository (default: as it lies there).")
@click.option(
    "--name", default="", help="Name of the kernel, without the flavour (default: that of archive, folder and commit)."
)
@click.option("--config", "extra", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Further options (a fragment); they win over the flavour's.")  # fmt: skip
@click.option("--jobs", "-j", type=click.IntRange(1, 256), help="Compilers side by side (default: as many as cores).")
@click.option("--timeout", type=duration, default="6h", show_default=True, metavar="TIME", help="End it after this.")
@click.option(
    "--keep-tree", is_flag=True, help="Keep the built tree: 5 GB, with which a build after a change is quick."
)
def build(
    *,
    flavour: str,
    names: tuple[str, ...],
    path: Path | None,
    ref: str,
    name: str,
    extra: Path | None,
    jobs: int | None,
    timeout: float,
    keep_tree: bool,
) -> None:
    """Build kernels in which bugs show that a distribution's kernel hides.

    An interrupted build goes on where it ended. What is built is kept by its source, configuration and compiler.
    """
    if path and names:
        raise UsageError("--source and --kernel exclude each other")
    if name and len(names) > 1:
        raise UsageError("--name names one kernel, and several were asked for")
    if ref and not path:
        raise UsageError("--ref is a commit of the repository in --source")
    cache = Cache(cache_dir(load_settings(None)))
    apt = Apt(cache.root / Kind.APT)
    sources = (
        [(name or base_name(path, ref), given(path, ref))]
        if path
        else [(name or each, packaged(SOURCE_BY_NAME[each], apt)) for each in names or ("6.1",)]
    )
    for base, source in sources:
        plan = Plan(
            base=base,
            flavour=BY_NAME[flavour],
            source=source,
            extra=extra.read_text(errors="replace") if extra else "",
            jobs=jobs or len(os.sched_getaffinity(0)),
            deadline_s=timeout,
            keep_tree=keep_tree,
        )
        new = build_kernel(plan, cache, apt, progress=partial(_say, plan.name))
        kernel = Kernels(cache).get(plan.name)
        click.echo(f"{plan.name}: {kernel.release} ({'built' if new else 'was there'})")


@command.command()
@click.argument("name")
@click.argument("to", type=click.Path(dir_okay=False, path_type=Path))
def export(*, name: str, to: Path) -> None:
    """Write the built kernel NAME, and what modules for it are built with, to the archive TO (.tar.gz)."""
    size = archive.export(name, Cache(cache_dir(load_settings(None))), to)
    click.echo(f"{to}: {size >> 20} MiB")


@command.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_kernel(*, file: Path) -> None:
    """Take a kernel out of an archive of `vexlab kernels export`.

    Programs in it run when a module is built for that kernel, so take archives only from those you trust.
    """
    name = archive.take(file, Cache(cache_dir(load_settings(None))))
    click.echo(f"{name}: {_kernels().get(name).release}")


def _say(name: str, words: str) -> None:
    click.echo(f"{name}: {words}", err=True)


def _kernels() -> Kernels:
    return Kernels(Cache(cache_dir(load_settings(None))))
