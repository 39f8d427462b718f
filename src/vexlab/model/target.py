"""What is put to the test: a filesystem module's description, and what its build made."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

KERNEL = "{kernel}"  # in a command that prepares a build: the folder of the kernel's headers
# The words before a command of mkfs that only knows files (workloads/mkfs_on_file.sh).
ON_FILE = ("sh", "/vexlab/lib/mkfs_on_file.sh", "{device}")
# Whether whoever makes an image may wish the kernel ill.
Images = Literal["untrusted", "trusted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildPlan:
    """How the module is made: ``make -C <kernel> M=<copy of source>`` plus ``args``; ``timeout`` in seconds.

    ``prepare`` are commands that are run in the copy before, each within ``timeout``, ``{kernel}`` being the folder of
    the kernel's headers.
    """

    args: tuple[str, ...] = ()
    timeout: float = 600.0
    prepare: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Programs built on the host and put into the guest's PATH: ``make -C source`` must produce ``outputs``.

    ``prepare`` are commands that are run in the copy of ``source`` before.
    """

    source: Path
    outputs: tuple[str, ...]
    args: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzPlan:
    """What a target says for fuzzing: the ``header`` that defines its ioctls, ``descriptions`` for syzkaller."""

    header: Path | None = None
    descriptions: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Another way to make and mount a target.

    ``mkfs`` is an argument vector, empty for the target's own; ``options`` are mount options beside the target's own,
    ``refuses`` what it refuses besides in this configuration.
    """

    name: str
    mkfs: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    refuses: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A filesystem under test, as ``target.toml`` describes it.

    ``source`` is ``None`` for a filesystem of the distribution's kernel. ``mkfs``, ``fsck``, ``repair`` and ``fields``
    (which lists every field of an image) are argument vectors with ``{device}`` for the block device; ``min_disk`` is
    the smallest usable device in MiB. ``mkfs_sized`` makes a filesystem of ``{kib}`` KiB on a larger device.
    ``options`` are its own mount options, each with its values; ``statistics`` says in which files under ``/sys`` or
    ``/proc`` it shows numbers, with ``{name}`` for the device's name. ``refuses`` names operations the filesystem
    rightly does not support, with the reason. ``harmless`` are parts of lines that the kernel may say when it mounts
    what a power cut left, though they are warnings.
    ``old_images`` are filesystems that earlier versions made, packed by xz, each with its manifest beside it.
    ``configuration`` is the one of ``configurations`` that ``mkfs``, ``mount_options`` and ``refuses`` are those of;
    empty: the target's own. With trusted ``images`` what crafted ones do is not counted. ``probes`` are names for its
    functions, for ``vexlab trace``.
    ``uapi`` are the headers of its interface with programs: the structures of its ioctls.
    """

    name: str
    fstype: str
    module: str
    file: Path
    source: Path | None = None
    build: BuildPlan = field(default_factory=BuildPlan)
    depends: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    mkfs: tuple[str, ...] = ()
    mkfs_sized: tuple[str, ...] = ()
    fsck: tuple[str, ...] = ()
    repair: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    mount_options: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    min_disk: int = 64
    vectors: str = ""
    options: tuple[tuple[str, tuple[str, ...]], ...] = ()
    statistics: tuple[tuple[str, str], ...] = ()
    refuses: tuple[tuple[str, str], ...] = ()
    harmless: tuple[str, ...] = ()
    old_images: tuple[Path, ...] = ()
    configurations: tuple[Configuration, ...] = ()
    configuration: str = ""
    fuzz: FuzzPlan | None = None
    images: Images = "untrusted"
    probes: tuple[tuple[str, str], ...] = ()
    uapi: tuple[Path, ...] = ()

    @property
    def in_tree(self) -> bool:
        """Whether the module comes with the kernel rather than from ``source``."""
        return self.source is None


def program_of(command: tuple[str, ...]) -> str:
    """Return the program that a command of a target runs."""
    return command[len(ON_FILE)] if command[: len(ON_FILE)] == ON_FILE else command[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleArtifact:
    """A module built for one kernel; ``path`` is ``None`` where it comes with the kernel.

    ``digest`` is the SHA-256 of everything that goes into the guest; ``tools`` maps program names to their files.
    ``warnings`` are the compiler's about the target's own files, one a line; ``foreign_warnings`` counts those about
    headers of the kernel and the system. ``log`` is the whole build log. ``notes`` is the folder with gcov's notes and
    the sources of a module that counts what runs of it (``vexlab.targets.counted``), ``None`` of any other.
    """

    target: str
    kernel: str
    path: Path | None
    digest: str
    tools: tuple[tuple[str, Path], ...] = ()
    warnings: tuple[str, ...] = ()
    foreign_warnings: int = 0
    log: str = ""
    cached: bool = False
    notes: Path | None = None
