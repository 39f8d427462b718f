"""What the verbs of ``vexlab vm`` share: where machines are, how waiting is shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.status import Status

from vexlab.classify import fatal
from vexlab.config import state_dir
from vexlab.observe.death import DeathWatch
from vexlab.vm.console import Console as Log
from vexlab.vm.machine import Machine
from vexlab.vm.named import NamedMachines

BOOT_S = 120.0

wait_option = click.option(
    "--wait", "wait_s", type=click.FloatRange(min=1), default=BOOT_S, show_default=True, metavar="SECONDS",
    help="How long the machine may take until it answers.",
)  # fmt: skip


def machines() -> NamedMachines:
    """Return the user's named machines."""
    return NamedMachines(state_dir() / "vm")


class Waiting:
    """A line on standard error that says what is being waited for; without a terminal each is said once."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._status: Status | None = None
        self._said = ""
        self._since = time.monotonic()

    def say(self, text: str) -> None:
        """Say what is being done now."""
        if text != self._said:
            self._said, self._since = text, time.monotonic()
            if not self._status:
                self._console.print(escape(text), style="dim")
        self.tick()

    def tick(self) -> None:
        """Show how long it has taken."""
        if self._status:
            self._status.update(f"{escape(self._said)} [dim]{time.monotonic() - self._since:.0f} s[/]")

    def watch(self, _machine: Machine) -> Callable[[str], None]:
        """Return what is to be called with console text while the machine comes up; it notices a dead kernel."""
        died = DeathWatch(fatal)

        def look(text: str) -> None:
            died(text)
            self.tick()

        return look

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status = self._console.status("")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()


class Watched:
    """Connects to one machine again and again; a kernel that dies from now on ends what is being waited for."""

    def __init__(self, shelf: NamedMachines, name: str) -> None:
        self._shelf = shelf
        self._name = name
        self._console = Log(shelf.files(name).console_log)
        self._console.so_far()
        self._died: DeathWatch | None = None

    @contextmanager
    def __call__(self) -> Iterator[Machine]:
        """Connect once."""
        with self._shelf.connect(self._name) as machine:
            died = self._died = self._died or DeathWatch(fatal)
            machine.watch = lambda _: died(self._console.new())
            yield machine


@contextmanager
def transfer_bar(what: str, size: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error, where that is a terminal; yield what is to be told the bytes so far."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(escape(what), total=size or None)
        yield lambda done: progress.update(task, completed=done)
