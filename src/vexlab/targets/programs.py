"""Programs that look at a source: the host's own, or unpacked from packages into the cache, never installed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vexlab import process
from vexlab.apt import Apt
from vexlab.cache import Cache, Kind, key_of

# Debian's packages of each, with what they need at run time; a program without any must be installed.
PACKAGES: Mapping[str, tuple[str, ...]] = {
    "sparse": ("sparse",),
    "spatch": ("coccinelle", "libpcre3"),
    "pahole": ("pahole", "libbpf1", "libdw1", "libelf1"),
    "smatch": (),
    "perl": (),
}
_LIBRARIES = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """``root`` is the folder it was unpacked to, ``None`` where it is installed; ``environment`` is what it needs."""

    path: Path
    root: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> tuple[str, ...]:
        """The beginning of a command line that runs it."""
        given = tuple(f"{name}={value}" for name, value in self.environment.items())
        return ("env", *given, str(self.path)) if given else (str(self.path),)

    @property
    def readable(self) -> tuple[Path, ...]:
        """What a sandbox must show besides the system."""
        return (self.root,) if self.root else ()


def find_program(name: str, cache: Cache, apt: Apt | None = None) -> Program | None:
    """Return the program ``name`` of ``PACKAGES``, ``None`` where it is neither installed nor unpacked.

    With ``apt`` its packages are fetched and unpacked where it is missing. Raises ``FetchError`` where they cannot.
    """
    if installed := process.find(name):
        return Program(path=Path(installed))
    packages = PACKAGES[name]
    if not packages:
        return None
    key = key_of(packages)
    root = cache.get(Kind.BUILD_TOOLS, key)
    if root is None and apt is not None:
        root = cache.make(Kind.BUILD_TOOLS, key, lambda draft: apt.unpack(packages, draft))
    return _unpacked(name, root) if root else None


def _unpacked(name: str, root: Path) -> Program:
    libraries = os.pathsep.join(str(root / folder) for folder in _LIBRARIES)
    environment = {"LD_LIBRARY_PATH": libraries, **dict(_own(root))}
    return Program(path=root / "usr/bin" / name, root=root, environment=environment)


def _own(root: Path) -> Iterator[tuple[str, str]]:
    if (root / "usr/lib/coccinelle").is_dir():
        yield "COCCINELLE_HOME", str(root / "usr/lib/coccinelle")
