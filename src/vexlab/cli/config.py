"""``vexlab config``: every setting with its value, unit and meaning; and whether a file of settings is sound."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from vexlab.config import (
    ComponentSettings,
    DomainSettings,
    Settings,
    load_settings,
    read_json_settings,
    without_password,
)
from vexlab.domains import find_domains
from vexlab.errors import UsageError
from vexlab.model.setting import ABOUT, About
from vexlab.plugin.reproduce import settings_toml
from vexlab.session import Request, Stream
from vexlab.session.prepare import check_domains, with_components
from vexlab.targets.load import find_target

_FILE = "vexlab.toml"


@click.group(name="config")
def command() -> None:
    """Show settings, or check a file of them."""


@command.command(name="show")
@click.option("--config", "file", type=click.Path(dir_okay=False), help="Settings file (default: vexlab.toml).")
@click.option("--toml", "as_toml", is_flag=True, help="Print them as a file that `--config` takes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: a list of settings.")
def show(*, file: str | None, as_toml: bool, as_json: bool) -> None:
    """Print every setting: its value, whether a file gives it, its unit and what it means."""
    settings = load_settings(Path(file) if file else None)
    if as_toml:
        click.echo(settings_toml(settings), nl=False)
        return
    rows = list(rows_of(settings))
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        value = row["value"] if row["given"] else row["default"]
        unit = f" {row['unit']}" if row["unit"] else ""
        mark = "*" if row["given"] else " "
        click.echo(f"{mark} {row['name']:44} {value}{unit}  # {row['about']}")


@command.command(name="check")
@click.argument("file", required=False, type=click.Path(dir_okay=False))
@click.option("--target", default="", help="Also whether the settings fit this target.")
def check(*, file: str | None, target: str) -> None:
    """Check a file of settings, TOML or JSON of the old infrastructure; exit status 2 where something is wrong."""
    path = Path(file or _FILE)
    if not path.exists():
        raise UsageError(f"{path} does not exist", hint="`vexlab config show --toml` prints one with the defaults")
    settings = load_settings(path)
    with_components(Request(), settings)
    if target:
        check_domains(find_target(target), Request(target=target), settings, Stream(()))
    known = find_domains()
    for name in settings.domains:
        if name not in known:
            click.echo(f"{path}: [domains.{name}] is about no domain of vexlab's", err=True)
    notes = read_json_settings(path)[1] if path.suffix == ".json" else ()
    for note in notes:
        click.echo(f"{path}: {note}", err=True)
    given = sum(1 for row in rows_of(settings) if row["given"])
    click.echo(f"{path} is sound: {given} settings differ from their defaults")


def rows_of(settings: Settings) -> Iterator[dict[str, object]]:
    """Yield each setting with its value, its default, whether it differs from that, its unit and its meaning."""
    yield from _rows(settings, Settings(), "", "")


def _rows(table: object, defaults: object, name: str, place: str) -> Iterator[dict[str, object]]:
    for field in dataclasses.fields(table):  # type: ignore[arg-type] # a table of settings
        value, default = getattr(table, field.name), getattr(defaults, field.name)
        if dataclasses.is_dataclass(value):
            yield from _rows(value, default, f"{name}{field.name}.", f"{place}{field.name}.")
        elif isinstance(value, dict) and field.name == "suites":
            about = ABOUT["suites.NAME"]
            for key, each in value.items():
                yield _row(f"{name}suites.{key}", each, "", about, given=True)
        elif isinstance(value, dict):
            empty: object = DomainSettings() if field.name == "domains" else ComponentSettings()
            for key, each in value.items():
                yield from _rows(each, empty, f"{name}{field.name}.{key}.", f"{place}{field.name}.NAME.")
        else:
            about = ABOUT[f"{place}{field.name}"]
            yield _row(f"{name}{field.name}", value, about.default or default, about, given=value != default)


def _row(name: str, value: object, default: object, about: About, *, given: bool) -> dict[str, object]:
    shown = without_password(value) if isinstance(value, str) else msgspec.to_builtins(value)
    return {
        "name": name, "value": shown, "default": default, "given": given, "unit": about.unit, "about": about.words,
    }  # fmt: skip
