"""Which modules a guest needs before it can see its disks, in the order in which they must be loaded."""

from __future__ import annotations

import lzma
from collections.abc import Iterable
from pathlib import Path

from vexlab.errors import UsageError

# What stands between the kernel and its root filesystem; names of modules.
BOOT_MODULES = ("virtio_pci", "virtio_blk", "virtio_console", "squashfs", "overlay")
_SIGNED = b"~Module signature appended~\n"


def load_order(dependencies: str, builtin: str, wanted: Iterable[str]) -> tuple[str, ...]:
    """Return paths of ``wanted`` modules with all they need, dependencies first.

    ``dependencies`` and ``builtin`` are the texts of ``modules.dep`` and ``modules.builtin``; modules built into the
    kernel are left out. Raises ``UsageError`` for a module that is neither.
    """
    needs: dict[str, list[str]] = {}
    for line in dependencies.splitlines():
        path, _, rest = line.partition(":")  # kernel/fs/jbd2/jbd2.ko: kernel/lib/crc16.ko
        needs[module_name(path)] = [path, *rest.split()]
    inside = {module_name(path) for path in builtin.split()}
    ordered: dict[str, None] = {}
    for name in wanted:
        if name in inside:
            continue
        if name not in needs:
            raise UsageError(f"this kernel has no module {name}", hint="use another kernel of `vexlab kernels list`")
        own, *required = needs[name]
        # depmod lists the nearest dependency first, the deepest last
        ordered.update(dict.fromkeys([*reversed(required), own]))
    return tuple(ordered)


def module_name(path: str) -> str:
    """Return a module's name from its file: ``kernel/fs/crc32c-intel.ko.xz`` → ``crc32c_intel``."""
    return Path(path).name.partition(".")[0].replace("-", "_")


def read_module(file: Path) -> bytes:
    """Return a module's ELF image; a busybox ``insmod`` cannot unpack ``.ko.xz`` itself."""
    data = file.read_bytes()
    return lzma.decompress(data) if file.suffix == ".xz" else data


def unsigned(image: bytes) -> bytes:
    """Return a module's image without the signature a distribution appends (kernel/module_signature.c)."""
    if not image.endswith(_SIGNED):
        return image
    # struct module_signature: eight bytes of kinds and lengths, then the signature's length, big endian
    tail = len(_SIGNED) + 12
    length = int.from_bytes(image[-len(_SIGNED) - 4 : -len(_SIGNED)], "big")
    return image[: -tail - length]
