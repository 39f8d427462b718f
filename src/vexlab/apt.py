"""Debian packages without installing them: apt with lists and cache of our own, run as whoever we are.

apt verifies signatures and checksums; packages are only ever unpacked. The mirror is the host's own, or
``VEXLAB_DEBIAN_MIRROR`` (and ``VEXLAB_DEBIAN_SECURITY_MIRROR``) where the host is not a Debian.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vexlab import process
from vexlab.errors import FetchError, InfraError

CODENAME = "bookworm"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_CONFIG = """\
Dir::State "{root}/state";
Dir::State::status "{root}/status";
Dir::State::lists "{root}/lists";
Dir::Cache "{root}/cache";
Dir::Etc "{root}/etc";
Dir::Etc::sourcelist "{root}/etc/sources.list";
Dir::Etc::sourceparts "{root}/etc/sources.list.d";
Dir::Log "{root}/log";
APT::Architecture "amd64";
APT::Sandbox::User "";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Debug::NoLocking "true";
"""
_UNPACK_S = 120.0
_OFFLINE_HINT = "is the package mirror reachable? What is already in the cache works without it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A downloaded package file; ``file`` is a ``.deb``."""

    name: str
    version: str
    file: Path


class Apt:
    """apt over the four suites of Debian 12 (main, updates, security, backports), rooted in ``root``.

    Methods raise ``FetchError`` where the mirror cannot be reached or does not hold what was asked for.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def update(self) -> None:
        """Fetch the package lists."""
        self._prepare()
        self._apt(["apt-get", "update", "-qq", "--error-on=any"], timeout=180)

    def version(self, package: str, *, release: str = CODENAME) -> str:
        """Return the newest version of ``package`` in the given release."""
        return self._pin(package, release).removeprefix("=")

    def depends(self, package: str, *, release: str = CODENAME) -> tuple[str, ...]:
        """Return the names ``package`` depends on directly, in the given release."""
        text = self._apt(["apt-cache", "show", "--no-all-versions", f"{package}{self._pin(package, release)}"]).text
        match = re.search(r"^Depends: (.*)$", text, re.MULTILINE)  # Depends: linux-image-6.1.0-9-amd64 (= 6.1.27-1)
        return tuple(re.findall(r"(?:^|, )([^ ,|]+)", match[1])) if match else ()

    def download(self, packages: Sequence[str], folder: Path, *, release: str = CODENAME) -> tuple[Package, ...]:
        """Download exactly ``packages`` into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        wanted = [f"{name}{self._pin(name, release)}" for name in packages]
        self._apt(["apt-get", "download", "-qq", *wanted], timeout=900, cwd=folder)
        return _packages_in(folder)

    def unpack(self, packages: Sequence[str], into: Path) -> None:
        """Download exactly ``packages`` and unpack them into the folder ``into``; none of their scripts is run."""
        with tempfile.TemporaryDirectory(dir=into.parent, prefix="vexlab-") as folder:
            for package in self.download(packages, Path(folder)):
                process.run(["dpkg-deb", "-x", str(package.file), str(into)], timeout=_UNPACK_S, check=True)

    def download_closure(self, packages: Sequence[str]) -> tuple[Package, ...]:
        """Download ``packages`` and all they depend on; return them sorted by name. Files stay in apt's own cache."""
        archives = self.root / "cache" / "archives"
        # apt prints no URI for what its cache holds already, hence the empty folder
        empty = f"Dir::Cache::archives={self.root}/empty/"
        listed = self._apt(["apt-get", "install", "-y", "-qq", "-o", empty, "--print-uris", *packages]).text
        names = re.findall(r"^'[^']*' (\S+) \d+", listed, re.MULTILINE)  # 'http://…/kmod_30.deb' kmod_30.deb 95180 MD5…
        self._apt(["apt-get", "install", "-y", "-qq", "--download-only", *packages], timeout=900)
        present = {package.file.name: package for package in _packages_in(archives)}
        return tuple(present[name] for name in sorted(names))

    def _pin(self, package: str, release: str) -> str:
        """Return ``=version`` of the newest candidate in ``release`` (backports never win by themselves)."""
        text = self._apt(["apt-cache", "madison", package]).text
        for line in text.splitlines():  # kmod | 30+20221128-1 | http://… bookworm/main amd64 Packages
            columns = [column.strip() for column in line.split("|")]
            suite = columns[2].split(" ")[1].split("/")[0] if len(columns) == 3 else ""
            if (suite == f"{CODENAME}-backports") == release.endswith("-backports"):
                return f"={columns[1]}"
        raise FetchError(
            f"no package {package} in {release}", hint="`vexlab kernels fetch --refresh` reads the lists anew"
        )

    def _prepare(self) -> None:
        for folder in (
            "state",
            "lists/partial",
            "cache/archives/partial",
            "etc/apt.conf.d",
            "log",
            "empty/partial",
        ):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        for folder in ("etc/preferences.d", "etc/sources.list.d", "etc/trusted.gpg.d"):
            (self.root / folder).mkdir(exist_ok=True)
        (self.root / "status").touch()
        (self.root / "apt.conf").write_text(_CONFIG.format(root=self.root))
        (self.root / "etc/sources.list").write_text(_sources(*_mirrors()))

    def _apt(self, argv: Sequence[str], *, timeout: float = 60, cwd: Path | None = None) -> process.Completed:
        if argv[1] != "update" and not any(self.root.glob("lists/*_Packages*")):
            self.update()
        done = process.run(argv, timeout=timeout, cwd=cwd, env={"APT_CONFIG": str(self.root / "apt.conf")})
        if done.returncode:
            words = done.error_text.strip()[-1500:]
            if "space" in words:
                raise InfraError(f"no room for packages in {self.root}:\n{words}", hint="free some space")
            raise FetchError(f"`{' '.join(argv[:3])} …` failed:\n{words}", hint=_OFFLINE_HINT)
        return done


def _packages_in(folder: Path) -> tuple[Package, ...]:
    found = []
    for file in sorted(folder.glob("*.deb")):
        name, version, _ = file.name.split("_")
        found.append(Package(name=name, version=version.replace("%3a", ":"), file=file))
    return tuple(found)


def _mirrors() -> tuple[str, str]:
    """Return the archive's and the security archive's URI, taken from the host's own apt configuration."""
    main = os.environ.get("VEXLAB_DEBIAN_MIRROR", "")
    security = os.environ.get("VEXLAB_DEBIAN_SECURITY_MIRROR", "")
    if not main:
        listing = process.run(
            [
                "apt-get",
                "indextargets",
                "--format",
                "$(ORIGIN) $(CODENAME) $(REPO_URI)",
                "Identifier: Packages",
            ],
            timeout=60,
        ).text
        for origin, codename, uri in (line.split(" ", 2) for line in listing.splitlines() if line.count(" ") >= 2):
            if origin == "Debian" and codename.endswith("-security"):
                security = security or uri
            elif origin == "Debian":
                main = main or uri
    if not main:
        raise FetchError(
            "this system's apt knows no Debian mirror",
            hint="run `apt-get update`, or set VEXLAB_DEBIAN_MIRROR to the URI of one",
        )
    return main, security


def _sources(main: str, security: str) -> str:
    option = f"[signed-by={KEYRING}]"
    suites = [(main, CODENAME), (main, f"{CODENAME}-updates"), (main, f"{CODENAME}-backports")]
    if security:
        suites.append((security, f"{CODENAME}-security"))
    return "".join(f"deb {option} {uri} {suite} main\n" for uri, suite in suites)
