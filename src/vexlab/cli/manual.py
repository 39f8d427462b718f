"""``vexlab manual``: the manual page, made of the commands themselves (man(7))."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from vexlab import __version__


@click.command(name="manual")
def command() -> None:
    """Print the manual page: `vexlab manual | man -l -`."""
    context = click.get_current_context().find_root()
    for line in page(context.command):
        click.echo(line)


def page(root: click.Command) -> Iterator[str]:
    """Yield the lines of the page for a command and all below it."""
    yield f'.TH VEXLAB 1 "" "vexlab {__version__}" "User Commands"'
    yield ".SH NAME"
    yield f"vexlab \\- {_text(root.help).rstrip('.')}"
    yield ".SH SYNOPSIS"
    yield ".B vexlab\n[\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGUMENTS\\fR]"
    yield ".SH COMMANDS"
    for path, each in _all(root, ("vexlab",)):
        if path != ("vexlab",):
            yield from _section(path, each)
    yield ".SH EXIT STATUS"
    for status, meaning in _STATUSES:
        yield f".TP\n.B {status}\n{_text(meaning)}"


_STATUSES = (
    ("0", "everything passed, nothing was found"),
    ("1", "the module is at fault"),
    ("2", "the input is wrong"),
    ("3", "the lab failed: nothing is said about the module"),
    ("4", "nothing ran"),
    ("130", "interrupted"),
)


def _all(command_: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command_
    if isinstance(command_, click.Group):
        context = click.Context(command_)
        for name in command_.list_commands(context):
            if found := command_.get_command(context, name):
                yield from _all(found, (*path, name))


def _section(path: tuple[str, ...], each: click.Command) -> Iterator[str]:
    context = click.Context(each, info_name=" ".join(path))
    yield f".SS {_text(' '.join([*path, *each.collect_usage_pieces(context)]))}"
    for paragraph in inspect.cleandoc(each.help or "").split("\n\n"):
        yield _text(paragraph)
        yield ".PP"
    for parameter in each.params:
        record = parameter.get_help_record(context)
        if record:
            yield f".TP\n.B {_text(record[0])}\n{_text(record[1])}"


def _text(words: str | None) -> str:
    """Return words as roff takes them: no line begins with a request, no dash is a hyphen."""
    plain = " ".join((words or "").split()).replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain
