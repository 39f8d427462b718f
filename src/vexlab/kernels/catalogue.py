"""Kernels by name: out of the cache, fetched where they are missing, the host's own, or a path."""

from __future__ import annotations

import functools
import gzip
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vexlab.apt import Apt
from vexlab.cache import Cache, Kind, key_of
from vexlab.errors import FetchError, UsageError
from vexlab.kernels import debian, flavours
from vexlab.kernels.table import BY_NAME, DEBIAN, HOST, SOURCES, PackagedKernel, flavour_of
from vexlab.model.kernel import IMAGE, Kernel, System, in_flavour
from vexlab.model.key import DISTRO
from vexlab.tables import suggest


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A line of ``vexlab kernels list``; ``release`` is empty where the kernel is not at hand yet."""

    name: str
    release: str
    source: str
    about: str
    flavour: str


class Kernels:
    """All kernels this machine can boot. ``adopt`` returns the kernel in the user's image of a name."""

    def __init__(
        self,
        cache: Cache,
        *,
        modules: Path = Path("/lib/modules"),
        boot: Path = Path("/boot"),
        adopt: Callable[[str], Kernel] | None = None,
    ) -> None:
        self._cache = cache
        self._adopt = adopt
        self._apt = Apt(cache.root / Kind.APT)
        self._host_modules = modules
        self._host_boot = boot
        self._checked: dict[str, Kernel] = {}  # a kernel's thousand files are looked over once, not for every case

    def get(self, name: str) -> Kernel:
        """Return the kernel ``name``, fetching it where needed; raise ``UsageError`` or ``FetchError``."""
        if name not in self._checked:
            found = self._find(name)
            flavour = flavours.BY_NAME[found.flavour]
            if flavour.options:  # a kernel of which nothing is asked may come without its configuration
                flavours.check_options(found, flavour, read_config(found))
            self._checked[name] = found
        return self._checked[name]

    def _find(self, name: str) -> Kernel:
        if name.startswith(IMAGE):
            if self._adopt is None:
                raise UsageError(f"{name}: an image of yours is for `vexlab run --image`")
            return self._adopt(name.removeprefix(IMAGE))
        if name == HOST:
            return self._from_files(HOST, self._host_boot / f"vmlinuz-{platform.release()}", platform.release())
        if "/" in name:
            return self._from_path(Path(name))
        if flavour_of(name) != DISTRO and name not in BY_NAME:
            return self._built(name)
        if name not in BY_NAME:
            hint = suggest(name, [*BY_NAME, HOST, *self._names_of_built()])
            raise UsageError(f"unknown kernel `{name}`", hint=f"{hint} A path to an image works too")
        source = BY_NAME[name]
        folder = self._cache.make(Kind.KERNELS, name, lambda draft: debian.unpack_kernel(source, self._apt, draft))
        return debian.read_kernel(name, folder)

    def _built(self, name: str) -> Kernel:
        folder = self._cache.get(Kind.KERNELS, name)
        if folder is None:
            base, _, flavour = name.rpartition("-")
            raise UsageError(
                f"kernel {name} is not built yet",
                hint=f"`vexlab kernels build {flavour} --kernel {base}` builds it, `vexlab kernels import` takes one",
            )
        return debian.read_kernel(name, folder)

    def _names_of_built(self) -> tuple[str, ...]:
        """Return the kernels that can be built, then others that were: of a source of the user's."""
        usual = [in_flavour(source.name, flavour.name) for source in SOURCES for flavour in flavours.built()]
        there = sorted(entry.name for entry in (self._cache.root / Kind.KERNELS).glob("[!.]*"))
        others = [name for name in there if name not in BY_NAME and flavour_of(name) != DISTRO]
        return tuple(dict.fromkeys([*usual, *others]))

    def refresh(self, name: str) -> Kernel:
        """Fetch the package lists and the newest ``name`` anew."""
        if name in BY_NAME:
            self._apt.update()
            self._cache.drop(Kind.KERNELS, name)
            self._checked.pop(name, None)
        return self.get(name)

    def headers(self, kernel: Kernel) -> Path:
        """Return the folder to give to ``make -C`` for modules of ``kernel``."""
        if kernel.system:
            return self._headers_of_image(kernel, kernel.system)
        source = BY_NAME.get(kernel.name)
        if kernel.flavour != DISTRO and source is None:
            found = self._cache.get(Kind.HEADERS, f"{kernel.name}-{kernel.version}")
            if found is None:
                raise UsageError(f"what modules for {kernel.name} are built with is gone", hint="build the kernel anew")
            return found / "build"
        if source is None:
            build = kernel.modules / "build"
            if not build.exists():
                raise UsageError(
                    f"no headers for kernel {kernel.release}: {build} does not exist",
                    hint="install the distribution's kernel headers package, or use a kernel of `vexlab kernels list`",
                )
            return build.resolve()
        entry = self._cache.make(
            Kind.HEADERS,
            f"{kernel.name}-{kernel.version}",
            lambda draft: debian.unpack_headers(source, kernel.release, self._apt, draft),
        )
        return entry / "build"

    def _headers_of_image(self, kernel: Kernel, system: System) -> Path:
        """Return those that are in the image, else a Debian package's; raise ``UsageError`` that says the next step."""
        if system.given:
            return self.headers(self.get(system.given))
        build = kernel.modules / "build"
        if build.exists():
            return build.resolve()
        why = "they are not in the image"
        for suite in debian.suites_of(kernel.release):
            source = PackagedKernel(name=kernel.name, image="", headers="", release=suite)
            unpack = functools.partial(debian.unpack_headers, source, kernel.release, self._apt)
            try:
                return self._cache.make(Kind.HEADERS, f"debian-{kernel.release}", unpack) / "build"
            except FetchError as error:
                why = f"they are not in the image, and Debian's package cannot be had: {error.message}"
        raise UsageError(
            f"there are no headers to build a module for kernel {kernel.release} of the image {system.name}: {why}",
            hint=f"install them there (`vexlab vm start {system.name}`, then Debian's linux-headers-{kernel.release}, "
            f"Fedora's kernel-devel or Alpine's linux-virt-dev), and `vexlab vm stop {system.name}`; or give a module "
            "that was built for this kernel, with --artifact",
        )

    def scripts(self, kernel: Kernel) -> Path | None:
        """Return a kernel's ``scripts`` with checkpatch and semantic patches: of ``kernel``, else of one built here.

        Distributions' headers come without; the scripts look at a source, so those of another kernel do.
        """
        built = sorted((self._cache.root / Kind.HEADERS).glob("[!.]*/build/scripts/checkpatch.pl"), reverse=True)
        built.sort(key=lambda file: not file.parents[2].name.startswith(kernel.name.partition("-")[0] + "-"))
        return built[0].parent if built else None

    def debug(self, kernel: Kernel, *, fetch: bool = False) -> Path | None:
        """Return the kernel's ``vmlinux`` with debugging information, ``None`` where it is not at hand.

        That of a kernel built here always is. With ``fetch`` a distribution's is downloaded where there is a package:
        some 300 MB.
        """
        source = BY_NAME.get(kernel.name)
        if source is None:
            vmlinux = self.headers(kernel) / "vmlinux" if kernel.flavour != DISTRO else None
            return vmlinux if vmlinux and vmlinux.is_file() else None
        key = f"{kernel.name}-{kernel.version}"
        if fetch:
            entry: Path | None = self._cache.make(
                Kind.DEBUG, key, lambda draft: debian.unpack_debug(source, kernel.release, self._apt, draft)
            )
        else:
            entry = self._cache.get(Kind.DEBUG, key)
        return entry / "vmlinux" if entry else None

    def list(self) -> tuple[Listed, ...]:
        """Return every kernel known by name, at hand or not."""
        rows: list[Listed] = []
        for source in DEBIAN:
            folder = self._cache.get(Kind.KERNELS, source.name)
            release = debian.read_kernel(source.name, folder).release if folder else ""
            rows.append(
                Listed(name=source.name, release=release, source="package", about=source.about, flavour=source.flavour)
            )
        rows += map(self._row_of_built, self._names_of_built())
        image = self._host_boot / f"vmlinuz-{platform.release()}"
        release = platform.release() if image.exists() else ""
        about = "the kernel this machine runs"
        rows.append(Listed(name=HOST, release=release, source=str(image), about=about, flavour=flavour_of(HOST)))
        return tuple(rows)

    def _row_of_built(self, name: str) -> Listed:
        folder = self._cache.get(Kind.KERNELS, name)
        release = debian.read_kernel(name, folder).release if folder else ""
        flavour = flavours.BY_NAME[flavour_of(name)]
        return Listed(name=name, release=release, source="built", about=flavour.about, flavour=flavour.name)

    def _from_path(self, image: Path) -> Kernel:
        if not image.is_file():
            raise UsageError(f"kernel image {image} does not exist")
        release = image.name.partition("-")[2]
        for modules in (image.parent / "modules" / release, image.parent.parent / "lib/modules" / release):
            if release and modules.exists():
                return self._from_files(str(image), image, release, modules=modules)
        raise UsageError(
            f"no modules for kernel image {image}",
            hint="name it vmlinuz-RELEASE and put its modules in lib/modules/RELEASE beside the image's folder",
        )

    def _from_files(self, name: str, image: Path, release: str, *, modules: Path | None = None) -> Kernel:
        modules = modules or self._host_modules / release
        if not image.is_file() or not modules.is_dir():
            raise UsageError(
                f"no kernel {name}: {image} and {modules} must both exist",
                hint="use a kernel of `vexlab kernels list`",
            )
        stat = image.stat()
        return Kernel(
            name=name,
            release=release,
            version=key_of(str(image.absolute()), stat.st_size, stat.st_mtime_ns),
            image=image.absolute(),
            modules=modules.resolve(),  # mksquashfs packs a link as a link
            config=image.with_name(f"config-{release}"),
        )


def read_config(kernel: Kernel) -> dict[str, str]:
    """Return the kernel's build options: name without ``CONFIG_`` → ``y``, ``m`` or the value; unset ones are absent.

    Raises ``UsageError`` where the kernel came without a configuration file.
    """
    if not kernel.config.is_file():
        raise UsageError(f"kernel {kernel.name} has no configuration file at {kernel.config}")
    data = kernel.config.read_bytes()
    text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode(errors="replace")
    options = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")  # CONFIG_SQUASHFS=m
        if equals and name.startswith("CONFIG_"):
            options[name.removeprefix("CONFIG_")] = value.strip('"')
    return options


def has_option(kernel: Kernel, name: str) -> bool:
    """Whether the kernel is known to be built with option ``name``, as ``read_config`` names it."""
    return kernel.config.is_file() and name in read_config(kernel)
