"""The table of an earlier selfcheck, as ``--json`` wrote it: which cases found which defect then."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from vexlab.errors import UsageError
from vexlab.model.aliases import current


class _Found(msgspec.Struct, frozen=True):
    name: str
    found_by: tuple[str, ...]


class _Table(msgspec.Struct, frozen=True):
    defects: tuple[_Found, ...]


def finders(file: Path) -> Mapping[str, tuple[str, ...]]:
    """Return the ids of the cases that found each defect; raise ``UsageError`` where ``file`` is no such table."""
    try:
        table = msgspec.json.decode(file.read_bytes(), type=_Table)
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"{file} is no table of a selfcheck: {error}", hint="`--json FILE` writes one") from error
    return {each.name: tuple(map(current, each.found_by)) for each in table.defects}
