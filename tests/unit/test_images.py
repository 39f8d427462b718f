"""Images: archives, load order, recipes."""

from __future__ import annotations

import lzma
import tarfile
from pathlib import Path

import pytest

from vexlab.errors import UsageError
from vexlab.images.cpio import archive
from vexlab.images.modules import load_order, module_name, read_module, unsigned
from vexlab.images.recipe import Recipe, find_recipe
from vexlab.images.tree import write_tree

DEPENDENCIES = """\
kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio_ring.ko kernel/drivers/virtio/virtio.ko
kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko
kernel/drivers/virtio/virtio_ring.ko:
kernel/fs/overlayfs/overlay.ko:
"""


def test_dependencies_come_first() -> None:
    order = load_order(DEPENDENCIES, "", ["virtio_blk", "overlay"])
    names = [module_name(path) for path in order]
    assert names.index("virtio_ring") < names.index("virtio_blk")
    assert names[-1] == "overlay"
    assert len(names) == len(set(names))


def test_built_in_modules_are_left_out() -> None:
    assert load_order("", "kernel/fs/squashfs/squashfs.ko\n", ["squashfs"]) == ()


def test_a_module_the_kernel_lacks_is_named() -> None:
    with pytest.raises(UsageError, match="no module squashfs"):
        load_order(DEPENDENCIES, "", ["squashfs"])


def test_module_names() -> None:
    assert module_name("kernel/arch/x86/crypto/crc32c-intel.ko.xz") == "crc32c_intel"


def test_compressed_modules_are_unpacked(tmp_path: Path) -> None:
    (tmp_path / "m.ko.xz").write_bytes(lzma.compress(b"\x7fELF"))
    assert read_module(tmp_path / "m.ko.xz") == b"\x7fELF"


def test_a_signature_is_cut_off() -> None:
    signature = b"s" * 40
    tail = bytes(8) + len(signature).to_bytes(4, "big") + b"~Module signature appended~\n"
    assert unsigned(b"\x7fELF image" + signature + tail) == b"\x7fELF image"
    assert unsigned(b"\x7fELF image") == b"\x7fELF image"


def test_archive_is_newc_and_reproducible() -> None:
    made = archive(("bin",), {"init": b"#!/bin/sh\n", "bin/x": b"abc"})
    assert made == archive(("bin",), {"bin/x": b"abc", "init": b"#!/bin/sh\n"})
    assert made.startswith(b"070701")
    assert made.rstrip(b"\0").endswith(b"TRAILER!!!")
    assert len(made) % 4 == 0
    assert b"000041ED" in made[:110], "a folder has mode 040755"


def test_every_guest_has_mtab(tmp_path: Path) -> None:
    nothing = tmp_path / "guest"
    nothing.mkdir()
    write_tree(Recipe(name="none", packages=()), [], nothing, tmp_path / "root.tar")
    with tarfile.open(tmp_path / "root.tar") as tar:
        link = tar.getmember("etc/mtab")
    assert link.issym()
    assert link.linkname == "../proc/self/mounts"


def test_unknown_recipe() -> None:
    with pytest.raises(UsageError) as caught:
        find_recipe("bas")
    assert caught.value.hint == "did you mean `base`?"


def test_a_recipe_file_adds_to_the_base(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('name = "mine"\npackages = ["fio"]\n')
    recipe = find_recipe(str(tmp_path / "mine.toml"))
    assert "fio" in recipe.packages
    assert "qemu-guest-agent" in recipe.packages, "without the agent nothing can be asked"
