"""The results folder remembers what each target could do, for the runs that follow."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from vexlab.errors import InfraError
from vexlab.model.baseline import FILE, Known, Worked, learned
from vexlab.model.profile import Profile

log = logging.getLogger(__name__)

_MEMORY = "capabilities.json"  # in the results folder: by target and Profile.place
_Memory = dict[str, dict[str, Worked]]


def remember(results: Path, folder: Path, profiles: Sequence[Profile], run: str, revision: str) -> None:
    """Leave what worked before in the run's ``folder``, and add what works now; raise ``InfraError``."""
    memory = _read(results / _MEMORY)
    before: dict[str, Known] = {each.place: memory.get(_key(each), {}) for each in profiles}
    for each in profiles:
        memory[_key(each)] = dict(learned(memory.get(_key(each), {}), each, run, revision))
    try:
        (folder / FILE).write_bytes(msgspec.json.encode(before))
        with tempfile.NamedTemporaryFile(dir=results, prefix=".capabilities-", delete=False) as draft:
            draft.write(msgspec.json.format(msgspec.json.encode(memory)))
        Path(draft.name).replace(results / _MEMORY)
    except OSError as error:
        raise InfraError(f"the results folder {results} cannot be written: {error}") from error


def _key(profile: Profile) -> str:
    return f"{profile.target}@{profile.place}"


def _read(file: Path) -> _Memory:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Memory)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        log.warning("%s cannot be read, so that nothing is known of earlier runs: %s", file, error)
        return {}
