"""Whether a target's ``[refuses]`` names only words that are looked up: a misspelt one would excuse nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

from vexlab.errors import UsageError
from vexlab.model.capabilities import CAPABILITIES
from vexlab.model.refusals import OPERATIONS, PROPERTIES
from vexlab.tables import suggest

# The checks' names stand in the sources of fscheck only, which are data here, as they are for the guest.
_SOURCES = "workloads/fscheck"
# { "owner", "setgid_directory", "inode(7), S_ISGID on a directory; mkdir(2)", setgid_dir },
_CHECK = re.compile(r'\{ "(\w+)", "(\w+)",\s*"[^"]+",\s*\w+ \}')
# { "holes", "POSIX.1-2017 lseek(), ftruncate()", "sparse_files truncate_up", holes_make, holes_verify },
_MARKER = re.compile(r'\{ "(\w+)", "[^"]*[^"\w][^"]*", "[\w ]*",\s*\w+, \w+ \}')
_MARKED = ("mark", "persist")  # families of fscheck mark and fscheck verify


def check_words(refuses: Mapping[str, str], where: Path) -> None:
    """Raise ``UsageError`` for a word of ``[refuses]`` in ``where`` that nothing looks up or gives no reason."""
    for word, reason in refuses.items():
        if not reason.strip():
            raise UsageError(f"{where}: `{word}` in [refuses] gives no reason", hint="say why, in a sentence")
        known = {*CAPABILITIES, *OPERATIONS, *PROPERTIES, *_checks()}
        if word not in known:
            raise UsageError(f"{where}: unknown word `{word}` in [refuses]", hint=_hint(word, known))


def _hint(word: str, known: set[str]) -> str:
    said = suggest(word, known)
    return (
        said
        if said.startswith("did you mean")
        else "docs/reference/target.md lists the words; " + suggest(word, {*CAPABILITIES, *OPERATIONS, *PROPERTIES})
    )


@cache
def _checks() -> frozenset[str]:
    """Return the ids and families of the checks."""
    found = set()
    for source in sorted(Path(str(resources.files("vexlab") / _SOURCES)).glob("*.c")):
        text = source.read_text()
        found |= {name for family, check in _CHECK.findall(text) for name in (family, f"{family}.{check}")}
        found |= {f"{family}.{name}" for name in _MARKER.findall(text) for family in _MARKED}
    return frozenset(found | set(_MARKED))
