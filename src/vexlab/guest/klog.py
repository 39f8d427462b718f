"""What a filesystem itself said on the console: the cause, where a program was only told an error's number. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vexlab.model.machine import errno_name
from vexlab.vm.console import printable

_SHOWN = 300
# Errors whose cause only the kernel's log has; where it turned read-only that is the first error, not the last line.
_FIRST, _LAST = ("EROFS",), ("EIO", "EUCLEAN", "EFSCORRUPTED")
# open: expected success, got EUCLEAN
_NAMED = re.compile(rf"\b({'|'.join((*_FIRST, *_LAST))})\b")
# [   12.345678] [T1234] EXT4-fs error (device vdc): ext4_lookup:1855: ...    (the caller: CONFIG_PRINTK_CALLER)
_LINE = re.compile(r"^(?:<\d+>)?\[ *\d+\.\d+\](?: *\[ *[TC]\d+\])? (.*)$", re.MULTILINE)
# EXT4-fs (vdc): Remounting filesystem read-only;  XFS (vdc): Corruption of in-memory data detected.  Shutting down
_ERROR = re.compile(
    r"error|corrupt|fail|abort|read-?only|shut(?:ting)? ?down|\bbad\b|invalid|inconsisten|cannot|wrong",
    re.IGNORECASE,
)
# EXT4-fs (vdc): mounted filesystem with ordered data mode. Opts: errors=remount-ro.     (what it was asked for)
_NO_ERROR = re.compile(r"\b(?:un)?mount(?:ed|ing)\b", re.IGNORECASE)
# vexfs: module verification failed: signature and/or required key missing - tainting kernel    (kernel/module/main.c)
_LOADER = re.compile(
    r"\S+: (?:loading out-of-tree module|module (?:verification failed|license)|(?:no symbol|disagrees about) version)"
)
# The words by which filesystems call themselves where those are neither the module's name nor the type's.
_ALSO = {"msdos": ("fat",), "nilfs2": ("nilfs",), "vfat": ("fat",)}


def own_lines(console: str, module: str, fstype: str) -> Iterator[str]:
    """Yield what the filesystem printed under its own name: ``myfs: ...``, ``EXT4-fs (vdc): ...``."""
    names = {module, module.replace("_", "-"), fstype, *_ALSO.get(fstype, ())}
    own = re.compile(
        rf"(?:{'|'.join(map(re.escape, sorted(names - {''})))})(?:[-_ ]?fs)?(?: (?:error|warning))?(?::| \()",
        re.IGNORECASE,
    )
    for match in _LINE.finditer(console):
        if own.match(match[1]) and not _LOADER.match(match[1]):
            yield printable(match[1].strip())[:_SHOWN]


def last_own_line(console: str, module: str, fstype: str) -> str:
    """Return the last line that the filesystem printed under its own name, or ``""``."""
    return next(reversed(list(own_lines(console, module, fstype))), "")


def first_error(console: str, module: str, fstype: str) -> str:
    """Return the first line under the filesystem's own name that tells of an error, or ``""``."""
    lines = own_lines(console, module, fstype)
    return next((line for line in lines if _ERROR.search(line) and not _NO_ERROR.search(line)), "")


def explained(words: str, console: str, module: str, fstype: str) -> str:
    """Return ``words``, and below them the filesystem's own where an error's cause can only be there.

    EIO and EUCLEAN: its last line. EROFS: its first error, since all that came later follows from it. ``words`` are as
    they were where the filesystem said nothing, or is quoted already.
    """
    names = {errno_name(words), *_NAMED.findall(words)}
    if names & set(_FIRST):
        return quoted(words, first_error(console, module, fstype))
    if names & set(_LAST):
        return quoted(words, last_own_line(console, module, fstype))
    return words


def quoted(words: str, line: str) -> str:
    """Return ``words`` and below them what the kernel said; as they are where it said nothing, or is quoted already."""
    return f"{words}\nthe kernel said: {line}" if line and line not in words else words
