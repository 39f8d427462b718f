"""Files of evidence, each known by an id. A path never comes from outside: ids are looked up in what lies there."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from vexlab.results.evidence import files_below

_SNIFF = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file of evidence: its name below the case's folder, and its size in bytes."""

    id: str
    name: str
    size: int


def artifacts(folder: Path) -> tuple[Artifact, ...]:
    """Return the files of evidence below ``folder``."""
    return tuple(
        Artifact(id=hashlib.sha256(os.fsencode(name)).hexdigest()[:24], name=name, size=size)
        for name, size in files_below(folder)
    )


def open_artifact(folder: Path, id_: str) -> tuple[Artifact, int] | None:
    """Return an artifact and a descriptor to read it by; ``None`` where there is none of that id.

    Every step of the way is opened without following links, so that none which was put there meanwhile leads out.
    """
    artifact = next((each for each in artifacts(folder) if each.id == id_), None)
    if artifact is None:
        return None
    *folders, name = artifact.name.split("/")
    try:
        at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        for each in folders:
            inner = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            os.close(at)
            at = inner
        number = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    except OSError:
        return None
    finally:
        os.close(at)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        return None
    return artifact, number


def is_text(number: int) -> bool:
    """Whether the file behind a descriptor begins as a text: without a NUL, and as UTF-8."""
    head = os.pread(number, _SNIFF, 0)
    try:
        head[:-4].decode()
    except UnicodeDecodeError:
        return b"\0" not in head and head.isascii()
    return b"\0" not in head
