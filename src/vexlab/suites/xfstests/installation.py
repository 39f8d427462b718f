"""An installed tree of xfstests: found, looked through, packed, its tests listed as ``./check`` lists them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from vexlab.errors import UsageError
from vexlab.model.target import Target
from vexlab.suites.adapter import Installed, Payload, Search, Selection
from vexlab.tables import suggest

NAME = "xfstests"
GUEST = Path(__file__).parent.with_name("guest")
_PLACES = ("/var/lib/xfstests", "/opt/xfstests", "/usr/lib/xfstests", "/usr/local/xfstests")
_DEFAULT = "auto"  # the group that `./check` runs where it is told nothing
_OWN = "xfstests"  # beside target.toml: tests in xfstests' format, a folder for each filesystem type
# Files without which nothing can be run, and the ones that only a built tree has.
_SOURCES = ("check", "common/rc", "common/config", "tests/generic")
_BUILT = ("ltp/fsstress", "src/lstat64", "tests/generic/group.list")
_PROGRAMS = ("check", "ltp/fsstress", "src/lstat64")
_GET = (
    "build and install it from its own sources (`make && make install`, which puts it in /var/lib/xfstests), and "
    "name it: --tree, VEXLAB_XFSTESTS or `[suites] xfstests = …`"
)
_GUEST_GLIBC = (2, 36)  # of Debian 12, which guests are made of
_GLIBC = re.compile(rb"GLIBC_2\.(\d+)\b")  # a version that a program wants of its symbols
# 001 auto rw dir udf quick       its group.list
_LISTED = re.compile(r"^(\d+[\w-]*)\s+(.*)$")


def find(search: Search) -> Installed:
    """Look for a tree; raise ``UsageError`` where there is none, or where it lacks parts or cannot run in a guest."""
    places = [Path(search.given).expanduser().absolute()] if search.given else [Path(each) for each in _PLACES]
    tree = next((place for place in places if place.is_dir()), None)
    if tree is None:
        where = f"{places[0]} is no folder" if search.given else "xfstests is not installed in any usual place"
        raise UsageError(where, hint=_GET)
    if missing := [name for name in _SOURCES if not (tree / name).exists()]:
        raise UsageError(f"{tree} is no tree of xfstests: it lacks {', '.join(missing)}", hint=_GET)
    if missing := [name for name in _BUILT if not (tree / name).exists()]:
        raise UsageError(f"the tree {tree} is not built: it lacks {', '.join(missing)}", hint=_GET)
    if missing := _missing(tree):
        more = f" and {len(missing) - 3} others" if len(missing) > 3 else ""
        raise UsageError(
            f"the tree {tree} is not whole: it lacks {', '.join(missing[:3])}{more}, which its group.list files name",
            hint="was its installation or its copying broken off? `make install` puts all of it there again",
        )
    if closed := [name for name in _PROGRAMS if not os.access(tree / name, os.X_OK)]:
        raise UsageError(
            f"{', '.join(closed)} of the tree {tree} cannot be executed",
            hint="copy the tree with its modes (`cp -a`), or from where it is not mounted with `noexec`",
        )
    _check_libc(tree / "ltp" / "fsstress")
    return Installed(suite=NAME, place=tree, version=_revision(tree))


def _missing(tree: Path) -> list[str]:
    """Return what listed tests lack, by its path in the tree: the test itself, or what it is to print.

    Some choose between several files at run time (``NNN.out.default``). Without any of them ./check would call every
    run of such a test failed.
    """
    found = []
    for listed in sorted((tree / "tests").glob("*/group.list")):
        there = {file.name for file in listed.parent.iterdir()}
        printed = {name.partition(".out")[0] for name in there if ".out" in name}
        for test, _ in _tests(tree, listed.parent.name):
            found += [f"tests/{listed.parent.name}/{test}"] if test not in there else []
            found += [f"tests/{listed.parent.name}/{test}.out"] if test not in printed else []
    return found


def _check_libc(program: Path) -> None:
    data = program.read_bytes()
    if data[:4] != b"\x7fELF":
        if data[:2] == b"#!":  # libtool's wrapper, in a tree that was built and not installed
            real = program.parent / ".libs" / program.name
            if real.exists():
                return _check_libc(real)
        raise UsageError(f"{program} is no program of Linux", hint=_GET)
    if b"ld-musl" in data:
        raise UsageError(f"{program} was built against musl; guests have glibc", hint="build the tree on Debian 12")
    wanted = max((int(minor) for minor in _GLIBC.findall(data)), default=0)
    if wanted > _GUEST_GLIBC[1]:
        raise UsageError(
            f"{program} wants glibc 2.{wanted}; guests have {_GUEST_GLIBC[0]}.{_GUEST_GLIBC[1]}",
            hint="build the tree on Debian 12, or in a container of it",
        )
    return None


def _revision(tree: Path) -> str:
    """Return what the tree says of its version; a released one has ``VERSION``, an installed one only its tests."""
    count = sum(1 for _ in _tests(tree, "generic"))
    file = tree / "VERSION"
    # PACKAGE_MAJOR=1
    numbers = (
        re.findall(r"^(?:PKG|PACKAGE)_(?:MAJOR|MINOR|REVISION)=(\d+)$", file.read_text(), re.MULTILINE)
        if file.exists()
        else []
    )
    version = f"{'.'.join(numbers)}, " if numbers else ""
    return f"{version}{count} generic tests"


def own_tests(target: Target) -> Path | None:
    """Return the folder of a target's own tests, where it has some."""
    folder = target.file.parent / _OWN / target.fstype
    return folder if (folder / "group.list").is_file() else None


def pack(installed: Installed, target: Target) -> Payload:
    """Return the whole tree, the target's own tests, and the scripts of the guest."""
    own = own_tests(target)
    trees = {"xfstests": installed.place, **({"own": own} if own else {})}
    scripts = {name: GUEST / name for name in ("xfstests.sh", "wrappers.sh", "overlay.sh", "waiting.sh", "go.sh")}
    images = {f"own/old/{image.name}": image for image in target.old_images if own}
    return Payload(files={**scripts, **images}, trees=trees)


def list_tests(installed: Installed, selection: Selection, target: Target) -> tuple[str, ...]:
    """Return the tests of a selection, as ``./check`` would take it: ``generic/001``; raise ``UsageError`` for none.

    Groups are names (``quick``), with a folder where they are of that alone (``generic/quick``); in ``tests`` patterns
    may stand.
    """
    known = _all(installed.place, target)
    found: dict[str, None] = {}
    for pattern in selection.tests:
        fits = [name for name in known if fnmatchcase(name, pattern)]
        if not fits:
            raise UsageError(f"xfstests has no test `{pattern}`", hint=suggest(pattern, known))
        found.update(dict.fromkeys(fits))
    groups = [name for words in selection.groups for name in words.split(",")]
    for group in groups or ([] if selection.tests else [_DEFAULT]):
        folder, _, name = group.rpartition("/")
        fits = [
            t for t, of in known.items() if (not folder or t.startswith(f"{folder}/")) and (name in of or name == "all")
        ]
        if not fits and not folder and any(each.startswith(f"{name}/") for each in known):
            fits = [each for each in known if each.startswith(f"{name}/")]  # a folder's name means all of it
        if not fits:
            every = {word for of in known.values() for word in of}
            raise UsageError(f"xfstests has no group `{group}` for {target.fstype}", hint=suggest(name, every))
        found.update(dict.fromkeys(fits))
    return tuple(sorted(found))


def _all(tree: Path, target: Target) -> dict[str, tuple[str, ...]]:
    """Return every test for the target, with its groups: the generic ones, its type's, and its own."""
    folders = ["generic", "ext4" if target.fstype in ("ext2", "ext3") else target.fstype]
    found = {f"{name}/{test}": groups for name in folders for test, groups in _tests(tree, name)}
    if own := own_tests(target):
        text = (own / "group.list").read_text(errors="replace")
        found |= {f"{target.fstype}/{test}": groups for test, groups in _listed(text)}
    return found


def _tests(tree: Path, name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    file = tree / "tests" / name / "group.list"
    if file.is_file():
        yield from _listed(file.read_text(errors="replace"))


def _listed(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for line in text.splitlines():
        if match := _LISTED.match(line.partition("#")[0].strip()):
            yield match[1], tuple(match[2].split())
