"""A bootable kernel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A kernel at hand: ``name`` as the user says it, ``release`` as ``uname -r`` prints it.

    ``image`` is the bzImage, ``modules`` the folder ``/lib/modules/<release>`` with a ``modules.dep``, ``config``
    its build configuration, ``version`` whatever tells two builds of the same name apart (the package's version).
    """

    name: str
    release: str
    version: str
    image: Path
    modules: Path
    config: Path

    @property
    def series(self) -> str:
        """The first two numbers of the release, such as ``6.1``."""
        return ".".join(self.release.split(".")[:2])
