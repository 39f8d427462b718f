"""The store that a command looks into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

import click

from vexlab.config import load_settings
from vexlab.results.store import Store

Command = TypeVar("Command", bound=Callable[..., object])


def results_option(command: Command) -> Command:
    """Add ``--results``."""
    return click.option(
        "--results", "results_dir", type=click.Path(file_okay=False), help="Folder of the results' store."
    )(command)


@contextmanager
def opened(results_dir: str | None) -> Iterator[Store]:
    """Open the store in ``results_dir``, or where the settings say; raise ``UsageError`` or ``InfraError``."""
    with closing(Store(Path(results_dir or load_settings(None).results.folder).absolute())) as store:
        yield store
