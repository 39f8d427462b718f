"""The host: programs, room, memory, cores, folders."""

from __future__ import annotations

import ctypes
import os
import shutil
import tempfile
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from vexlab.apt import KEYRING as KEYRING_FILE
from vexlab.doctor.check import Check
from vexlab.doctor.packages import BUBBLEWRAP, FOR_KERNELS, KEYRING, LIBELF, PROGRAMS, Need, remedy
from vexlab.kernels.tools import BuildTool
from vexlab.targets.sandbox import Proof
from vexlab.vm.room import QEMU_MIB

_MIB = 1 << 20
_DISK_NEEDED_MIB = 1024  # a kernel, its headers, an image, two snapshots of 256 MiB
_DISK_WANTED_MIB = 4096  # all kernels and a few targets
_SOCKET = len("/vexlab-12345678/m9999/console")
_PATH_MOST = 107
# Where bwrap is installed and fails, user namespaces are mostly forbidden: by Debian's switch, Ubuntu's AppArmor, or
# the seccomp filter of a container.
_USER_NAMESPACES = (
    "allow user namespaces: sysctl kernel.unprivileged_userns_clone=1 (Debian), "
    "kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu); in a container, seccomp and AppArmor unconfined"
)


def programs(find: Callable[[str], str | None], family: str) -> tuple[Check, ...]:
    """Return a check for each program; ``find`` returns a program's path or ``None``."""
    checks = []
    for need in PROGRAMS:
        found = next((path for name in need.anyof if (path := find(name))), "")
        checks.append(_have(need, found, family))
    return tuple(checks)


def keyring(family: str, file: Path = KEYRING_FILE) -> Check:
    """Look for the keys that Debian signs its packages with."""
    return _have(KEYRING, str(file) if file.exists() else "", family)


def libelf(family: str) -> Check:
    """Look for the library that objtool, which comes with kernel headers, is linked with."""
    name = LIBELF.anyof[0]
    try:
        ctypes.CDLL(name)
    except OSError:
        return _have(LIBELF, "", family)
    return _have(LIBELF, name, family)


def for_kernels(absent: Collection[BuildTool], family: str) -> tuple[Check, ...]:
    """Return a check for each thing that building kernels needs; ``absent`` is what this machine lacks.

    What can be unpacked from packages need not be installed.
    """
    lacks = {tool.name: tool for tool in absent}
    checks = []
    for need in FOR_KERNELS:
        tool = lacks.get(need.anyof[0])
        check = _have(need, "" if tool else "installed", family)
        if tool and tool.packages:
            detail = f"not installed, unpacked into the cache when a kernel is built: {need.why}"
            check = replace(check, detail=detail, needed=False)
        checks.append(check)
    return tuple(checks)


def build_sandbox(proof: Proof, family: str, *, installed: bool, required: bool) -> Check:
    """Say whether a target's Makefile runs in a sandbox here, as was just tried; ``required`` by the settings."""
    if proof.works:
        detail = f"{proof.words}: a build has no network and no home, and writes to its own folder only"
        return Check(name="build sandbox", ok=True, detail=detail, needed=required)
    fix = _USER_NAMESPACES if installed else remedy([BUBBLEWRAP], family)
    detail = f"{proof.words}: a target's Makefile can do what you can"
    return Check(name="build sandbox", ok=False, detail=detail, fix=fix, needed=required)


def _have(need: Need, found: str, family: str) -> Check:
    name = " or ".join(need.anyof)
    if found:
        return Check(name=name, ok=True, detail=found, needed=need.needed)
    detail = f"missing: {need.why}"
    return Check(name=name, ok=False, detail=detail, fix=remedy([need], family), needed=need.needed)


def disk(cache: Path) -> tuple[Check, Check]:
    """Return whether there is room to work at all, and room to spare, where the cache is or will be."""
    free = shutil.disk_usage(_existing(cache)).free // _MIB
    fix = "free some space, or set VEXLAB_CACHE to a folder on another disk"
    detail = f"{free} MiB free for {cache}"
    return (
        Check(name="disk", ok=free >= _DISK_NEEDED_MIB, detail=detail, fix=fix),
        Check(
            name="disk for many kernels",
            ok=free >= _DISK_WANTED_MIB,
            detail=f"{free} MiB free, {_DISK_WANTED_MIB} are comfortable",
            fix=fix,
            needed=False,
        ),
    )


def memory(available: int, machine: int) -> Check:
    """Compare the ``available`` bytes with what a machine of ``machine`` MiB takes."""
    return Check(
        name="memory",
        ok=available // _MIB >= machine + QEMU_MIB,
        detail=f"{available // _MIB} MiB available, a machine takes {machine + QEMU_MIB}",
        fix="end other programs, or give --memory a smaller value",
    )


def cores(count: int) -> Check:
    """Say how many machines can run side by side without slowing each other."""
    return Check(
        name="cores",
        ok=count >= 2,
        detail=f"{count}: --jobs {max(1, count)} at most",
        fix="with one core, races show rarely and everything takes longer",
        needed=False,
    )


def writable(name: str, folder: Path, variable: str) -> Check:
    """Try to write where ``folder`` is or will be."""
    place = _existing(folder)
    fix = f"set {variable} to a folder of yours"
    try:
        with tempfile.TemporaryFile(dir=place):
            return Check(name=name, ok=True, detail=str(folder), fix="")
    except OSError as error:
        return Check(name=name, ok=False, detail=f"{place}: {error.strerror or error}", fix=fix)


def short_enough(folder: Path) -> Check:
    """Compare the length of the temporary folder's path with what a unix socket's may be (unix(7))."""
    length = len(os.fsencode(folder)) + _SOCKET
    return Check(
        name="socket paths",
        ok=length <= _PATH_MOST,
        detail=f"{length} of {_PATH_MOST} bytes below {folder}",
        fix="set TMPDIR to a folder with a shorter path, such as /tmp",
    )


def _existing(folder: Path) -> Path:
    return next((each for each in (folder, *folder.parents) if each.exists()), Path("/"))
