"""Options that several commands share, and what they turn into."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from vexlab.config import Sandboxing, Settings, load_settings

CASE_HELP = (
    "Only this case: an id of `vexlab list`, its beginning, or a pattern with * and ? (brackets mean themselves); "
    "repeatable."
)

_SECONDS = {"s": 1, "m": 60, "h": 3600}
Command = TypeVar("Command", bound=Callable[..., object])


def seconds_of(_ctx: click.Context | None, _param: click.Parameter | None, value: str | None) -> float:
    """Return the seconds of a length of time such as ``90s``, ``60m`` or ``2h``, 0 for none; an option's callback."""
    if value is None:
        return 0.0
    match = re.fullmatch(r"(\d+)([smh])", value)  # 60m
    if not match or not int(match[1]):
        raise click.BadParameter(f"{value!r} is no length of time: 90s, 60m and 2h are some")
    return float(int(match[1]) * _SECONDS[match[2]])


def target_option(command: Command) -> Command:
    """Add ``--target``."""
    return click.option(
        "--target",
        default="targets/vexfs",
        show_default=True,
        help="A target.toml, its folder, or a shipped target.",
    )(command)


def kernel_option(command: Command) -> Command:
    """Add ``--kernel``."""
    return click.option("--kernel", "kernels", multiple=True, help="Kernel to run on; repeat for a matrix.")(command)


def sandbox_option(command: Command) -> Command:
    """Add ``--sandbox``."""
    return click.option(
        "--sandbox",
        type=click.Choice(typing.get_args(Sandboxing)),
        help="Whether make runs in a sandbox: it must, it does where that works (the default), it does not.",
    )(command)


def machine_options(command: Command) -> Command:
    """Add ``--accel``, ``--memory``, ``--cpus`` and ``--config``."""
    for option in (
        click.option(
            "--config",
            type=click.Path(dir_okay=False),
            help="Settings file (default: vexlab.toml if present).",
        ),
        click.option("--cpus", type=click.IntRange(1, 64), help="CPUs of a machine."),
        click.option("--memory", type=click.IntRange(64, 1 << 20), help="Memory of a machine in MiB."),
        click.option(
            "--accel",
            type=click.Choice(["auto", "kvm", "tcg"]),
            help="Accelerator; auto takes the fastest proved one.",
        ),
    ):
        command = option(command)
    return command


def settings_from(
    *,
    config: str | None,
    accel: str | None = None,
    memory: int | None = None,
    cpus: int | None = None,
    kernels: tuple[str, ...] = (),
    sandbox: str | None = None,
    environment: str | None = None,
) -> Settings:
    """Return the settings file's values with the options laid over them; raise ``UsageError``."""
    settings = load_settings(Path(config) if config else None)
    given: dict[str, object] = {
        "accel": accel,
        "memory": memory,
        "cpus": cpus,
        "kernels": kernels,
        "sandbox": sandbox,
        "environment": environment,
    }
    return dataclasses.replace(settings, **{name: value for name, value in given.items() if value})  # type: ignore[arg-type]
