"""The store that a command looks into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

import click

from vexlab.config import Settings, is_url, load_settings
from vexlab.errors import UsageError
from vexlab.results.store import FILE, Store

Command = TypeVar("Command", bound=Callable[..., object])
RESULTS_HELP = "Folder of the results' store, or the URL of a PostgreSQL database."


def results_option(command: Command) -> Command:
    """Add ``--results``."""
    return click.option("--results", "results_dir", metavar="DIR|URL", help=RESULTS_HELP)(command)


def place_of(results: str | None, settings: Settings) -> tuple[Path, str]:
    """Return the folder of evidence, and the URL of the database; ``""`` where that is a file in the folder."""
    if results and not is_url(results):
        return Path(results).absolute(), ""
    return Path(settings.results.folder).absolute(), results or settings.results.url


@contextmanager
def opened(results: str | None, *, writing: bool = False, new: bool = False) -> Iterator[Store]:
    """Open the store in ``results``, or where the settings say; raise ``UsageError`` or ``InfraError``.

    Unless it is for ``writing`` nothing in it is changed, and one of an earlier schema is refused. What is to be
    written into must be there, unless it may be ``new``.
    """
    folder, url = place_of(results, load_settings(None))
    if writing and not new and not url and not (folder / FILE).exists():
        raise UsageError(f"there are no results in {folder}", hint="--results names another folder")
    with closing(Store(folder, url, readonly=not writing)) as store:
        yield store
