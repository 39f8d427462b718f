"""Suites that Debian packages: they are in the guest's image, and so need not be found on the host."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from vexlab.images.recipe import find_recipe
from vexlab.model.machine import CommandResult
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.model.target import Target
from vexlab.suites.adapter import FOLDER, Installed, Job, Payload, Search, Suite, whole
from vexlab.suites.expunge import parse_expunge

RECIPE = "tools"
_GUEST = Path(__file__).with_name("guest")
_SHOWN = 600
_NOT_RUN = (3, 4)  # stress-ng(1), EXIT STATUS: a needed condition is missing, or not implemented here

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
# begin rename          end rename 0 1.20
_BEGIN = re.compile(r"^begin ([\w-]+)$")
_END = re.compile(r"^end ([\w-]+) (\d+) (\d+(?:\.\d+)?)$")


def _find(name: str) -> Callable[[Search], Installed]:
    def find(_search: Search) -> Installed:
        recipe = find_recipe(RECIPE)
        return Installed(suite=name, place=Path(f"package {name}"), version=f"of the guest's image `{recipe.name}`")

    return find


def _pack(name: str) -> Callable[[Installed, Target], Payload]:
    def pack(_installed: Installed, _target: Target) -> Payload:
        return Payload(files={f"{name}.sh": _GUEST / f"{name}.sh"})

    return pack


def _wanted(parts: dict[str, tuple[str, ...]], job: Job) -> dict[str, tuple[str, ...]]:
    asked = job.selection.tests
    return {name: needs for name, needs in parts.items() if name not in job.skip and (not asked or name in asked)}


def _run(name: str, parts: dict[str, tuple[str, ...]]) -> Callable[[Job], tuple[str, ...]]:
    def run(job: Job) -> tuple[str, ...]:
        words = [part for part, needs in _wanted(parts, job).items() if not job.missing(*needs)]
        return ("/bin/bash", f"{FOLDER}/{name}.sh", job.mountpoint, *words)

    return run


def _parse(
    parts: dict[str, tuple[str, ...]],
) -> Callable[[Job, str, CommandResult | None], tuple[SubResult, ...]]:
    def parse(job: Job, output: str, _ended: CommandResult | None) -> tuple[SubResult, ...]:
        ends = parse_parts(output)
        found = []
        for name, needs in _wanted(parts, job).items():
            if why := job.missing(*needs):
                found.append(SubResult(name=name, verdict=SubVerdict.REFUSED, words=why))
            else:
                found.append(_result(name, ends.get(name)))
        return tuple(found)

    return parse


def parse_parts(output: str) -> dict[str, tuple[int | None, float, str]]:
    """Return of each part that began its status (``None`` where it did not end), its seconds and what it said."""
    found: dict[str, tuple[int | None, float, str]] = {}
    running, said = "", ""
    for line in output.splitlines():
        if match := _BEGIN.match(line):
            running, said = match[1], ""
            found[running] = (None, 0.0, "")
        elif match := _END.match(line):
            found[match[1]] = (int(match[2]), float(match[3]), said.strip())
            running = ""
        elif running:
            said = f"{said}\n{line}"
            found[running] = (None, 0.0, said.strip())
    return found


def _result(name: str, end: tuple[int | None, float, str] | None) -> SubResult:
    if end is None:
        return SubResult(name=name, verdict=SubVerdict.BLOCKED, words="it was not begun")
    status, seconds, words = end
    if status is None:
        return SubResult(name=name, verdict=SubVerdict.FAILED, words=f"it did not come to its end: {words[-_SHOWN:]}")
    verdict = SubVerdict.SKIPPED if status in _NOT_RUN else SubVerdict.FAILED if status else SubVerdict.PASSED
    shown = "" if not status else f"status {status}: {words[-_SHOWN:]}"
    return SubResult(name=name, verdict=verdict, words=shown, duration_s=seconds)


def _suite(name: str, about: str, parts: dict[str, tuple[str, ...]]) -> Suite:
    return Suite(
        name=name,
        about=about,
        find=_find(name),
        pack=_pack(name),
        list=whole,
        run=_run(name, parts),
        parse=_parse(parts),
        expunge=parse_expunge,
        recipe=RECIPE,
        memory=384,
        timeout=1800.0,
        needs=("mkdir", "unlink"),
    )


STRESS_NG = _suite("stress-ng", "stress-ng's stressors of files and directories, with --verify", STRESSORS)
DBENCH = _suite("dbench", "what clients of a file server did, played again", CLIENTS)
