"""Where expunge lists are, and the reading of them."""

from __future__ import annotations

from pathlib import Path

from vexlab.errors import UsageError
from vexlab.model.target import Target
from vexlab.suites.adapter import Expunged
from vexlab.suites.expunge import parse_expunge
from vexlab.tables import read_text

FOLDER = "expunge"  # beside target.toml: expunge/TARGET/SUITE


def list_of(target: Target, suite: str) -> Path:
    """Return where the list of a target is, if it has one."""
    return target.file.parent / FOLDER / target.name / suite


def read_lists(target: Target, suite: str, release: str, given: str = "") -> tuple[Expunged, ...]:
    """Return the entries of the target's own list and of the file ``given`` that are about ``release``."""
    files = [file for file in (list_of(target, suite),) if file.is_file()]
    files += [Path(given)] if given else []
    found: list[Expunged] = []
    for file in files:
        try:
            found += parse_expunge(read_text(file), release)
        except UsageError as error:
            raise UsageError(f"{file}: {error.message}", hint=error.hint) from error
    return tuple(found)
