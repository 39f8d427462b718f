"""Where kernels come from by name. A new distribution kernel is one more line."""

from __future__ import annotations

from dataclasses import dataclass

from vexlab.kernels.flavours import built
from vexlab.model.kernel import IMAGE
from vexlab.model.key import DISTRO


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedKernel:
    """A Debian kernel: meta packages whose dependency names the current release, and the suite that holds them."""

    name: str
    image: str
    headers: str
    release: str
    flavour: str = DISTRO
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePackage:
    """A Debian package that holds a kernel's source; ``name`` is what its kernels' names begin with."""

    name: str
    package: str
    release: str


DEBIAN = (
    PackagedKernel(
        name="6.1",
        image="linux-image-cloud-amd64",
        headers="linux-headers-cloud-amd64",
        release="bookworm",
        about="Debian 12, cloud flavour: boots fastest",
    ),
    PackagedKernel(
        name="6.1-amd64",
        image="linux-image-amd64",
        headers="linux-headers-amd64",
        release="bookworm",
        about="Debian 12, general flavour: all drivers and filesystems",
    ),
    PackagedKernel(
        name="6.12",
        image="linux-image-cloud-amd64",
        headers="linux-headers-cloud-amd64",
        release="bookworm-backports",
        about="Debian 12 backports, cloud flavour",
    ),
    PackagedKernel(
        name="6.12-amd64",
        image="linux-image-amd64",
        headers="linux-headers-amd64",
        release="bookworm-backports",
        about="Debian 12 backports, general flavour",
    ),
)

SOURCES = (
    SourcePackage(name="6.1", package="linux-source-6.1", release="bookworm"),
    SourcePackage(name="6.12", package="linux-source-6.12", release="bookworm-backports"),
)

BY_NAME = {kernel.name: kernel for kernel in DEBIAN}
SOURCE_BY_NAME = {source.name: source for source in SOURCES}
HOST = "host"


def flavour_of(name: str) -> str:
    """Return the flavour of the kernel called ``name``.

    A kernel that vexlab built has it at the end of its name (``6.1-kasan``); whatever is neither that nor in the table
    was built by a distribution, and so was one in an image of the user's.
    """
    if name.startswith(IMAGE):
        return DISTRO
    if name in BY_NAME:
        return BY_NAME[name].flavour
    end = name.rpartition("-")[2]
    return end if "/" not in name and end in {flavour.name for flavour in built()} else DISTRO
