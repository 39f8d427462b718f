"""Where kernels come from by name. A new distribution kernel is one more line."""

from __future__ import annotations

from dataclasses import dataclass

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

BY_NAME = {kernel.name: kernel for kernel in DEBIAN}
HOST = "host"


def flavour_of(name: str) -> str:
    """Return the flavour of the kernel called ``name``; whatever is not in the table was built by a distribution."""
    return BY_NAME[name].flavour if name in BY_NAME else DISTRO
