"""``vexlab watch``: the edit loop on one screen."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from vexlab import process
from vexlab.cli.options import request_of, request_options
from vexlab.config import settings_for
from vexlab.errors import UsageError
from vexlab.lab import Lab
from vexlab.report.terminal import printable
from vexlab.targets.load import find_target
from vexlab.watch.loop import Loop
from vexlab.watch.session import Screen, lines

_HOUR = 3600.0
_FOLDER = "watch"  # in the results folder
_LOCK = ".lock"


@click.command(name="watch")
@request_options(
    "target",
    "kernels",
    "level",
    "quick",
    "domains",
    "scenario",
    "cases",
    "skip",
    "config",
    "accel",
    "memory",
    "cpus",
    "sandbox",
    "build_args",
)
@click.option("--once", is_flag=True, help="Build and run once, and end: exit status 1 where a case is red.")
def command(*, once: bool, **given: object) -> int:
    """On each save of the target's source: build, run what the change concerns, show the first failure at once.

    Without a choice of cases it takes the quick ones of level 1. Results are not kept in the store.
    """
    request = request_of(given)
    if not (request.cases or request.level or request.domains or request.scenario):
        request = replace(request, level=1, quick=True)
    settings = settings_for(request)
    target = find_target(request.target, build_args=request.build_args)
    if target.source is None:
        raise UsageError(f"{target.name} comes with the kernel, there is no source to watch")
    console = Console(stderr=once, highlight=False)
    with ExitStack() as held, Lab(settings, progress=lambda _words: None) as lab, _keys():
        lab.check_room()
        kernel = lab.kernels.get(settings.kernels[0])
        folder = held.enter_context(_own_folder(Path(settings.results.folder).absolute() / _FOLDER))
        loop = Loop(
            lab, target, kernel, request, folder, show=lambda screen: _draw(console, screen), hand_over=_hand_over
        )
        with contextlib.suppress(KeyboardInterrupt):
            screen = loop.run(once=once)
            last = screen.now
            return 1 if last and (last.red or last.build_error) else 3 if last and last.error else 0
    return 130


@contextmanager
def _own_folder(folder: Path) -> Iterator[Path]:
    """Give a folder without the rounds of earlier loops, whose modules and results would be taken for this one's."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"another `vexlab watch` writes to {folder}", hint="end it first") from None
        for left in folder.glob("round-*"):
            shutil.rmtree(left)
        yield folder


def _draw(console: Console, screen: Screen) -> None:
    if console.is_terminal:
        console.clear()
    elif screen.now is None or not screen.now.total_s:
        return  # without a terminal only what a round came to
    for line, style in lines(screen):
        console.print(Text(printable(line), style=style))


@contextlib.contextmanager
def _keys() -> Iterator[None]:
    """Have keys arrive at once and unseen."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _hand_over(argv: list[str]) -> None:
    done = process.run(argv, timeout=_HOUR, keep=1 << 20)
    click.echo(printable_lines(done.text + done.error_text))
    click.pause()


def printable_lines(text: str) -> str:
    """Return what a command printed, safe for a terminal."""
    return "\n".join(printable(line) for line in text.splitlines())
