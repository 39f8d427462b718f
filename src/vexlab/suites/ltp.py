"""LTP's filesystem tests: lines of its ``runtest`` files, each in a machine of its own, from the user's installation.

The form of these files is in LTP's documentation ("runtest files"): a tag, then a command of the shell, which finds
its programs in ``testcases/bin`` and works in ``TMPDIR``. A test's status is a sum of bits (`include/tst_res_flags.h`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from vexlab.errors import UsageError
from vexlab.model.machine import CommandResult, Disk
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.model.target import Target
from vexlab.suites.adapter import FOLDER, Installed, Job, Payload, Search, Selection, Suite
from vexlab.suites.expunge import parse_expunge
from vexlab.tables import suggest

NAME = "ltp"
_SCRIPT = "ltp.sh"
_SCRIPTS = (_SCRIPT, "wrappers.sh")
_DEVICE = "test"  # serial of the disk for tests that want one; 300 MB is the least that they take (tst_device.c)
_PLACES = ("/opt/ltp", "/usr/lib/ltp", "/usr/local/ltp")
_GET = "build and install LTP from its own sources, and name it: --tree, VEXLAB_LTP or `[suites] ltp = …`"
_DEFAULT = "fs"
_OTHERS = re.compile(r"(proc01|read_all_\w+)$")  # of the file `fs`: about /proc, /dev and /sys
_CONFIGURATION = 32  # TCONF: what the test needs is not there
_SHOWN = 600
_LINE = re.compile(r"^([\w.-]+)\s+(\S.*)$")  # gf01 growfiles -W gf01 -b -e 1 …
# file.c:123: TFAIL: …          file.c:12: TCONF: …
_SAID = {name: re.compile(rf"^.*\b{name}\b.*$", re.MULTILINE) for name in ("TFAIL", "TBROK", "TCONF")}
_END = re.compile(r"^vexlab: ended (\d+) (\d+(?:\.\d+)?)$", re.MULTILINE)
_BEGAN = re.compile(r"^vexlab: began$", re.MULTILINE)
_LIBRARY = re.compile(r"^.*error while loading shared libraries: .*$", re.MULTILINE)


def find(search: Search) -> Installed:
    """Look for an installation; raise ``UsageError`` where there is none, or one without the tests of filesystems."""
    places = [Path(search.given).expanduser().absolute()] if search.given else [Path(each) for each in _PLACES]
    tree = next((place for place in places if place.is_dir()), None)
    if tree is None:
        where = f"{places[0]} is no folder" if search.given else "LTP is not installed in any usual place"
        raise UsageError(where, hint=_GET)
    if missing := [name for name in ("runtest/fs", "testcases/bin/growfiles") if not (tree / name).is_file()]:
        raise UsageError(f"{tree} is no installation of LTP: it lacks {', '.join(missing)}", hint=_GET)
    version = tree / "Version"
    return Installed(suite=NAME, place=tree, version=version.read_text().strip()[:80] if version.is_file() else "")


def pack(installed: Installed, _target: Target) -> Payload:
    """Return the lists, the programs, and the script that runs a line of a list."""
    trees = {name: installed.place / name for name in ("runtest", "testcases/bin")}
    return Payload(files={name: Path(__file__).with_name("guest") / name for name in _SCRIPTS}, trees=trees)


def list_tests(installed: Installed, selection: Selection, _target: Target) -> tuple[str, ...]:
    """Return the tests of a selection, ``fs/gf01``; groups are names of ``runtest`` files. Raise ``UsageError``."""
    folder = installed.place / "runtest"
    files = sorted(file.name for file in folder.iterdir() if file.is_file())
    groups = [name for words in selection.groups for name in words.split(",")]
    if unknown := [name for name in groups if name not in files]:
        raise UsageError(f"LTP has no file runtest/{unknown[0]}", hint=suggest(unknown[0], files))
    if not selection.tests:
        return tuple(f"{group}/{tag}" for group in groups or [_DEFAULT] for tag in _tags(folder / group))
    known = [f"{name}/{tag}" for name in groups or files for tag in _tags(folder / name)]
    found: dict[str, None] = {}
    for pattern in selection.tests:
        fits = [test for test in known if fnmatchcase(test, pattern) or fnmatchcase(test.partition("/")[2], pattern)]
        if not fits:
            raise UsageError(f"LTP has no test `{pattern}`", hint=suggest(pattern, known))
        found.update(dict.fromkeys(fits))
    return tuple(found)


def _tags(file: Path) -> Iterator[str]:
    for line in file.read_text(errors="replace").splitlines():
        match = _LINE.match(line)
        if match and not (file.name == _DEFAULT and _OTHERS.match(match[1])):
            yield match[1]


def run(job: Job) -> tuple[str, ...]:
    """Return the guest's command: the script, where the filesystem is, the list and the tag, and a device's making."""
    group, _, tag = job.test.partition("/")
    target = job.target
    programs = (" ".join(target.mkfs), " ".join(target.fsck or ("true",)))
    device = job.devices.get(_DEVICE, _DEVICE)
    return ("/bin/bash", f"{FOLDER}/{_SCRIPT}", job.mountpoint, group, tag, device, target.fstype, *programs)


def parse(job: Job, output: str, ended: CommandResult | None) -> tuple[SubResult, ...]:
    """Return the test's result; one that began and says nothing of its end is no pass."""
    end = next(reversed(list(_END.finditer(output))), None)  # a test may print anything before
    if not end:
        begun = not ended or _BEGAN.search(output)
        verdict, words = (
            (SubVerdict.FAILED, "did not come to its end") if begun else (SubVerdict.BLOCKED, "was not begun")
        )
        return (SubResult(name=job.test, verdict=verdict, words=f"it {words}: {output[-_SHOWN:].strip()}"),)
    verdict, words = _judged(int(end[1]), output[: end.start()])
    return (SubResult(name=job.test, verdict=verdict, words=words, duration_s=float(end[2])),)


def _judged(status: int, output: str) -> tuple[SubVerdict, str]:
    said = {name: found[0].strip() for name, pattern in _SAID.items() if (found := pattern.search(output))}
    if status == 0:
        return SubVerdict.PASSED, ""
    if status == _CONFIGURATION and "TCONF" in said:  # mount(8) ends with the same number where it fails
        return SubVerdict.SKIPPED, said["TCONF"][:_SHOWN]
    library = _LIBRARY.search(output)
    if library and not {"TFAIL", "TBROK"} & said.keys():
        return SubVerdict.BLOCKED, f"the guest lacks a library: {library[0][:_SHOWN]}"
    words = said.get("TFAIL") or said.get("TBROK") or output[-_SHOWN:].strip()
    return SubVerdict.FAILED, f"status {status}: {words[:_SHOWN]}"


SUITE = Suite(
    name=NAME,
    about="the filesystem tests of the Linux Test Project, from the user's installation",
    find=find,
    pack=pack,
    list=list_tests,
    run=run,
    parse=parse,
    expunge=parse_expunge,
    recipe="xfstests",
    disks=(Disk(serial=_DEVICE, size=512),),
    memory=512,
    timeout=1200.0,
    needs=("mkdir", "unlink"),
)
