"""From a recipe and a kernel to the files a guest boots from: root and modules as squashfs, a small initramfs.

No step needs root, a mount or a loop device: packages become one tar, ``sqfstar`` turns it into squashfs.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

from vexlab import process
from vexlab.apt import Apt
from vexlab.cache import Cache, Kind, key_of
from vexlab.errors import InfraError
from vexlab.images import cpio, modules, tree
from vexlab.images.recipe import Recipe
from vexlab.model.kernel import Kernel

GUEST = Path(__file__).with_name("guest")
_FORMAT = 3  # part of every key: raise it when the builder makes other bytes of the same input
SQUASH = ("-comp", "zstd", "-quiet", "-no-progress", "-mkfs-time", "0", "-all-time", "0")
# The root is stored as it is: cases drop the caches again and again, and an emulated CPU that unpacks the 128 KiB
# around each small file takes longer to start a program than to run it.
AS_IT_IS = ("-noI", "-noD", "-noF", "-noX", "-no-fragments")


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A bootable guest: three files, and ``digest``, which stands for all that made them."""

    root: Path
    modules: Path
    initrd: Path
    digest: str


class Images:
    """Builds images into the cache; methods raise ``FetchError``, ``InfraError`` or ``UsageError``."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._apt = Apt(cache.root / Kind.APT)

    def build(self, recipe: Recipe, kernel: Kernel) -> Image:
        """Return the image of ``recipe`` for ``kernel``."""
        root = self.root(recipe)
        root_key = root.name
        kernel_key = key_of(_FORMAT, kernel.name, kernel.version, kernel.release)
        tree_ = self._cache.make(Kind.MODULES, kernel_key, lambda draft: _build_modules(kernel, draft))
        boot_key = key_of(root_key, kernel_key, (GUEST / "init").read_bytes())
        boot = self._cache.make(Kind.INITRDS, boot_key, lambda draft: _build_initrd(kernel, root / "busybox", draft))
        return Image(
            root=root / "root.sqfs",
            modules=tree_ / "modules.sqfs",
            initrd=boot / "initrd.img",
            digest=key_of(root_key, kernel_key, boot_key),
        )

    def root(self, recipe: Recipe) -> Path:
        """Return the folder with ``root.sqfs``, the root filesystem of ``recipe``, and its static ``busybox``."""
        key = key_of(_FORMAT, _digest_of(recipe))
        return self._cache.make(Kind.ROOTS, key, lambda draft: self.fill_root(recipe, draft))

    def headers(self, kernel: Kernel, folder: Path) -> Path:
        """Return a disk with what modules for ``kernel`` are built with: ``folder``, in which ``build`` leads there."""
        key = key_of(_FORMAT, "headers", AS_IT_IS, kernel.name, kernel.version, kernel.release)
        made = self._cache.make(Kind.MODULES, key, lambda draft: _squash(folder, draft / "headers.sqfs", *AS_IT_IS))
        return made / "headers.sqfs"

    def packages(self, recipe: Recipe) -> tuple[str, ...]:
        """Return ``name version`` of every package in the built image of ``recipe``; empty where it is not built."""
        entry = self._cache.get(Kind.ROOTS, key_of(_FORMAT, _digest_of(recipe)))
        return tuple((entry / "packages.txt").read_text().splitlines()) if entry else ()

    def fill_root(self, recipe: Recipe, draft: Path) -> None:
        """Fill a folder with the root filesystem of ``recipe``; packages come from the cache where they are there."""
        packages = self._apt.download_closure(recipe.packages)
        (draft / "packages.txt").write_text("".join(f"{p.name} {p.version}\n" for p in packages))
        tar = draft / "root.tar"
        tree.write_tree(recipe, [package.file for package in packages], GUEST / "root", tar)
        _extract_member(tar, "usr/bin/busybox", draft / "busybox")
        argv = ["sqfstar", *SQUASH, *AS_IT_IS, str(draft / "root.sqfs")]
        process.run(argv, input=tar.read_bytes(), timeout=600, check=True)
        tar.unlink()


def _build_modules(kernel: Kernel, draft: Path) -> None:
    _squash(kernel.modules, draft / "modules.sqfs", "-e", "build", "source")


def _squash(folder: Path, file: Path, *options: str) -> None:
    argv = ["mksquashfs", str(folder), str(file), *SQUASH, "-all-root", "-noappend", *options]
    process.run(argv, timeout=600, check=True)


def _build_initrd(kernel: Kernel, busybox: Path, draft: Path) -> None:
    order = modules.load_order(
        (kernel.modules / "modules.dep").read_text(),
        (kernel.modules / "modules.builtin").read_text(),
        modules.BOOT_MODULES,
    )
    files = {
        "init": (GUEST / "init").read_bytes(),
        "bin/busybox": busybox.read_bytes(),
        # numbered, so that a shell's sorted glob is the load order
        **{
            f"modules/{n:02d}-{modules.module_name(path)}.ko": modules.read_module(kernel.modules / path)
            for n, path in enumerate(order)
        },
    }
    folders = ("bin", "modules", "proc", "sys", "dev", "lower", "rw", "newroot")
    (draft / "initrd.img").write_bytes(cpio.archive(folders, files))


def _extract_member(tar: Path, name: str, to: Path) -> None:
    import tarfile

    with tarfile.open(tar) as archive:
        member = archive.extractfile(name)
        if member is None:
            raise InfraError(f"{name} of the base packages is no regular file", hint="busybox-static should hold it")
        to.write_bytes(member.read())


def _digest_of(recipe: Recipe) -> str:
    sources = sorted(p for p in (GUEST / "root").rglob("*") if p.is_file())
    sources += [Path(file.source) for file in recipe.files if Path(file.source).is_file()]
    contents = [(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in sources]
    # Where the files lie on this host is nothing that the image knows: another checkout takes the same image.
    files = tuple(dataclasses.replace(file, source=Path(file.source).name) for file in recipe.files)
    return key_of(dataclasses.astuple(dataclasses.replace(recipe, files=files)), contents, sorted(tree.LINKS.items()))
