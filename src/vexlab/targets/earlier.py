"""The files of an earlier revision, out of the repository of a target. Nothing that it configures is run."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from vexlab.errors import InfraError, UsageError
from vexlab.targets.revision import git

_MOST = 1 << 30  # bytes of all files
_LINK, _PROGRAM, _SUBMODULE = "120000", "100755", "160000"  # modes in a tree


def export_revision(file: Path, revision: str, into: Path) -> Path:
    """Write the whole repository of ``file`` as of ``revision`` to ``into``, and return where the file is there.

    The blobs are written as the repository keeps them, without its filters. Raises ``UsageError`` where it has no such
    revision, or had no such file then.
    """
    top = Path(os.fsdecode(git(file.parent, "rev-parse", "--show-toplevel").rstrip(b"\n")) or "/nowhere")
    if not file.resolve().is_relative_to(top.resolve()):
        raise UsageError(f"{file} is in no git repository", hint="earlier revisions are looked for in the target's own")
    if not git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"):
        raise UsageError(f"the repository of {file} has no revision `{revision}`")
    listed = git(top, "ls-tree", "-r", "-z", "--full-tree", "--end-of-options", revision)
    entries = [line.partition(b"\t") for line in listed.rstrip(b"\0").split(b"\0") if line]
    # 100644 blob 2f5cf1d4e8e1f7a0c3c4d1b2a39485766f5e4d3c\tsub/inode.c
    blobs = [(*facts.decode().split(" "), os.fsdecode(name)) for facts, _, name in entries]
    files = [(mode, blob, name) for mode, _, blob, name in blobs if mode != _SUBMODULE]
    contents = git(top, "cat-file", "--batch", given="".join(f"{blob}\n" for _, blob, _ in files).encode())
    at = 0
    for mode, _, name in files:
        end = contents.index(b"\n", at)
        size = int(contents[at:end].split(b" ")[2])  # 2f5cf1d4e8e1f7a0c3c4d1b2a39485766f5e4d3c blob 1234
        if end + size > _MOST:
            raise InfraError(f"the revision {revision} is larger than {_MOST >> 30} GiB")
        _write(into, name, mode, contents[end + 1 : end + 1 + size])
        at = end + 2 + size
    there = into / file.resolve().relative_to(top.resolve())
    if not there.is_file():
        raise UsageError(f"the revision {revision} has no {file.name} at {there.relative_to(into)}")
    return there


def _write(into: Path, name: str, mode: str, content: bytes) -> None:
    parts = PurePosixPath(name).parts
    if ".." in parts or PurePosixPath(name).is_absolute():  # git refuses to make such a tree, others may not
        raise InfraError(f"the repository holds a path that leads out of it: {name!r}")
    file = into.joinpath(*parts)
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.parent.resolve().is_relative_to(into.resolve()):
        raise InfraError(f"the repository holds a path that leads out of it: {name!r}")
    if mode == _LINK:
        file.symlink_to(os.fsdecode(content))
        return
    file.write_bytes(content)
    if mode == _PROGRAM:
        file.chmod(0o755)
