"""Kernel source: a distribution's package, an archive, or somebody's tree, as a copy of our own to build in."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from vexlab import process
from vexlab.apt import Apt
from vexlab.cache import file_digest, key_of
from vexlab.errors import InfraError, UsageError
from vexlab.kernels.table import SourcePackage

_UNPACK_S = 1800.0
_GIT_S = 600.0
_ASK_S = 60.0
_HEAD = 4096  # bytes of a Makefile that hold its version
_LARGEST_DIFF = 256 << 20  # bytes of changes that nobody committed
# VERSION = 6
_NUMBER = re.compile(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *= *(\S*)$", re.MULTILINE)
# What Debian's and kernel.org's archives are packed with.
_ARCHIVES = (".tar.xz", ".tar.gz", ".tar.bz2", ".tar.zst", ".tar")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a kernel's source is: ``package`` of the table, or ``path`` of an archive or tree, there at ``ref``.

    ``digest`` stands for its content: the same digest, the same files.
    """

    digest: str
    package: SourcePackage | None = None
    path: Path | None = None
    ref: str = ""


def packaged(package: SourcePackage, apt: Apt) -> Source:
    """Return the source in the newest version of ``package``; raise ``FetchError``."""
    version = apt.version(package.package, release=package.release)
    return Source(digest=key_of(package.package, version), package=package)


def given(path: Path, ref: str = "") -> Source:
    """Return the source at ``path``: an archive, a git repository at ``ref`` or as it lies there, a folder.

    Raises ``UsageError`` where it is none.
    """
    path = path.expanduser().absolute()
    if path.is_file() and path.name.endswith(_ARCHIVES):
        if ref:
            raise UsageError(f"--ref names a commit, and {path} is an archive", hint="give the folder of a repository")
        return Source(digest=key_of(file_digest(path)), path=path)
    if not (path / "Kconfig").is_file() and not (ref and (path / ".git").exists()):
        raise UsageError(
            f"{path} is no kernel source: it holds no Kconfig", hint="give the top folder of a kernel tree, or its tar"
        )
    if (path / ".git").exists():
        commit = _git(path, "rev-parse", "--verify", "--quiet", f"{ref or 'HEAD'}^{{commit}}").strip()
        if not commit:
            raise UsageError(f"{path} has no commit {ref or 'HEAD'}", hint="`git fetch` may bring it")
        return Source(digest=key_of(commit, "" if ref else _changes(path)), path=path, ref=commit if ref else "")
    if ref:
        raise UsageError(f"--ref names a commit, and {path} is no git repository")
    return Source(digest=_digest_folder(path), path=path)


def base_name(path: Path, ref: str = "") -> str:
    """Return how kernels of the source at ``path`` are called where nobody says: after archive, folder or commit.

    >>> base_name(Path("/src/linux-6.9-rc1.tar.xz"))
    'linux-6.9-rc1'
    """
    name = path.expanduser().absolute().name
    for end in _ARCHIVES:
        name = name.removesuffix(end)
    return re.sub(r"[^a-z0-9.+]+", "-", f"{name}-{ref}".lower()).strip("-.+")[:40]


def unpack(source: Source, apt: Apt, tree: Path) -> None:
    """Fill the folder ``tree`` with a copy of the source; raise ``FetchError``, ``InfraError`` or ``UsageError``."""
    with tempfile.TemporaryDirectory(dir=tree.parent, prefix="unpack-") as work:
        found = _unpacked(source, apt, Path(work))
        if not (found / "Kconfig").is_file():
            raise UsageError(
                f"{source.path or found} holds no kernel source", hint="its top folder must have a Kconfig"
            )
        found.rename(tree)


def _unpacked(source: Source, apt: Apt, work: Path) -> Path:
    if source.package:
        (package,) = apt.download([source.package.package], work, release=source.package.release)
        process.run(["dpkg-deb", "-x", str(package.file), str(work)], timeout=_UNPACK_S, check=True)
        package.file.unlink()
        return _extract(next((work / "usr/src").glob("linux-source-*.tar.*")), work / "tree")
    if source.path is None:
        raise UsageError("a source is a package, an archive or a folder", hint="give one with --source")
    if source.path.is_file():
        return _extract(source.path, work / "tree")
    if source.ref:
        archive = work / "tree.tar"
        argv = ["git", "-C", str(source.path), "archive", "-o", str(archive), source.ref]
        process.run(argv, timeout=_UNPACK_S, check=True)
        (work / "tree").mkdir()
        process.run(["tar", "-xf", str(archive), "-C", str(work / "tree")], timeout=_UNPACK_S, check=True)
        return work / "tree"
    shutil.copytree(source.path, work / "tree", symlinks=True, ignore=shutil.ignore_patterns(".git"))
    return work / "tree"


def _extract(archive: Path, into: Path) -> Path:
    """Unpack an archive that has one folder at its top, as GNU tar does: nothing leaves ``into``."""
    into.mkdir()
    process.run(["tar", "-xf", str(archive), "-C", str(into), "--no-same-owner"], timeout=_UNPACK_S, check=True)
    folders = list(into.iterdir())
    return folders[0] if len(folders) == 1 and folders[0].is_dir() and not folders[0].is_symlink() else into


def version_of(tree: Path) -> str:
    """Return the version that the top Makefile states, such as ``6.1.192``; raise ``UsageError``."""
    with (tree / "Makefile").open(errors="replace") as file:
        numbers: dict[str, str] = dict(_NUMBER.findall(file.read(_HEAD)))
    if not numbers.get("VERSION"):
        raise UsageError(f"the Makefile of {tree} states no kernel version")
    return ".".join(numbers.get(name, "0") for name in ("VERSION", "PATCHLEVEL", "SUBLEVEL")) + numbers.get(
        "EXTRAVERSION", ""
    )


def _git(tree: Path, *words: str) -> str:
    return process.run(["git", "-C", str(tree), *words], timeout=_GIT_S, keep=_LARGEST_DIFF).text


def _changes(tree: Path) -> str:
    """Return what stands for all that differs from the commit: tracked files' changes, other files' names and times."""
    changed = _git(tree, "diff", "HEAD", "--binary")
    others = _git(tree, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
    facts = [(name, (tree / name).lstat().st_size, (tree / name).lstat().st_mtime_ns) for name in others if name]
    return key_of(changed, facts) if changed or facts else ""


def _digest_folder(tree: Path) -> str:
    """Return what stands for a folder that no version control knows: names, sizes and times of its files."""
    found = process.run(["find", ".", "-type", "f", "-printf", "%P %s %T@\\n"], timeout=_ASK_S, cwd=tree)
    if found.returncode:
        raise InfraError(f"{tree} cannot be read: {found.error_text.strip()[:500]}")
    return key_of(sorted(found.text.splitlines()))
