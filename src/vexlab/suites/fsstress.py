"""fsstress: many processes change one tree at random; what it leaves is checked. From the user's xfstests or LTP.

It verifies nothing itself: that the kernel is silent, the filesystem whole and the module unloadable is asked
afterwards. Its operations are those that the versions of xfstests and of LTP share (their ``-H``).
"""

from __future__ import annotations

import os
from pathlib import Path

from vexlab import process
from vexlab.errors import UsageError
from vexlab.model.target import Target
from vexlab.suites.adapter import Installed, Payload, Search, Suite, whole
from vexlab.suites.expunge import parse_expunge
from vexlab.suites.parts import parse_by, run_by

NAME = "fsstress"
_SCRIPT = "fsstress.sh"
# In a tree that was built and not installed, libtool's wrapper stands for the program beside it.
_IN_TREES = ("ltp/.libs/fsstress", "ltp/fsstress", "testcases/bin/fsstress", NAME)
_PLACES = ("/var/lib/xfstests", "/opt/xfstests", "/usr/lib/xfstests", "/opt/ltp")
_GET = "it comes with xfstests and LTP: name such a tree, or the program, by --tree, VEXLAB_FSSTRESS or `[suites]`"
_TREE = ("mkdir", "rmdir", "unlink")

# The parts that guest/fsstress.sh knows, and the capabilities that they are about.
PARTS: dict[str, tuple[str, ...]] = {
    "alone": _TREE,
    "processes": _TREE,
    "names": (*_TREE, "rename"),
    "data": (*_TREE, "truncate_up", "truncate_down"),
    "direct": (*_TREE, "direct_io"),
}


def find(search: Search) -> Installed:
    """Return the program that the user names, else that of PATH or of a tree in a usual place; raise ``UsageError``."""
    places = [search.given] if search.given else [process.find(NAME) or "", *_PLACES]
    for place in filter(None, places):
        path = Path(place).expanduser().absolute()
        for program in [path / name for name in _IN_TREES] if path.is_dir() else [path]:
            if program.is_file() and os.access(program, os.X_OK) and program.read_bytes()[:4] == b"\x7fELF":
                return Installed(suite=NAME, place=program)
    raise UsageError(f"there is no {NAME} in {search.given}" if search.given else f"{NAME} is not installed", hint=_GET)


def pack(installed: Installed, _target: Target) -> Payload:
    """Return the program and the script that starts it."""
    return Payload(files={_SCRIPT: Path(__file__).with_name("guest") / _SCRIPT}, programs={NAME: installed.place})


SUITE = Suite(
    name=NAME,
    about="many processes that change one tree at random, from the user's xfstests or LTP",
    find=find,
    pack=pack,
    list=whole,
    run=run_by(_SCRIPT, PARTS),
    parse=parse_by(PARTS),
    expunge=parse_expunge,
    memory=384,
    timeout=1800.0,
    needs=_TREE,
)
