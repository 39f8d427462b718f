"""What a run needs of the user's files, for hosts that have none of them: the target, its source, cases, lists.

Files keep their places relative to each other, below the folder that all of them share, so that relative paths in
``target.toml`` hold on the host as well.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vexlab
from vexlab.cluster.evidence import MOST_BYTES, pack
from vexlab.errors import UsageError
from vexlab.model.request import OPTIONS, Request
from vexlab.model.target import Target

PLACE = "{parcel}"  # in a path of a request: where the host has unpacked the parcel
_LEFT_OUT = {".git", "__pycache__", ".venv", "vexlab-results"}
_SETTINGS = "config"  # the field that names the settings file: hosts get the settings in force


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """Packed files, the request with their paths on the host, and the folder here that stands for the host's."""

    files: bytes
    request: Request
    root: Path


def parcel_of(request: Request, target: Target) -> Parcel:
    """Return the parcel of a run; raise ``UsageError`` where it would be too large."""
    shipped = Path(vexlab.__file__).parent
    roots = [] if shipped in target.file.parents else list(_roots(target))
    fields: dict[str, object] = {} if not roots else {"target": str(target.file)}
    for name, option in OPTIONS.items():
        value = getattr(request, name)
        if option.path and name != _SETTINGS and value:
            fields[name] = tuple(map(_absolute, value)) if isinstance(value, tuple) else _absolute(value)
    fields["paths"] = tuple(map(_absolute, request.paths))
    named = [Path(path) for value in fields.values() for path in ([value] if isinstance(value, str) else value)]  # type: ignore[attr-defined]
    paths = [*roots, *(path for path in named if path != target.file)]
    if not paths:
        return Parcel(files=pack(Path("/"), []), request=_bare(request), root=Path("/"))
    root = Path(os.path.commonpath([path if path.is_dir() else path.parent for path in paths]))
    changed: dict[str, Any] = {
        name: tuple(_placed(each, root) for each in value) if isinstance(value, tuple) else _placed(str(value), root)
        for name, value in fields.items()
    }
    files = sorted({file for path in paths for file in _files(path, root.resolve())})
    if (size := sum(file.stat().st_size for file in files)) > MOST_BYTES:
        raise UsageError(
            f"the target and the cases are {size >> 20} MiB, a host is sent at most {MOST_BYTES >> 20}",
            hint="leave out of the source's folder what the build does not need",
        )
    return Parcel(files=pack(root, files), request=_bare(dataclasses.replace(request, **changed)), root=root)


def at_host(request: Request, parcel: Path) -> Request:
    """Return the request with the places that the parcel's files have at the host."""
    changed: dict[str, Any] = {}
    for each in dataclasses.fields(request):
        value = getattr(request, each.name)
        if isinstance(value, str):
            changed[each.name] = value.replace(PLACE, str(parcel))
        elif isinstance(value, tuple):
            changed[each.name] = tuple(
                item.replace(PLACE, str(parcel)) if isinstance(item, str) else item for item in value
            )
    return dataclasses.replace(request, **changed)


def _bare(request: Request) -> Request:
    """Leave out what concerns the coordinator alone."""
    return dataclasses.replace(request, cluster="", jobs=1, resume="", expect=(), config="")


def _roots(target: Target) -> Iterator[Path]:
    yield target.file.parent
    for source in (target.source, *(tool.source for tool in target.tools)):
        if source is not None:
            yield source.absolute()


def _files(path: Path, root: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Give every file below a path, through links to folders of ``root`` as well, not to one ``above``.

    What lies elsewhere, as the headers that a folder "build" leads to, is not the target's; nor is what cannot be read.
    """
    if path.is_file():
        yield path
        return
    real = path.resolve()
    if not path.is_dir() or real in above or (above and path.is_symlink() and not real.is_relative_to(root)):
        return
    with contextlib.suppress(PermissionError):
        for each in path.iterdir():
            if each.name not in _LEFT_OUT or each.is_file():
                yield from _files(each, root, (*above, real))


def _absolute(path: str) -> str:
    return str(Path(path).absolute())


def _placed(path: str, root: Path) -> str:
    return f"{PLACE}/{Path(path).relative_to(root)}"
