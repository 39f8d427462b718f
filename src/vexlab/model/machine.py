"""A virtual machine before it exists, and what a command inside it said."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A block device of the guest, found there by its ``serial``.

    ``file`` is a raw image when ``readonly``; otherwise the disk is a fresh qcow2 of ``size`` MiB. ``cache`` is
    QEMU's cache mode: ``unsafe`` ignores the guest's flushes, ``writeback`` honours them. ``sector`` is the logical
    block size in bytes.
    """

    serial: str
    size: int = 0
    file: Path | None = None
    readonly: bool = False
    cache: str = "unsafe"
    sector: int = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """A TCP port of the host's loopback that leads to the guest."""

    host_port: int
    guest_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSpec:
    """Everything that makes a machine; two equal specs give the same machine. ``memory`` is in MiB."""

    kernel: Path
    initrd: Path
    append: str
    disks: tuple[Disk, ...] = ()
    memory: int = 256
    cpus: int = 2
    accel: str = "tcg"
    network: bool = False
    forwards: tuple[Forward, ...] = ()
    vnc_port: int = 0


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
    over the agent's limit.
    """

    argv: tuple[str, ...]
    status: int
    signal: int
    stdout: bytes
    stderr: bytes
    duration: float
    truncated: bool = False

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
        words = self.error_text or self.text
        return f"`{' '.join(self.argv)}` ended with status {self.status}" + (f": {words[-500:]}" if words else "")
