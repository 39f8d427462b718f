"""A bootable kernel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vexlab.model.key import DISTRO
from vexlab.model.machine import Disk

IMAGE = "image:"  # what the name of a kernel begins with that comes in an image of the user's


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavour:
    """How kernels are built, and what follows from it for their machines.

    ``append`` are boot arguments beside those of every kernel. ``options`` must stand in the build configuration,
    without ``CONFIG_``: built in (``KASAN``), or with a value (``LOG_BUF_SHIFT=20``). ``timeout_scale`` tells how many
    times as long as a distribution's kernel it may take for anything, at least. ``fragments`` name the parts of the
    configuration that ``vexlab kernels build`` merges (``kernels/fragments``); a flavour without is never built.
    ``memory`` in MiB is what its machines have at least. ``shows`` names what such kernels report, in the words of a
    catalogue of defects. ``plain`` names objects of the kernel that are compiled without instrumentation.
    """

    name: str
    about: str
    append: str = ""
    options: tuple[str, ...] = ()
    timeout_scale: float = 1.0
    fragments: tuple[str, ...] = ()
    memory: int = 0
    shows: tuple[str, ...] = (DISTRO,)
    plain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """An image of the user's, taken of the named machine ``name``: what machines have beside its kernel.

    ``digest`` is the SHA-256 of its disks' content. ``disks`` come first in a machine; its root is on the first of
    them that is not read-only. ``append`` is what it booted with, ``memory`` the least that its machines have, in MiB.
    ``given`` is the name of the kernel of vexlab's that the image got, empty where it brought its own; ``newer_cpu`` is
    as in ``MachineSpec``.
    """

    name: str
    digest: str
    disks: tuple[Disk, ...]
    initrd: Path
    append: str
    memory: int
    given: str = ""
    newer_cpu: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A kernel at hand: ``name`` as the user says it, ``release`` as ``uname -r`` prints it, ``flavour`` by its name.

    ``image`` is the bzImage, ``modules`` the folder ``/lib/modules/<release>`` with a ``modules.dep``, ``config``
    its build configuration, ``version`` whatever tells two builds of the same name apart (the package's version).
    ``system`` is the user's image that it came in, ``None`` for one that boots images of vexlab's.
    """

    name: str
    release: str
    version: str
    image: Path
    modules: Path
    config: Path
    flavour: str = DISTRO
    system: System | None = None

    @property
    def series(self) -> str:
        """The first two numbers of the release, such as ``6.1``."""
        return ".".join(self.release.split(".")[:2])


def in_flavour(name: str, flavour: str) -> str:
    """Return the name of the kernel ``name`` as it is built in ``flavour``; doing it twice changes nothing.

    >>> in_flavour("6.1", "kasan")
    '6.1-kasan'
    """
    if flavour in ("", DISTRO) or name.endswith(f"-{flavour}"):
        return name
    return f"{name}-{flavour}"
