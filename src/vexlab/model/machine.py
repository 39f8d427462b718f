"""A virtual machine before it exists, and what a command inside it said."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_SCRIPT_LINES, _SCRIPT_END = 12, 3  # of a script of more lines than the first so many of its last ones are shown
_COMMAND_MOST = 160
_SHOWN, _COMMAND = 300, 100  # characters of a line that a command said, of the command itself
_SHELLS = ("sh", "bash")
# What strerror(3) says of each error, and its name: glibc's words here are the words of the guest's programs.
_ERRNO = {os.strerror(number): name for number, name in errno.errorcode.items()} | {
    os.strerror(errno.EOPNOTSUPP): "EOPNOTSUPP"  # ENOTSUP is the same number
}


class Accelerator(StrEnum):
    """What runs the guest's code; ``AUTO``, the fastest that is proved here, is for settings, not for a machine."""

    AUTO = "auto"
    KVM = "kvm"
    TCG = "tcg"


class CacheMode(StrEnum):
    """QEMU's cache mode of a disk: ``UNSAFE`` ignores the guest's flushes, ``WRITEBACK`` honours them."""

    UNSAFE = "unsafe"
    WRITEBACK = "writeback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A block device of the guest, found there by its ``serial``.

    ``file`` is a raw image when ``readonly``; otherwise the disk is a fresh qcow2 of ``size`` MiB, over the image
    ``backing`` where one is given: that is read, and never written. ``sector`` is the logical block size in bytes.
    """

    serial: str
    size: int = 0
    file: Path | None = None
    readonly: bool = False
    cache: CacheMode = CacheMode.UNSAFE
    sector: int = 512
    backing: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """A TCP port of the host's loopback that leads to the guest."""

    host_port: int
    guest_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A folder of the host that the guest can read, and never write, by 9p under the name ``tag``.

    ``path`` is where the guest has it mounted.
    """

    tag: str
    folder: Path
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSpec:
    """Everything that makes a machine; two equal specs give the same machine. ``memory`` is in MiB.

    ``timeout_scale`` is what all times that its commands may take are multiplied by (``vexlab.kernels.slowdown``).
    With ``own_kernel`` the machine boots from its first disk, as its firmware finds it, and ``kernel``, ``initrd`` and
    ``append`` say nothing; its programs may want a newer CPU than vexlab's, as they may where ``newer_cpu`` says so. A
    ``network`` reaches nothing unless it is ``open``; what passes is written to ``capture``, in libpcap's format.
    """

    kernel: Path
    initrd: Path
    append: str
    disks: tuple[Disk, ...] = ()
    memory: int = 256
    cpus: int = 2
    accel: Accelerator = Accelerator.TCG
    network: bool = False
    open: bool = False
    capture: Path | None = None
    own_kernel: bool = False
    newer_cpu: bool = False
    forwards: tuple[Forward, ...] = ()
    vnc_port: int = 0
    timeout_scale: float = 1.0
    shares: tuple[Share, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Memory and disks kept under ``tag`` at ``taken`` (seconds since 1970); ``size`` is the memory's, in bytes."""

    tag: str
    taken: float
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """How a guest command ended. ``status`` is the exit status, or 128 + ``signal`` as a shell would say it.

    ``duration`` is in seconds of the machine's own time (``vexlab.vm.clock``); ``truncated`` tells that output went
    over the agent's limit. ``guest_s`` is the duration in seconds by the guest's own clock, where that is known.
    """

    argv: tuple[str, ...]
    status: int
    signal: int
    stdout: bytes
    stderr: bytes
    duration: float
    truncated: bool = False
    guest_s: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the command ended with status 0."""
        return self.status == 0

    @property
    def text(self) -> str:
        """Standard output, decoded with replacement, without the last newline."""
        return self.stdout.decode(errors="replace").rstrip("\n")

    @property
    def error_text(self) -> str:
        """Standard error, decoded with replacement, without the last newline."""
        return self.stderr.decode(errors="replace").rstrip("\n")

    def __str__(self) -> str:
        """Say the cause first, on one line: what the command said, how it ended, then which command it was."""
        name = errno_name(self.said)
        how = [name] if name else []
        if self.signal:
            how.append(f"ended by {_signal_name(self.signal)}")
        elif self.status or not self.said:
            how.append(f"exit status {self.status}")
        return f"{self.said} ({', '.join([*how, self.command])})".lstrip()

    @property
    def said(self) -> str:
        """What the command said, on one line: the last line of standard error, its first, the last one printed."""
        errors, printed = _lines(self.error_text), _lines(self.text)
        parts = dict.fromkeys([*errors[-1:], *errors[:1], *printed[-1:]])
        return "; ".join(part if len(part) <= _SHOWN else part[: _SHOWN - 3] + "..." for part in parts)

    @property
    def command(self) -> str:
        """Which command it was, as ``short_command`` says it."""
        return short_command(self.argv)


def script_line(argv: Sequence[str]) -> str:
    """Return what a command does, on one line: of a script without its shell and its remarks, of a long one its end.

    >>> script_line(["sh", "-c", "# of vexlab\\nmkdir a &&\\n  touch a/b", "sh", "word"])
    'mkdir a && touch a/b sh word'
    """
    script, *words = argv[argv.index("-c") + 1 :] if "-c" in argv[:-1] else argv
    lines = [line for line in map(str.strip, script.splitlines()) if line and not line.startswith("#")]
    if len(lines) > _SCRIPT_LINES:  # what it begins with are functions that many scripts have
        lines = ["…", *lines[-_SCRIPT_END:]]
    return " ".join(" ".join([*lines, *words]).split())[:_COMMAND_MOST]


def short_command(argv: Sequence[str]) -> str:
    """Return a command on one line, for an error's words: of a script only its shell and its words are told."""
    words = list(argv)
    if words and words[0].endswith("/busybox"):
        words = words[1:] or ["busybox"]
    if len(words) > 2 and words[0].rpartition("/")[2] in _SHELLS and words[1] == "-c":
        words = [words[0], "script", *words[4:]]
    line = " ".join(" ".join(words).split()).removeprefix("/bin/")
    return line if len(line) <= _COMMAND else line[: _COMMAND - 3] + "..."


def errno_name(words: str) -> str:
    """Return the name of the error that ``words`` tell of as strerror(3) does, such as ``ENOSPC``; else ``""``.

    Where several are told of, the last one counts: programs say what they did first, and then why it failed.
    """
    places = ((words.rfind(meaning), len(meaning), name) for meaning, name in _ERRNO.items())
    found = max(places, default=(-1, 0, ""))
    return found[2] if found[0] >= 0 else ""


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
