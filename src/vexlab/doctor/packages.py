"""Which package holds what, on the distributions we know: tables, and pure functions over them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

FAMILIES = ("debian", "fedora", "arch", "alpine")

_INSTALL = {
    "debian": "sudo apt-get install",
    "fedora": "sudo dnf install",
    "arch": "sudo pacman -S",
    "alpine": "sudo apk add",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Something a host must have: one of ``anyof`` programs, and the package that holds it in each family.

    Without a ``needed`` one vexlab works, but for what ``why`` says.
    """

    anyof: tuple[str, ...]
    why: str
    packages: tuple[str, str, str, str]  # in the order of FAMILIES
    needed: bool = True


def _same(name: str) -> tuple[str, str, str, str]:
    return (name, name, name, name)


_UTIL_LINUX = ("util-linux", "util-linux", "util-linux", "setpriv")
_PRLIMIT = ("util-linux", "util-linux", "util-linux", "util-linux-misc")

PROGRAMS = (
    Need(
        anyof=("qemu-system-x86_64",),
        why="runs the machines",
        packages=("qemu-system-x86", "qemu-system-x86-core", "qemu-system-x86", "qemu-system-x86_64"),
    ),
    Need(anyof=("qemu-img",), why="makes disks", packages=("qemu-utils", "qemu-img", "qemu-img", "qemu-img")),
    Need(anyof=("setpriv",), why="ends machines when vexlab is killed", packages=_UTIL_LINUX),
    Need(anyof=("prlimit",), why="bounds what a build writes", packages=_PRLIMIT),
    Need(anyof=("apt-get",), why="fetches kernels and packages for images", packages=_same("apt")),
    Need(anyof=("dpkg-deb",), why="unpacks packages", packages=_same("dpkg")),
    Need(anyof=("depmod",), why="indexes kernel modules", packages=_same("kmod")),
    Need(anyof=("sqfstar",), why="makes images (squashfs-tools 4.5)", packages=_same("squashfs-tools")),
    Need(anyof=("mksquashfs",), why="makes images", packages=_same("squashfs-tools")),
    Need(anyof=("gcc-12", "gcc"), why="compiles modules", packages=("gcc-12", "gcc", "gcc", "gcc")),
    Need(anyof=("make",), why="builds modules", packages=_same("make")),
    Need(anyof=("ld",), why="links modules", packages=_same("binutils")),
    Need(anyof=("strip",), why="strips modules", packages=_same("binutils")),
    Need(
        anyof=("ssh",),
        why="`vexlab vm ssh`",
        packages=("openssh-client", "openssh-clients", "openssh", "openssh-client-default"),
        needed=False,
    ),
    Need(
        anyof=("ssh-keygen",),
        why="`vexlab vm ssh`",
        packages=("openssh-client", "openssh", "openssh", "openssh-keygen"),
        needed=False,
    ),
    Need(anyof=("gdb",), why="`vexlab debug MACHINE`", packages=_same("gdb"), needed=False),
)

_ELF = ("libelf-dev", "elfutils-libelf-devel", "libelf", "elfutils-dev")
_PAHOLE = ("pahole", "dwarves", "pahole", "pahole")

# What `vexlab kernels build` needs; most of it is unpacked from Debian's packages where it is not installed.
FOR_KERNELS = (
    Need(anyof=("gcc",), why="compiles kernels", packages=_same("gcc")),
    Need(anyof=("make",), why="builds kernels", packages=_same("make")),
    Need(anyof=("ld",), why="links kernels", packages=_same("binutils")),
    Need(anyof=("perl",), why="some of the kernel's scripts", packages=_same("perl")),
    Need(anyof=("flex",), why="reads Kconfig files", packages=_same("flex")),
    Need(anyof=("bison",), why="reads Kconfig files", packages=_same("bison")),
    Need(anyof=("bc",), why="computes the kernel's time constants", packages=_same("bc")),
    Need(anyof=("pahole",), why="writes types (BTF) into the kernel", packages=_PAHOLE),
    Need(anyof=("libelf.h",), why="the kernel's own build tools", packages=_ELF),
)

KEYRING = Need(
    anyof=("Debian's archive keys",),
    why="verifies packages",
    packages=("debian-archive-keyring", "debian-keyring", "debian-archive-keyring", "debian-archive-keyring"),
)
BUBBLEWRAP = Need(
    anyof=("bwrap",), why="keeps a target's Makefile in a sandbox", packages=_same("bubblewrap"), needed=False
)
LIBELF = Need(
    anyof=("libelf.so.1",),
    why="the kernel's own build tools",
    packages=("libelf1", "elfutils-libelf", "libelf", "libelf"),
)


def family_of(os_release: str) -> str:
    """Return the family of the system that an ``/etc/os-release`` (os-release(5)) describes, empty if unknown."""
    fields = {}
    for line in os_release.splitlines():  # ID_LIKE="rhel centos fedora"
        name, _, value = line.partition("=")
        fields[name.strip()] = value
    for name in ("ID", "ID_LIKE"):
        for word in " ".join(_unquoted(fields.get(name, ""))).split():
            if word in FAMILIES:
                return word
            if word in ("ubuntu", "rhel", "centos"):
                return "debian" if word == "ubuntu" else "fedora"
    return ""


def remedy(needs: Iterable[Need], family: str) -> str:
    """Return the command that installs ``needs``; for an unknown family one for each."""
    wanted = list(needs)
    if family:
        return _install(wanted, family)
    return "; ".join(f"{each}: {_install(wanted, each)}" for each in FAMILIES)


def _install(needs: Iterable[Need], family: str) -> str:
    index = FAMILIES.index(family)
    names = dict.fromkeys(need.packages[index] for need in needs)
    return f"{_INSTALL[family]} {' '.join(names)}"


def _unquoted(value: str) -> list[str]:
    try:
        return shlex.split(value)
    except ValueError:
        return []
