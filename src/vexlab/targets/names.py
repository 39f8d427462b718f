"""What the texts of ``target.toml`` may be: each becomes a path, a file's name, a word of a command, or a line to read.

A target is other people's work, and so is its description. The guest may be asked anything, but nothing here is to
reach the host by a name: neither a file outside the folder of a build, nor an option of apt, nor a terminal.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from vexlab.errors import UsageError
from vexlab.tables import has_control, visible


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A sort of text: ``pattern`` is for all of it, ``most`` in characters, ``words`` say it to people."""

    pattern: re.Pattern[str]
    most: int
    words: str


_ANY = re.compile(r".+", re.DOTALL)
# Shown to people and stored: "My filesystem 2"
NAME = Rule(pattern=re.compile(r"[^-/\s.]([^/]*[^/\s])?"), most=64, words="no slash, no `-`, `.` or space in front")
# As mount -t and /proc/filesystems say it: "fuse.sshfs"
FSTYPE = Rule(pattern=re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*"), most=64, words="letters, digits, `_`, `-`, `.`")
# MODULE_NAME_LEN (include/linux/moduleparam.h) is 56 with its end: "crc32c_generic"
MODULE = Rule(pattern=re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*"), most=55, words="letters, digits, `_`, `-`")
# Debian policy 5.6.1; apt takes a last `-` for "remove": "g++-12"
PACKAGE = Rule(pattern=re.compile(r"[a-z0-9]([a-z0-9+.-]*[a-z0-9+])?"), most=100, words="a Debian package's name")
# What mount -o, insmod and a shell take as one word: "errors=remount-ro"  ·  "debug=1"
OPTION = Rule(pattern=re.compile(r"[A-Za-z0-9_.][\w.:=,%@/+~^-]*"), most=256, words="one word without quotes")
# A word of a case's id, between dashes: "small_blocks"
CONFIGURATION = Rule(pattern=re.compile(r"[A-Za-z0-9_.]+"), most=40, words="letters, digits, `_`, `.`")
# A function of the module, or of another one: "vexfs_lookup"  ·  "jbd2:jbd2_journal_start"
FUNCTION = Rule(
    pattern=re.compile(r"([A-Za-z0-9_]+:)?[A-Za-z_][A-Za-z0-9_.]*"), most=128, words="FUNCTION or MODULE:FUNCTION"
)
# "/sys/fs/x/{name}/blocks"
GUEST_FILE = Rule(pattern=re.compile(r"/(sys|proc)/[\w./:@+{}-]+"), most=256, words="a file below /sys or /proc")
# A program in the folder of its source: "bin/mkfs.x"
OUTPUT = Rule(pattern=re.compile(r"[\w.+][\w.+-]*(/[\w.+][\w.+-]*)*"), most=256, words="a path below the tool's source")
# An argument, a reason, a command.
LINE = Rule(pattern=_ANY, most=4096, words="one line")
FILE_NAME = Rule(pattern=_ANY, most=4096, words="a path")

_LONGEST_BUILD_S = 86400.0
_LARGEST_DISK_MIB = 1 << 20


def checker(file: object) -> Callable[[str, Rule, str], str]:
    """Return a function that returns ``text`` where it keeps ``rule``, or raises ``UsageError`` that names ``key``."""

    def check(text: str, rule: Rule, key: str) -> str:
        if len(text) <= rule.most and rule.pattern.fullmatch(text) and not has_control(text):
            return text
        shown = visible(text[:60]).replace("\n", "\\n").replace("\t", "\\t") + ("…" if len(text) > 60 else "")
        raise UsageError(
            f"{file}: `{key}` cannot be `{shown}`", hint=f"it takes {rule.words}, {rule.most} characters at most"
        )

    return check


def check_outputs(outputs: Iterable[str], file: object) -> None:
    """Raise ``UsageError`` where a program would not lie in its folder, or two would have one name in the guest."""
    check = checker(file)
    seen: set[str] = set()
    for output in outputs:
        check(output, OUTPUT, "outputs")
        path = PurePosixPath(output)
        if ".." in path.parts:
            raise UsageError(f"{file}: `{output}` of `outputs` lies outside the tool's source")
        if path.name in seen:
            raise UsageError(f"{file}: two programs of [[tools]] are called {path.name}")
        seen.add(path.name)


def check_numbers(timeout: float, min_disk: int, file: object) -> None:
    """Raise ``UsageError`` for a deadline that never comes, or a disk that cannot be."""
    if not (math.isfinite(timeout) and 0 < timeout <= _LONGEST_BUILD_S):
        raise UsageError(f"{file}: `build.timeout` must be between 0 and {_LONGEST_BUILD_S:g} seconds")
    if not 1 <= min_disk <= _LARGEST_DISK_MIB:
        raise UsageError(f"{file}: `min_disk` must be between 1 and {_LARGEST_DISK_MIB} MiB")
