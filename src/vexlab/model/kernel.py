"""A bootable kernel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vexlab.model.key import DISTRO


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavour:
    """How kernels are built, and what follows from it for their machines.

    ``append`` are boot arguments beside those of every kernel. ``options`` must stand in the build configuration,
    without ``CONFIG_``: built in (``KASAN``), or with a value (``LOG_BUF_SHIFT=20``). ``timeout_scale`` tells how many
    times as long as a distribution's kernel it may take for anything. ``fragments`` name the parts of the
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
class Kernel:
    """A kernel at hand: ``name`` as the user says it, ``release`` as ``uname -r`` prints it, ``flavour`` by its name.

    ``image`` is the bzImage, ``modules`` the folder ``/lib/modules/<release>`` with a ``modules.dep``, ``config``
    its build configuration, ``version`` whatever tells two builds of the same name apart (the package's version).
    """

    name: str
    release: str
    version: str
    image: Path
    modules: Path
    config: Path
    flavour: str = DISTRO

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
