"""Programs that build a kernel: the host's own, or unpacked from packages into the cache where the host lacks them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from vexlab import process
from vexlab.apt import Apt
from vexlab.cache import Cache, Kind, key_of
from vexlab.errors import InfraError


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildTool:
    """Something that building a kernel needs: a program, or a header below /usr/include.

    ``packages`` are Debian's, with what they need at run time; none where it cannot be unpacked and must be installed.
    """

    name: str
    header: bool = False
    packages: tuple[str, ...] = ()


# Documentation/process/changes.rst lists them; bc counts for include/generated/timeconst.h.
BUILD_TOOLS = (
    BuildTool(name="gcc"),
    BuildTool(name="make"),
    BuildTool(name="ld"),
    BuildTool(name="perl"),
    BuildTool(name="flex", packages=("flex", "m4")),
    BuildTool(name="bison", packages=("bison", "m4")),
    BuildTool(name="bc", packages=("bc",)),
    BuildTool(name="pahole", packages=("pahole", "libdw1", "libelf1", "libbpf1")),
    BuildTool(name="libelf.h", header=True, packages=("libelf-dev", "libelf1", "zlib1g-dev")),
)
_PLACES = (Path("/usr/include"), Path("/usr/include/x86_64-linux-gnu"))
_LIBRARIES = "usr/lib/x86_64-linux-gnu"


def lacking(places: Iterable[Path] = _PLACES) -> tuple[BuildTool, ...]:
    """Return what the host lacks."""
    places = tuple(places)
    return tuple(
        tool
        for tool in BUILD_TOOLS
        if not (any((place / tool.name).exists() for place in places) if tool.header else process.find(tool.name))
    )


def environment(absent: Iterable[BuildTool], apt: Apt, cache: Cache) -> Mapping[str, str]:
    """Return what make's environment must have besides our own, so that it finds what is ``absent`` from the host.

    Packages are fetched and unpacked once. Raises ``FetchError``, and ``InfraError`` for what must be installed.
    """
    absent = tuple(absent)
    needed = [tool.name for tool in absent if not tool.packages]
    if needed:
        raise InfraError(
            f"building a kernel needs {', '.join(needed)}", hint="`vexlab doctor --for kernels` says how to install it"
        )
    packages = sorted({package for tool in absent for package in tool.packages})
    if not packages:
        return {}
    root = cache.make(Kind.BUILD_TOOLS, key_of(packages), lambda draft: apt.unpack(packages, draft))
    return _variables(root)


def _variables(root: Path) -> Mapping[str, str]:
    """Return the variables by which gcc, flex and bison find what lies in ``root`` instead of in ``/``."""
    headers = root / "usr/include"
    libraries = str(root / _LIBRARIES)
    return {
        "PATH": os.pathsep.join([os.environ.get("PATH", os.defpath), str(root / "usr/bin")]),
        "M4": str(root / "usr/bin/m4"),
        "BISON_PKGDATADIR": str(root / "usr/share/bison"),
        "CPATH": os.pathsep.join([str(headers), str(headers / "x86_64-linux-gnu")]),
        "LIBRARY_PATH": libraries,
        "LD_LIBRARY_PATH": libraries,
    }
