"""Images that others made: what a file is, and what a machine needs beside it.

A disk (qcow2, raw) boots by itself. The tar of a root filesystem becomes a squashfs, with an initramfs of ours that
puts a writable disk over it; its kernel is its own, where it has one, or one of vexlab's.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import json
import lzma
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

from vexlab import process
from vexlab.cache import Cache, Kind, file_digest, key_of
from vexlab.errors import UsageError
from vexlab.images import cpio, modules
from vexlab.images.builder import AS_IT_IS, GUEST, SQUASH
from vexlab.model.kernel import Kernel

SYSTEM = "system"  # serial of the writable disk over a tar
_FORMAT = 1  # part of every key: raise it when other bytes are made of the same input
_INIT = "init-image"
_MODULES = (*modules.BOOT_MODULES, "ext4", "virtio_net")
# The first two bytes of compressed files, and what reads them.
_MAGIC: Mapping[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"\xfd7": lzma.open,
    b"BZ": bz2.open,
    b"\x28\xb5": zstandard.open,
}
_NO_TAR = (tarfile.TarError, OSError, lzma.LZMAError, EOFError, zstandard.ZstdError)
_CLOUD_INIT = ("usr/bin/cloud-init", "bin/cloud-init", "usr/sbin/tiny-cloud", "sbin/tiny-cloud")
_CONVERT_S = 900.0


class Form(StrEnum):
    """What a file is."""

    DISK = "disk"
    TAR = "tar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a tar of a root filesystem holds: its kernel's ``release`` (empty: none), and whether it has cloud-init."""

    release: str
    image: str
    cloud_init: bool
    init: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rootfs:
    """A tar made ready: ``root`` is a squashfs, ``modules`` another, or ``None`` where the kernel is the tar's own."""

    contents: Contents
    root: Path
    modules: Path | None
    kernel: Path
    initrd: Path


def form_of(file: Path) -> Form:
    """Return what ``file`` is; raise ``UsageError`` where it is neither a disk nor a tar, or leads to other files."""
    try:
        with file.open("rb") as image:
            head = image.read(1 << 10)
    except OSError as error:
        raise UsageError(f"the image {file} cannot be read: {error}") from error
    if head[:4] == b"QFI\xfb":
        _refuse_references(file)
        return Form.DISK
    if head[510:512] == b"\x55\xaa":  # a boot record
        return Form.DISK
    with contextlib.suppress(*_NO_TAR), _plain(file) as data, tarfile.open(fileobj=data, mode="r|") as tar:
        if tar.next():
            return Form.TAR
    raise UsageError(
        f"{file} is no image that vexlab knows",
        hint="a qcow2 or raw disk that a BIOS can boot, or the tar of a root filesystem (also .gz, .bz2, .xz, .zst)",
    )


def contents_of(names: Iterable[str]) -> Contents:
    """Return what the paths in a tar say of it; of several kernels the last in alphabetical order counts.

    >>> contents_of(["./boot/vmlinuz-6.1.0-9", "./lib/modules/6.1.0-9/modules.dep", "./sbin/init"]).release
    '6.1.0-9'
    """
    paths = {name.removeprefix("./").strip("/") for name in names}
    images = {path.rpartition("vmlinuz-")[2]: path for path in paths if path.startswith("boot/vmlinuz-")}
    there = [release for release in sorted(images) if _has_modules(paths, release)]
    release = there[-1] if there else ""
    return Contents(
        release=release,
        image=images.get(release, ""),
        cloud_init=any(path in paths for path in _CLOUD_INIT),
        init=bool({"sbin/init", "usr/sbin/init", "init", "lib/systemd/systemd", "usr/lib/systemd/systemd"} & paths),
    )


def _has_modules(paths: set[str], release: str) -> bool:
    return any(f"{lib}/modules/{release}/modules.dep" in paths for lib in ("lib", "usr/lib"))


def prepare_tar(tar: Path, cache: Cache, kernel: Kernel | None, modules_disk: Path | None, busybox: Path) -> Rootfs:
    """Make the tar of a root filesystem bootable, in the cache, keyed by its content.

    ``kernel`` is what it boots with where it holds none; ``modules_disk`` are that one's. ``busybox`` is static.
    Raises ``UsageError`` where nothing could boot.
    """
    digest = file_digest(tar)
    root = cache.make(Kind.ROOTS, key_of("tar", _FORMAT, digest), lambda draft: _squash(tar, draft))
    contents = contents_of((root / "names.txt").read_text(errors="replace").splitlines())
    if not contents.init:
        raise UsageError(f"{tar} holds no /sbin/init", hint="it should be the tar of a whole root filesystem")
    if contents.release:
        name, given = f"the kernel {contents.release} of {tar.name}", None
    elif kernel is None:
        raise UsageError(
            f"{tar} holds no kernel with its modules", hint="--kernel gives it one of `vexlab kernels list`"
        )
    else:
        name, given = kernel.name, kernel
    made_of = (digest, given.name if given else "", given.version if given else "")
    init = (GUEST / _INIT).read_bytes()
    boot = cache.make(
        Kind.INITRDS,
        key_of("tar", _FORMAT, init, made_of),
        lambda draft: _boot_files(tar, contents, given, busybox, draft, name),
    )
    return Rootfs(
        contents=contents,
        root=root / "root.sqfs",
        modules=modules_disk if given else None,
        kernel=given.image if given else boot / "vmlinuz",
        initrd=boot / "initrd.img",
    )


def make_system_disk(file: Path, size: int) -> None:
    """Make the qcow2 ``file`` of ``size`` MiB with an empty ext4, which takes what is written over a tar."""
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        raw = Path(folder) / "raw"
        with raw.open("wb") as empty:
            empty.truncate(size << 20)
        options = ["-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard"]
        process.run(["mke2fs", "-q", "-F", "-t", "ext4", "-L", SYSTEM, *options, str(raw)], timeout=120, check=True)
        process.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(file)], timeout=300, check=True)


def _refuse_references(file: Path) -> None:
    """Raise ``UsageError`` for an image that names other files: QEMU would show those to the guest."""
    argv = ["qemu-img", "info", "-f", "qcow2", "--output", "json", str(file)]
    told = process.run(argv, timeout=60)
    if told.returncode:
        raise UsageError(f"the image {file} is damaged: {told.error_text.strip()[-300:]}")
    facts = json.loads(told.stdout)
    other = facts.get("backing-filename") or facts.get("format-specific", {}).get("data", {}).get("data-file")
    if other:
        raise UsageError(
            f"the image {file} is not whole: it reads from {other}",
            hint=f"make a whole one: qemu-img convert -O qcow2 {file} whole.qcow2",
        )


@contextlib.contextmanager
def _plain(file: Path) -> Iterator[BinaryIO]:
    """Open a file, unpacking it where it is compressed."""
    with file.open("rb") as data:
        opener = _MAGIC.get(data.read(2))
        data.seek(0)
        if opener is None:
            yield data
        else:
            with opener(data, "rb") as unpacked:
                yield unpacked


def _squash(tar: Path, draft: Path) -> None:
    """Leave ``root.sqfs`` and ``names.txt``, the paths of what is in it."""
    with tempfile.NamedTemporaryFile(dir=draft) as plain:
        with _plain(tar) as data:
            shutil.copyfileobj(data, plain, 1 << 20)
        plain.flush()
        with tarfile.open(plain.name, mode="r:") as members:
            names = [member.name for member in members]
        (draft / "names.txt").write_text("\n".join(names), errors="surrogateescape")
        # from a file: a tar may be larger than the memory
        argv = ["sh", "-c", 'exec sqfstar "$@" <"$0"', plain.name, *SQUASH, *AS_IT_IS, str(draft / "root.sqfs")]
        process.run(argv, timeout=_CONVERT_S, check=True)


def _boot_files(tar: Path, contents: Contents, kernel: Kernel | None, busybox: Path, draft: Path, name: str) -> None:
    """Leave ``initrd.img``, and ``vmlinuz`` where the kernel is the tar's own."""
    with tempfile.TemporaryDirectory(dir=draft) as folder:
        tree = kernel.modules if kernel else _own_kernel(tar, contents, Path(folder), draft)
        try:
            order = modules.load_order(
                (tree / "modules.dep").read_text(), (tree / "modules.builtin").read_text(), _MODULES
            )
        except UsageError as error:
            raise UsageError(f"{name}: {error.message}", hint="it needs virtio, squashfs, overlay and ext4") from error
        files = {
            "init": (GUEST / _INIT).read_bytes(),
            "bin/busybox": busybox.read_bytes(),
            **{
                f"modules/{n:02d}-{modules.module_name(path)}.ko": modules.read_module(tree / path)
                for n, path in enumerate(order)
            },
        }
    folders = ("bin", "modules", "proc", "sys", "dev", "lower", "rw", "newroot")
    (draft / "initrd.img").write_bytes(cpio.archive(folders, files))


def _own_kernel(tar: Path, contents: Contents, folder: Path, draft: Path) -> Path:
    """Take the kernel out of the tar, and its modules to ``folder``; return their folder."""
    wanted = (f"lib/modules/{contents.release}/", f"usr/lib/modules/{contents.release}/")
    with _plain(tar) as data, tarfile.open(fileobj=data, mode="r|") as members:
        for member in members:
            path = member.name.removeprefix("./")
            file = members.extractfile(member) if member.isreg() else None
            if file is None:
                continue
            if path == contents.image:
                (draft / "vmlinuz").write_bytes(file.read())
            elif prefix := next((each for each in wanted if path.startswith(each)), ""):
                to = folder / path.removeprefix(prefix)
                if ".." in to.parts:  # a tar may say anything
                    continue
                to.parent.mkdir(parents=True, exist_ok=True)
                to.write_bytes(file.read())
    return folder
