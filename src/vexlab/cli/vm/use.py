"""``vexlab vm exec``, ``push``, ``pull`` and ``ssh``: commands and files, in and out."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from vexlab import process
from vexlab.cli.vm.shelf import Watched, machines, transfer_bar
from vexlab.errors import AgentError, GuestTimeout, UsageError
from vexlab.guest.command import run_command
from vexlab.model.machine import CommandResult
from vexlab.vm import own
from vexlab.vm import ssh as door
from vexlab.vm.console import printable
from vexlab.vm.janitor import OnDeath
from vexlab.vm.own import Reach

_FOREVER_S = 1e6  # selectors take no more than 24 days
_TIMED_OUT = 124  # what timeout(1) says
_SLOWEST = 1 << 18  # bytes a second; a transfer may take that long


@click.command(name="exec")
@click.argument("name")
@click.argument("words", nargs=-1, required=True, metavar="-- COMMAND...")
@click.option(
    "--timeout", type=click.FloatRange(min=0.1), metavar="SECONDS", help="End the command after that; status 124."
)
@click.option("-i", "--stdin", is_flag=True, help="Read all of standard input first and give it to the command.")
@click.option("--raw", is_flag=True, help="Do not escape control characters where the output is a terminal.")
def exec_(*, name: str, words: tuple[str, ...], timeout: float | None, stdin: bool, raw: bool) -> int:
    """Run COMMAND in the machine NAME, with its output and exit status; no shell in between.

    Output comes when the command has ended, up to 16 MiB a stream.
    """
    data = sys.stdin.buffer.read() if stdin else b""
    reach = _reach(name)
    try:
        if reach:
            result = reach.run(words, stdin=data, timeout=timeout or _FOREVER_S)
        else:
            result = run_command(
                Watched(machines(), name),
                words,
                stdin=data,
                timeout=timeout,
                guard=lambda kill: OnDeath([sys.executable, "-m", "vexlab", "vm", "exec", name, "--", *kill]),
            )
    except GuestTimeout as error:
        if not timeout or error.command != words[0]:
            raise
        click.echo(f"vexlab: {error.message}", err=True)
        return _TIMED_OUT
    _pass_on(result, raw=raw)
    return result.status


@click.command()
@click.argument("name")
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("path")
@click.option("--mode", default="", metavar="OCTAL", help="Permissions in the guest (default: as here).")
def push(*, name: str, source: Path, path: str, mode: str) -> None:
    """Copy the file SOURCE of this host to PATH in the machine NAME; a PATH ending in / keeps the name."""
    stat = source.stat()
    target = f"{path}{source.name}" if path.endswith("/") else path
    try:
        bits = int(mode, 8) if mode else stat.st_mode & 0o777
    except ValueError as error:
        raise UsageError(f"`{mode}` is no octal mode", hint="such as 0644") from error
    timeout = 60.0 + stat.st_size / _SLOWEST
    if reach := _reach(name):
        reach.push(source, target, mode=bits, timeout=timeout)
        click.echo(f"{stat.st_size} bytes to {name}:{target}", err=True)
        return
    with _refusals(name), machines().connect(name) as machine, transfer_bar(source.name, stat.st_size) as progress:
        machine.push(source, target, mode=bits, timeout=timeout, progress=progress)
    click.echo(f"{stat.st_size} bytes to {name}:{target}", err=True)


@click.command()
@click.argument("name")
@click.argument("path")
@click.argument("into", type=click.Path(path_type=Path), required=False)
@click.option("--timeout", type=click.FloatRange(min=1), default=3600.0, show_default=True, metavar="SECONDS")
def pull(*, name: str, path: str, into: Path | None, timeout: float) -> None:
    """Copy the file PATH of the machine NAME to this host: to INTO, or under its name; - is standard output."""
    file = into or Path(Path(path).name)
    if file.is_dir():
        file = file / Path(path).name
    if reach := _reach(name):
        data = reach.pull(path, timeout=timeout)
        if str(file) == "-":
            sys.stdout.buffer.write(data)
        else:
            with _replacing(file) as draft:
                draft.write(data)
        click.echo(f"{len(data)} bytes from {name}:{path}", err=True)
        return
    with _refusals(name), machines().connect(name) as machine, transfer_bar(Path(path).name, 0) as progress:
        if str(file) == "-":
            size = machine.pull_to(path, sys.stdout.buffer, timeout=timeout, progress=progress)
        else:
            with _replacing(file) as draft:
                size = machine.pull_to(path, draft, timeout=timeout, progress=progress)
    click.echo(f"{size} bytes from {name}:{path}", err=True)


@click.command()
@click.argument("name")
@click.argument("words", nargs=-1, metavar="[-- COMMAND...]")
@click.option("--new-key", is_flag=True, help="Make a new key pair; the old one is of no use any more.")
def ssh(*, name: str, words: tuple[str, ...], new_key: bool) -> None:
    """Log in to the machine NAME, or run COMMAND there with a live stream of its output.

    The machine must have been started with --network. Its key pair is its own, the port is on loopback.
    """
    shelf = machines()
    folder = shelf.files(name).folder
    program = process.require("ssh")
    if reach := shelf.reach(name):
        with shelf.connect(name):
            if new_key:
                reach.renew_key()
        argv = reach.argv(words)
    else:
        with shelf.connect(name) as machine:
            door.open_door(machine, folder, new_key=new_key)
            argv = door.ssh_argv(machine.spec, folder, words)
    sys.stdout.flush()
    os.execv(program, [program, *argv])  # noqa: S606 - ssh takes our place, with the terminal and the exit status


def _reach(name: str) -> Reach | None:
    """Return the way by ssh into a machine of somebody else's image; ``None`` where the agent is the way.

    Raises ``UsageError`` where the machine does not run.
    """
    shelf = machines()
    reach = shelf.reach(name)
    if reach is None:
        return None
    with shelf.connect(name) as machine:
        return None if own.agent_runs(machine) and not reach.answers else reach


@contextmanager
def _refusals(name: str) -> Iterator[None]:
    """Turn what the agent says of a path into an error of the user's input."""
    try:
        yield
    except AgentError as error:
        raise UsageError(f"{name}: {error.message}") from error


@contextmanager
def _replacing(file: Path) -> Iterator[BinaryIO]:
    """Yield a file that takes the place of ``file`` when all went well, so that half a file is never taken for one."""
    try:
        handle, path = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error}") from error
    try:
        with os.fdopen(handle, "wb") as draft:
            yield draft
        Path(path).chmod(0o644)
        Path(path).replace(file)
    finally:
        Path(path).unlink(missing_ok=True)


def _pass_on(result: CommandResult, *, raw: bool) -> None:
    for data, stream in ((result.stdout, sys.stdout), (result.stderr, sys.stderr)):
        if stream.isatty() and not raw:
            stream.write(printable(data.decode(errors="replace")))
        else:
            stream.buffer.write(data)
        stream.flush()
    if result.truncated:
        click.echo("vexlab: output was cut at 16 MiB; write it to a file and pull that", err=True)
