"""What syz-manager boots where no image is given: a root image with an ssh server, the module loaded at boot, a key.

The disk is a root image of vexlab's as it lies in the cache; syz-manager starts QEMU with ``-snapshot`` and writes
nothing to it. All that differs from one campaign to the next is in the initial ramdisk.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

from vexlab.images import cpio, modules
from vexlab.images.builder import GUEST
from vexlab.images.recipe import SYZKALLER, find_recipe
from vexlab.lab import Lab
from vexlab.model.kernel import Kernel
from vexlab.model.target import BuildPlan, ModuleArtifact, Target
from vexlab.targets.modinfo import undeclared
from vexlab.vm.ssh import make_key, public_of
from vexlab.workloads import KCOVMARK

KCOV = "CONFIG_KCOV=y"
INSTRUMENT = "KCOV_INSTRUMENT=y"  # Documentation/dev-tools/kcov.rst: for one module alone
# What the disk, the network and the loop devices of syz_mount_image want.
_MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "squashfs", "overlay", "loop")
_FOLDERS = (
    *("bin", "modules", "proc", "sys", "dev", "lower", "rw", "newroot"),
    *("own", "own/root", "own/root/.ssh", "own/vexlab"),
)
_INIT = "init-syzkaller"
_KEY, _INITRD = "key", "initrd.img"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestFiles:
    """What the guests boot from; ``initrd`` is ``None`` where a disk of the user's needs none."""

    image: Path
    key: Path
    initrd: Path | None = None


def prepare(
    lab: Lab, kernel: Kernel, target: Target, artifact: ModuleArtifact, image: bytes, folder: Path
) -> GuestFiles:
    """Make the guests' files in ``folder``; a key that is there stays. They keep ``image`` mounted.

    Raises ``UsageError`` for a module that ``kernel`` does not have, ``FetchError`` or ``InfraError`` as ``Images``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    root = lab.images.root(find_recipe(SYZKALLER))
    key = folder / _KEY
    if not (key.exists() and public_of(key).exists()):
        make_key(key)
    mark = lab.artifact(_mark(), kernel).path if has_kcov(kernel) else None
    files = {
        "init": (GUEST / _INIT).read_bytes(),
        "bin/busybox": (root / "busybox").read_bytes(),
        "own/root/.ssh/authorized_keys": public_of(key).read_bytes(),
        **kept(target, image),
        **_kernel_modules(kernel, target, artifact),
        **own_modules(target, artifact.path.read_bytes() if artifact.path else b"", mark.read_bytes() if mark else b""),
    }
    (folder / _INITRD).write_bytes(cpio.archive(_FOLDERS, files))
    return places(lab, folder)


def places(lab: Lab, folder: Path) -> GuestFiles:
    """Return where ``prepare`` puts the guests' files."""
    root = lab.images.root(find_recipe(SYZKALLER))
    return GuestFiles(image=root / "root.sqfs", key=folder / _KEY, initrd=folder / _INITRD)


def has_kcov(kernel: Kernel) -> bool:
    """Whether the kernel tells which code ran."""
    options = kernel.config.read_text(errors="replace") if kernel.config.is_file() else ""
    return KCOV in options.splitlines()


def own_modules(target: Target, module: bytes, mark: bytes) -> dict[str, bytes]:
    """Return what is loaded last, in the order of the names, with the target's parameters beside its module."""
    name = f"own/vexlab/2-{target.module}.ko"
    return {
        **({"own/vexlab/1-kcovmark.ko": mark} if mark else {}),
        **({name: module} if module else {}),
        **({f"{name}.params": " ".join(target.params).encode()} if module and target.params else {}),
    }


def kept(target: Target, image: bytes) -> dict[str, bytes]:
    """Return the filesystem that guests keep mounted, and how."""
    options = ["-o", ",".join(target.mount_options)] if target.mount_options else []
    return {
        "own/vexlab/kept.gz": gzip.compress(image, mtime=0),
        "own/vexlab/kept.mount": " ".join(["-t", target.fstype, *options]).encode(),
    }


def _kernel_modules(kernel: Kernel, target: Target, artifact: ModuleArtifact) -> dict[str, bytes]:
    """Return the kernel's modules that the guest loads in the initial ramdisk, numbered in their order."""
    wanted = [*_MODULES, *target.depends]
    if artifact.path:
        wanted += sorted(undeclared(artifact.path.read_bytes(), target.depends))
    if target.in_tree:
        wanted.append(target.module)
    order = modules.load_order(
        (kernel.modules / "modules.dep").read_text(),
        (kernel.modules / "modules.builtin").read_text(),
        [name.replace("-", "_") for name in wanted],
    )
    return {
        f"modules/{number:02d}-{modules.module_name(path)}.ko": modules.read_module(kernel.modules / path)
        for number, path in enumerate(order)
    }


def _mark() -> Target:
    """Return the module by which syz-manager finds that KCOV works (``workloads/kcovmark``), as a thing to build."""
    return Target(
        name="kcovmark", fstype="", module="kcovmark", file=KCOVMARK / "Kbuild", source=KCOVMARK,
        build=BuildPlan(args=(INSTRUMENT,)),
    )  # fmt: skip
