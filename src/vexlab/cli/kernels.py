"""``vexlab kernels``: what can be booted."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from vexlab.cache import Cache
from vexlab.config import cache_dir, load_settings
from vexlab.kernels.catalogue import Kernels, read_config


@click.group(name="kernels")
def command() -> None:
    """List, fetch and inspect kernels."""


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_kernels(*, as_json: bool) -> None:
    """List the kernels known by name; a path to an image works everywhere too."""
    rows = _kernels().list()
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    for row in rows:
        click.echo(f"{row.name:12} {row.release or 'not here yet':28} {row.flavour:8} {row.about} ({row.source})")


@command.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--refresh", is_flag=True, help="Read the package lists anew and take the newest package.")
@click.option("--headers/--no-headers", default=True, show_default=True, help="Fetch what modules are built with, too.")
def fetch(*, names: tuple[str, ...], refresh: bool, headers: bool) -> None:
    """Download kernels and unpack them into the cache; nothing is installed."""
    kernels = _kernels()
    for name in names:
        click.echo(f"fetching {name}", err=True)
        kernel = kernels.refresh(name) if refresh else kernels.get(name)
        if headers:
            kernels.headers(kernel)
        click.echo(f"{name}: {kernel.release} ({kernel.version})")


@command.command()
@click.argument("name")
@click.argument("options", nargs=-1)
def config(*, name: str, options: tuple[str, ...]) -> None:
    """Print a kernel's build configuration, or just OPTIONS of it (without CONFIG_)."""
    settings = read_config(_kernels().get(name))
    for option in options or sorted(settings):
        click.echo(f"{option}={settings.get(option, 'n')}")


def _kernels() -> Kernels:
    return Kernels(Cache(cache_dir(load_settings(None))))
