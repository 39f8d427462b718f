"""``vexlab hooks``: git hooks that run level 1 before a commit and level 2 before a push, in bounded time."""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path

import click

from vexlab import process
from vexlab.cli.options import seconds_of
from vexlab.errors import DeadlineError, UsageError
from vexlab.tables import visible

_GIT_S = 20.0
_MARK = "# made by `vexlab hooks install`"
_LOG = "vexlab-hooks.log"  # in the repository's git folder
_SKIP = "VEXLAB_SKIP"
_RUN_KEEP = 1 << 20
_HELD = (0, 4)  # statuses of a run that let git go on: all passed, or the change concerns nothing

# What each hook runs, and for how long by default.
HOOKS = {
    "pre-commit": (("--level", "1", "--quick", "--changed"), "5m"),
    "pre-push": (("--level", "2", "--duration", "20m"), "30m"),
}


@click.group(name="hooks")
def command() -> None:
    """Install git hooks that run cases, remove them, or run one.

    A hook is left out with VEXLAB_SKIP="why", which is noted in .git/vexlab-hooks.log.
    """


@command.command()
@click.option("--target", default="targets/vexfs", show_default=True, help="The target whose cases they run.")
@click.option("--force", is_flag=True, help="Replace hooks that are there.")
def install(*, target: str, force: bool) -> None:
    """Write pre-commit (level 1, quick, what the change concerns) and pre-push (level 2) into this repository."""
    folder = _hooks_folder()
    for name in HOOKS:
        file = folder / name
        if file.exists() and _MARK not in file.read_text(errors="replace") and not force:
            raise UsageError(
                f"{file} is there, and not vexlab's", hint="--force replaces it; or call `vexlab hooks run`"
            )
    folder.mkdir(parents=True, exist_ok=True)
    for name in HOOKS:
        file = folder / name
        command_line = f'exec "{sys.executable}" -m vexlab hooks run {name} --target "{target}"'
        file.write_text(f"#!/bin/sh\n{_MARK}\n{command_line}\n")
        file.chmod(0o755)
        click.echo(f"{file} is written")


@command.command()
def uninstall() -> None:
    """Remove the hooks that `install` wrote."""
    for name in HOOKS:
        file = _hooks_folder() / name
        if file.is_file() and _MARK in file.read_text(errors="replace"):
            file.unlink()
            click.echo(f"{file} is removed")


@command.command()
@click.argument("name", type=click.Choice(list(HOOKS)))
@click.option("--target", default="targets/vexfs", show_default=True, help="The target whose cases are run.")
@click.option("--within", callback=seconds_of, metavar="TIME", help="Give up after that, and let git go on.")
@click.argument("files", nargs=-1)
def run(*, name: str, target: str, within: float, files: tuple[str, ...]) -> int:  # noqa: ARG001 - git's own words
    """Run a hook's cases; exit status 1 where one is red, which stops git.

    What is not known in time, or where the lab fails, stops nobody: it is said, and noted.
    """
    if reason := os.environ.get(_SKIP, "").strip():
        _note(name, f"left out: {reason}")
        click.echo(f"vexlab: {name} is left out: {visible(reason)}", err=True)
        return 0
    options, usual = HOOKS[name]
    limit = within or seconds_of(None, None, usual)
    argv = [sys.executable, "-m", "vexlab", "run", "--target", target, *options, "--ci"]
    # git names its own folder to hooks, and must not to what they run
    around = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        done = process.run(argv, timeout=limit, env=around, inherit=False, keep=_RUN_KEEP)
    except DeadlineError:
        _note(name, f"not known within {limit:g} s")
        click.echo(f"vexlab: {name}: not known within {limit:g} s; git goes on", err=True)
        return 0
    click.echo(done.error_text, err=True, nl=False)
    click.echo(done.text, err=True, nl=False)
    if done.returncode == 1:
        click.echo(f'vexlab: {name} stops here; {_SKIP}="why" git … leaves it out', err=True)
        _note(name, "red")
        return 1
    if done.returncode not in _HELD:
        _note(name, f"status {done.returncode}: nothing is said about the module")
        click.echo(f"vexlab: {name}: the lab failed, nothing is said about the module; git goes on", err=True)
    return 0


def _hooks_folder() -> Path:
    return Path(_git("rev-parse", "--git-path", "hooks")).absolute()


def _note(name: str, words: str) -> None:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    file = Path(_git("rev-parse", "--git-path", _LOG))
    with file.open("a") as out:
        out.write(f"{now} {name}: {visible(words)}\n".replace("\n", " ").rstrip() + "\n")


def _git(*words: str) -> str:
    done = process.run(["git", *words], timeout=_GIT_S)
    if done.returncode:
        raise UsageError(f"this is no git repository: {done.error_text.strip()}")
    return done.text.strip()
