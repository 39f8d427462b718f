"""Options that commands take, made for click from the table in ``vexlab.model.request``, and what they turn into."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from vexlab.config import Settings, settings_for
from vexlab.errors import UsageError
from vexlab.model.request import AUTO, DEFAULTS, OPTIONS, SECONDS, Option, Request, is_many, kind_of

_NO = "no-"
Command = TypeVar("Command", bound=Callable[..., object])


def seconds_of(_ctx: click.Context | None, _param: click.Parameter | None, value: str | None) -> float:
    """Return the seconds of a length of time such as ``90s``, ``60m`` or ``2h``, 0 for none; an option's callback."""
    if value is None:
        return 0.0
    match = re.fullmatch(r"(\d+)([smh])", value)  # 60m
    if not match or not int(match[1]):
        raise click.BadParameter(f"{value!r} is no length of time: 90s, 60m and 2h are some")
    return float(int(match[1]) * SECONDS[match[2]])


def request_options(*names: str) -> Callable[[Command], Command]:
    """Add the options of a request's fields ``names``, of all where none is named, in the order of ``Request``."""

    def add(command: Command) -> Command:
        for name in reversed([each for each in OPTIONS if not names or each in names]):
            command = _click_option(name, OPTIONS[name])(command)
        return command

    return add


def request_of(given: Mapping[str, object]) -> Request:
    """Return the request that a command's options amount to; what was not given is as ``Request`` has it.

    Paths are relative to the working directory. Raises ``UsageError``.
    """
    values = {name: value for name, value in given.items() if value is not None}
    for name, option in OPTIONS.items():
        if option.flag.startswith(_NO) and name in values:
            values[name] = not values[name]
    if paths := values.get("paths"):
        values["paths"] = tuple(str(Path(path).absolute()) for path in paths)  # type: ignore[attr-defined]
    try:
        return msgspec.convert(values, Request)
    except msgspec.ValidationError as error:
        raise UsageError(f"an option has a wrong value: {error}") from error


def settings_from(**given: object) -> Settings:
    """Return the settings file's values with the options laid over them; raise ``UsageError``."""
    return settings_for(request_of(given))


class AutoRange(click.IntRange):
    """A whole number, or the word ``auto``, which becomes 0."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        return 0 if value == AUTO else int(super().convert(value, param, ctx))


def _matching(option: Option, _ctx: click.Context | None, _param: click.Parameter | None, value: str | None) -> str:
    if value and not (option.pattern and option.pattern.fullmatch(value)):
        raise click.BadParameter(f"{value!r} is not of the form {option.metavar}")
    return value or ""


def _click_option(name: str, option: Option) -> Callable[[Command], Command]:
    words = [f"--{option.flag}", *([f"-{option.short}"] if option.short else []), name]
    if kind_of(name) is bool:
        return click.option(*words, is_flag=True, help=option.about)
    more: dict[str, Any] = {"multiple": True} if is_many(name) else {}
    if option.time:
        more["callback"] = seconds_of
    elif option.pattern:
        more["callback"] = functools.partial(_matching, option)
    elif DEFAULTS[name]:
        more |= {"default": DEFAULTS[name], "show_default": True}
    if option.metavar:
        more["metavar"] = option.metavar
    return click.option(*words, type=_type_of(name, option), envvar=option.variable or None, help=option.about, **more)


def _type_of(name: str, option: Option) -> Any:
    if option.choices:
        return click.Choice(option.choices)
    if option.range:
        return AutoRange(*option.range) if option.auto else click.IntRange(*option.range)
    if option.path:
        return click.Path(exists=option.exists, dir_okay=option.path != "file", file_okay=option.path != "folder")
    return str if option.time else kind_of(name)
