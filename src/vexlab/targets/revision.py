"""The git revision of a source tree. The repository is other people's: nothing that it configures is run."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path

from vexlab import process
from vexlab.errors import InfraError

_GIT_S = 20.0
# A repository may name programs for git to run: a monitor of files, hooks, transports that fetch what a partial clone
# lacks, and filters, which git runs over every file that it reads. So it only lists what it keeps; we read the files.
_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
_ENVIRONMENT = {"GIT_ALLOW_PROTOCOL": "none", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
_LINK, _SUBMODULE = "120000", "160000"  # modes in a tree


def source_revision(folder: Path) -> str:
    """Return ``git describe`` of a source folder, ``-dirty`` where its tracked files differ; ``""`` without git.

    A folder that its repository does not track has no revision, and changes outside of the folder do not count. Files
    that the repository keeps in another form than that of the folder (by a filter) count as changed.
    """
    with contextlib.suppress(InfraError):  # there is no git, or it does not come to its end
        described = git(folder, "describe", "--always", "--tags", "HEAD").decode(errors="replace").strip()
        tracked = git(folder, "ls-tree", "-r", "-z", "HEAD", "--", ".")
        if described and tracked:
            return f"{described}-dirty" if _changed(folder, tracked) else described
    return ""


def _changed(folder: Path, tracked: bytes) -> bool:
    """Return whether the folder differs from what ``git ls-tree -r -z`` printed: in a content, or who may run it."""
    for line in tracked.rstrip(b"\0").split(b"\0"):
        # 100644 blob 2f5cf1d4e8e1f7a0c3c4d1b2a39485766f5e4d3c\tsub/inode.c
        facts, _, name = line.partition(b"\t")
        mode, _, blob = facts.decode().split(" ")
        if mode != _SUBMODULE and not _is_same(folder / os.fsdecode(name), mode, blob):
            return True
    return False


def _is_same(file: Path, mode: str, blob: str) -> bool:
    try:
        now = file.lstat()
        if mode == _LINK:
            content = os.fsencode(file.readlink())
        elif not stat.S_ISREG(now.st_mode) or bool(now.st_mode & stat.S_IXUSR) != (mode == "100755"):
            return False
        else:
            content = file.read_bytes()
    except OSError:
        return False
    made = hashlib.new("sha1" if len(blob) == 40 else "sha256", usedforsecurity=False)  # gitformat-index(5)
    made.update(b"blob %d\0" % len(content) + content)
    return made.hexdigest() == blob


def git(folder: Path, *arguments: str, given: bytes | None = None) -> bytes:
    """Return what git printed, nothing where it failed; raise ``InfraError`` where it cannot be run.

    ``given`` is its standard input.
    """
    around = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | _ENVIRONMENT
    done = process.run(["git", *_SAFE, *arguments], cwd=folder, timeout=_GIT_S, env=around, inherit=False, input=given)
    return done.stdout if done.returncode == 0 else b""
