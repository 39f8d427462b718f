"""The test domains: each a folder of cases and a ``domain.toml`` that says what it is about.

A user's own come beside the built-in ones: from a folder of domains (``--domains-dir``), each a folder or one file with
a ``DomainBase`` class, or from an installed package that names them as entry points of the group ``vexlab.domains``.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path

from vexlab.errors import UsageError

FOLDER = Path(__file__).parent
_GROUP = "vexlab.domains"


def domain_folders() -> tuple[Path, ...]:
    """Return the folders of the built-in domains."""
    return tuple(sorted(file.parent for file in FOLDER.glob("*/domain.toml")))


def find_domains(folders: Iterable[str | Path] = ()) -> dict[str, Path]:
    """Return every domain's folder or file by its name; raise ``UsageError`` where a name is taken twice."""
    found: dict[str, Path] = {}
    for path in (*domain_folders(), *_installed(), *_in_folders(folders)):
        if path.stem in found:
            raise UsageError(f"two domains are called `{path.stem}`: {found[path.stem]} and {path}", hint="rename one")
        found[path.stem] = path
    return found


def _in_folders(folders: Iterable[str | Path]) -> Iterable[Path]:
    for folder in folders:
        for child in sorted(Path(folder).absolute().iterdir()):
            if child.name.startswith((".", "_")):
                continue
            if child.is_dir() or child.suffix == ".py":
                yield child


def _installed() -> Iterable[Path]:
    """Yield where installed packages keep their domains; nothing of them is imported here."""
    for entry in entry_points(group=_GROUP):
        spec = importlib.util.find_spec(entry.module)
        if spec is None or not spec.origin:
            raise UsageError(f"entry point `{entry.name}` of {_GROUP} names {entry.module}, which is not there")
        file = Path(spec.origin)
        yield file.parent if file.stem == "__init__" else file
