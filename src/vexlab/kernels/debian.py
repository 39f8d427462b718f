"""Distribution kernels out of packages, downloaded and unpacked but never installed."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path

from vexlab import process
from vexlab.apt import Apt
from vexlab.errors import FetchError
from vexlab.kernels.table import PackagedKernel, flavour_of
from vexlab.model.kernel import Kernel

FACTS = "kernel.json"
_DEBUG_S = 1800.0
# tar ends at the first of that name, and what comes after is not unpacked
_ONE_MEMBER = 'dpkg-deb --fsys-tarfile "$1" 2>/dev/null | tar -x --occurrence=1 -f - -C "$2" "$3"'


def unpack_kernel(source: PackagedKernel, apt: Apt, folder: Path) -> None:
    """Fill ``folder`` with image, configuration and modules of the newest ``source``; raise ``FetchError``."""
    package = _current(apt, source, source.image)
    (deb,) = _extract(apt, [package], folder, release=source.release)
    release = package.removeprefix("linux-image-").removesuffix("-unsigned")
    tree = folder / "usr" if (folder / "usr/lib/modules").exists() else folder
    if tree != folder:
        (tree / "lib/modules").rename(folder / "modules")
    else:
        (folder / "lib/modules").rename(folder / "modules")
    for name in ("vmlinuz", "config", "System.map"):
        (folder / "boot" / f"{name}-{release}").rename(folder / name)
    for rest in ("boot", "lib", "usr"):
        shutil.rmtree(folder / rest, ignore_errors=True)
    index_modules(folder / "modules" / release)
    facts = {"release": release, "version": deb}
    (folder / FACTS).write_text(json.dumps(facts))


def unpack_headers(source: PackagedKernel, release: str, apt: Apt, folder: Path) -> None:
    """Fill ``folder`` with what ``make -C folder/build`` needs for modules of ``release``; raise ``FetchError``."""
    package = f"linux-headers-{release}"
    wanted = (
        f"linux-headers-{release.removesuffix(_flavour(release))}-common",
        "linux-kbuild-",
        "linux-compiler-",
    )
    needed = [name for name in apt.depends(package, release=source.release) if name.startswith(wanted)]
    _extract(apt, [package, *needed], folder, release=source.release)
    makefile = folder / "usr/src" / package / "Makefile"
    # include /usr/src/linux-headers-6.1.0-9-common/Makefile
    common = re.sub(r"^include /usr/src/", "include $(dir $(lastword $(MAKEFILE_LIST)))../", makefile.read_text())
    makefile.write_text(common)
    (folder / "build").symlink_to(Path("usr/src") / package)


def unpack_debug(source: PackagedKernel, release: str, apt: Apt, folder: Path) -> None:
    """Fill ``folder`` with ``vmlinux``, which has the kernel's debugging information; raise ``FetchError``.

    The package holds each module's as well, which are twice as much and are left out.
    """
    with tempfile.TemporaryDirectory(dir=folder) as download:
        (package,) = apt.download([f"linux-image-{release}-dbg"], Path(download), release=source.release)
        member = f"./usr/lib/debug/boot/vmlinux-{release}"
        argv = ["sh", "-c", _ONE_MEMBER, "sh", str(package.file), download, member]
        process.run(argv, timeout=_DEBUG_S, check=True)
        (Path(download) / member).rename(folder / "vmlinux")


def read_kernel(name: str, folder: Path) -> Kernel:
    """Return the kernel that ``unpack_kernel`` left in ``folder``."""
    facts = json.loads((folder / FACTS).read_text())
    return Kernel(
        name=name,
        release=facts["release"],
        version=facts["version"],
        image=folder / "vmlinuz",
        modules=folder / "modules" / facts["release"],
        config=folder / "config",
        flavour=flavour_of(name),
    )


def index_modules(modules: Path) -> None:
    """Write ``modules.dep`` and its kin for the folder ``…/<release>``, as installing the package would."""
    with tempfile.TemporaryDirectory() as root:
        base = Path(root, "lib", "modules")
        base.mkdir(parents=True)
        (base / modules.name).symlink_to(modules.absolute())
        process.run(["depmod", "-b", root, modules.name], timeout=120, check=True)


def suites_of(release: str) -> tuple[str, ...]:
    """Return the suites that may hold packages of the kernel ``release``; none where it is not one of Debian's.

    >>> suites_of("6.12.43+deb12-cloud-amd64")
    ('bookworm-backports',)
    """
    if not re.fullmatch(r"\d+\.\d+\.\d+\S*-amd64", release):  # 6.1.0-9-cloud-amd64
        return ()
    return ("bookworm-backports",) if "deb12" in release or "bpo" in release else ("bookworm",)


def _flavour(release: str) -> str:
    match = re.search(r"(-cloud-amd64|-amd64)$", release)
    return match[0] if match else ""


def _current(apt: Apt, source: PackagedKernel, meta: str) -> str:
    for name in apt.depends(meta, release=source.release):
        if name.startswith(meta.split("-cloud")[0].split("-amd64")[0]):
            return name
    raise FetchError(f"the package {meta} in {source.release} names no kernel")


def _extract(apt: Apt, names: list[str], folder: Path, *, release: str) -> list[str]:
    with tempfile.TemporaryDirectory(dir=folder) as download:
        packages = apt.download(names, Path(download), release=release)
        if len(packages) != len(names):
            raise FetchError(f"asked for {', '.join(names)}, got {len(packages)} package files")
        for package in packages:
            process.run(["dpkg-deb", "-x", str(package.file), str(folder)], timeout=300, check=True)
    return [package.version for package in packages]
