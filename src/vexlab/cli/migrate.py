"""``vexlab migrate``: settings and workflows of the old scripts, converted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import click

from vexlab.config import load_settings, read_json_settings
from vexlab.errors import UsageError
from vexlab.migrate import commands, workflow

_SETTINGS = "settings"
_HELP = ("-h", "--help")


class _Kinds(click.Group):
    """A group whose command ``settings`` may be left out: ``vexlab migrate global_config.json``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``settings`` before what names no command."""
        if args and args[0] not in self.commands and args[0] not in _HELP:
            args = [_SETTINGS, *args]
        return super().parse_args(ctx, args)


@click.group(name="migrate", cls=_Kinds)
def command() -> None:
    """Convert a JSON file of settings, a workflow, or one command of the old scripts.

    `vexlab migrate CONFIG.json` prints a vexlab.toml; `docs/migration.md` has every old command beside its new form.
    """


@command.command(name=_SETTINGS)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
def settings(*, file: Path, output: Path | None) -> None:
    """Print a JSON file of settings as vexlab.toml; what has no new form is told on standard error, and why."""
    if file.suffix != ".json":
        raise UsageError(f"{file} is no JSON file", hint="`vexlab migrate ci` takes workflows")
    table, notes = read_json_settings(file)
    load_settings(file)  # what is wrong with a value is told before anything is printed
    _put("\n".join([f"# from {file.name}", *_toml(table)]) + "\n", output)
    for note in notes:
        click.echo(f"{file.name}: {note}", err=True)


@command.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@click.option("--in-place", is_flag=True, help="Rewrite the file itself.")
def ci(*, file: Path, output: Path | None, in_place: bool) -> int:
    """Rewrite a workflow that calls the old scripts; exit status 1 where a call is left that has no new form."""
    try:
        new = workflow.rewrite(file.read_text(errors="replace"))
    except ValueError as error:
        raise UsageError(f"{file}: {error}") from error
    _put(new.text, file if in_place else output)
    for change in new.changes:
        click.echo(f"{file.name}:{change}", err=True)
    for name in new.left:
        click.echo(f"{file.name}: {name} is still called, in a form that is not understood", err=True)
    return 1 if new.left else 0


@command.command(name="command", context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, required=True)
def one(*, words: tuple[str, ...]) -> int:
    """Print what one old command line, given in quotes, is now."""
    try:
        new = commands.translate(" ".join(words))
    except ValueError as error:
        raise UsageError(str(error)) from error
    if new is None:
        raise UsageError(f"`{words[0]}` is no command of the old scripts")
    if new.command:
        click.echo(new.command)
    if new.note:
        click.echo(new.note, err=True)
    return 0


def _put(text: str, output: Path | None) -> None:
    if output:
        output.write_text(text)
    else:
        click.echo(text, nl=False)


def _toml(table: Mapping[str, object], place: str = "") -> list[str]:
    """Return the lines of a table: its values first, then its tables."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in table.items() if not isinstance(value, Mapping)]
    for name, value in table.items():
        if isinstance(value, Mapping):
            inner = _toml(value, f"{place}{name}.")
            lines += [f"[{place}{name}]", *inner] if any("=" in line for line in inner[:1]) else inner
    return lines
