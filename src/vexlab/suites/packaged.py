"""Suites that Debian packages: they are in the guest's image, and so need not be found on the host."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vexlab.images.recipe import find_recipe
from vexlab.model.target import Target
from vexlab.suites.adapter import Installed, Payload, Search, Suite, whole
from vexlab.suites.expunge import parse_expunge
from vexlab.suites.parts import parse_by, run_by

RECIPE = "tools"
_NOT_RUN = (3, 4)  # stress-ng(1), EXIT STATUS: a needed condition is missing, or not implemented here
_GUEST = Path(__file__).with_name("guest")

# Stressors of stress-ng's class "filesystem" that work on files, and the capabilities that they are about.
STRESSORS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("access", "chdir", "dentry", "dir", "dirdeep", "fcntl", "filename", "fstat", "getdent"), ()),
    **dict.fromkeys(("hdd", "io", "iomix", "open", "readahead", "revio", "seek", "sendfile", "sync-file", "touch"), ()),
    "chmod": ("chmod",),
    "chown": ("chown",),
    "copy-file": ("copy_file_range",),
    "fallocate": ("fallocate",),
    "flock": ("locks",),
    "fpunch": ("punch_hole",),
    "link": ("link",),
    "lockf": ("locks",),
    "rename": ("rename", "rename_over"),
    "symlink": ("symlink",),
    "utime": ("utimes",),
    "xattr": ("xattr",),
}
CLIENTS: dict[str, tuple[str, ...]] = {
    f"{count}-clients": ("mkdir", "rmdir", "rename", "utimes") for count in (1, 4, 16)
}


def _find(name: str) -> Callable[[Search], Installed]:
    def find(_search: Search) -> Installed:
        recipe = find_recipe(RECIPE)
        return Installed(suite=name, place=Path(f"package {name}"), version=f"of the guest's image `{recipe.name}`")

    return find


def _pack(name: str) -> Callable[[Installed, Target], Payload]:
    def pack(_installed: Installed, _target: Target) -> Payload:
        return Payload(files={f"{name}.sh": _GUEST / f"{name}.sh"})

    return pack


def _suite(name: str, about: str, parts: dict[str, tuple[str, ...]]) -> Suite:
    return Suite(
        name=name,
        about=about,
        find=_find(name),
        pack=_pack(name),
        list=whole,
        run=run_by(f"{name}.sh", parts),
        parse=parse_by(parts, _NOT_RUN),
        expunge=parse_expunge,
        recipe=RECIPE,
        memory=384,
        timeout=1800.0,
        needs=("mkdir", "unlink"),
    )


STRESS_NG = _suite("stress-ng", "stress-ng's stressors of files and directories, with --verify", STRESSORS)
DBENCH = _suite("dbench", "what clients of a file server did, played again", CLIENTS)
