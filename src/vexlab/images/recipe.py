"""Recipes: which packages and files make a guest's root filesystem."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vexlab.errors import UsageError
from vexlab.tables import read_toml, suggest


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeFile:
    """A file of the host that goes to ``path`` in the guest."""

    path: str
    source: str
    executable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A guest's root filesystem: Debian packages with all they depend on, plus files, less ``exclude``.

    ``exclude`` holds ``fnmatch`` patterns of paths without a leading slash.
    """

    name: str
    packages: tuple[str, ...]
    files: tuple[RecipeFile, ...] = ()
    exclude: tuple[str, ...] = ()


_NOT_NEEDED = (
    "usr/share/doc/*",
    "usr/share/man/*",
    "usr/share/info/*",
    "usr/share/locale/*",
    "usr/share/i18n/*",
    "usr/share/lintian/*",
    "usr/share/bash-completion/*",
    "usr/share/icons/*",
    "usr/lib/systemd/*",
    "usr/lib/x86_64-linux-gnu/gconv/*",
)

_ICU = "usr/lib/x86_64-linux-gnu/libicu"
_SCRUB = "usr/sbin/xfs_scrub*"
_NO_ICU = (*_NOT_NEEDED, f"{_ICU}*", _SCRUB)  # 36 MB for xfs_scrub alone
# fio does not start without libicuuc and libicudata, by way of libnbd and libxml2.
_LITTLE_ICU = (*_NOT_NEEDED, *(f"{_ICU}{part}*" for part in ("i18n", "io", "test", "tu")), _SCRUB)

_BASE_PACKAGES = (
    "attr",
    "bash",
    "btrfs-progs",
    "busybox-static",
    "coreutils",
    "dosfstools",
    "dropbear-bin",
    "e2fsprogs",
    "kmod",
    "mount",
    "python3-minimal",
    "qemu-guest-agent",
    "util-linux",
    "util-linux-extra",
    "xfsprogs",
)

# What people use a filesystem with: load generators, and programs whose work is easily proved right or wrong. tcc
# builds a source tree in a hundredth of the time that gcc takes under emulation, and of the room.
_TOOLS_PACKAGES = (
    "dbench",
    "dmsetup",
    "fio",
    "git",
    "libc6-dev",
    "make",
    "rsync",
    "sqlite3",
    "stress-ng",
    "tcc",
)

# What xfstests asks for in its README and in `_require_*`, as far as Debian has it and the room is not better used.
_XFSTESTS_PACKAGES = (
    *("acl", "bc", "bsdmainutils", "dbench", "debianutils", "diffutils", "dmsetup", "fio", "findutils", "gawk", "grep"),
    *("hostname", "keyutils", "libaio1", "libattr1", "libcap2-bin", "libgdbm6", "liburing2", "perl-base", "procps"),
    *("psmisc", "quota", "sed", "uuid-runtime"),
)

# What syz-manager asks of a guest: an ssh server, a shell, and scp's old protocol, by which it copies its executor.
SYZKALLER = "syzkaller"
_SYZKALLER_PACKAGES = ("bash", "busybox-static", "dropbear-bin", "openssh-client")

BASE = "base"
# Dynamic tracing. fio makes load whose figures a trace can be compared with. bpftrace wants LLVM, 200 MB.
TRACE = "trace"
_TRACE_PACKAGES = ("bpftool", "bpftrace", "fio", "libbpf-tools", "linux-perf", "trace-cmd")

# A workbench. Its commands lie in a folder here; cargo and rustc are Debian's. busybox has small programs of the names
# of findutils and others, which know less than a build or a person expects. dash is `sh`, which make starts often.
DEV = "dev"
_DEV_PACKAGES = (
    *("acl", "bc", "bison", "cargo", "cpio", "dash", "diffutils", "dmsetup", "file", "findutils", "fio", "flex", "g++"),
    *("gawk", "gcc", "gdb", "git", "grep", "gzip", "htop", "iotop-c", "less", "libc6-dev", "libelf1", "linux-perf"),
    *("lsof", "make", "nano", "pahole", "patch", "perf-tools-unstable", "procps", "psmisc", "python3-pytest", "quota"),
    *("rsync", "rust-clippy", "rustc", "rustfmt", "sed", "sparse", "strace", "stress-ng", "sudo", "tar", "trace-cmd"),
    *("valgrind", "vim-tiny", "xz-utils"),
)
# gdb does not start without libicui18n, by way of libsource-highlight, and converts characters by gconv.
_DEV_EXCLUDE = (
    *(each for each in _LITTLE_ICU if "gconv" not in each and each != f"{_ICU}i18n*"),
    "usr/bin/x86_64-linux-gnu-lto-dump-*",
)
_DEV_FILES = Path(__file__).with_name("dev")
# Files of the image `dev` that are no commands, and names that commands have beside their own.
_DEV_PLACES = {
    "dev.sh": "usr/lib/vexlab/dev.sh",
    "facts.py": "usr/lib/vexlab/facts.py",
    "pam": "etc/pam.d/sudo",
}
_DEV_ALIASES = {"vexfs-monitor": "vexlab-monitor", "vexfs-test-runner": "vexfs-test-runner.sh"}


def _dev_files() -> tuple[RecipeFile, ...]:
    """Return the commands of the image ``dev``, some of them by two names, and what they need."""
    names = {file.name: str(file) for file in sorted(_DEV_FILES.iterdir()) if file.is_file()}
    commands = [(name, name) for name in names if name not in _DEV_PLACES]
    commands += [(alias, name) for name, alias in _DEV_ALIASES.items()]
    return (
        *(RecipeFile(path=path, source=names[name]) for name, path in _DEV_PLACES.items()),
        *(RecipeFile(path=f"usr/local/bin/{to}", source=names[name], executable=True) for to, name in commands),
    )


BUILT_IN = (
    Recipe(name=BASE, packages=_BASE_PACKAGES, exclude=_NO_ICU),
    Recipe(name="tools", packages=(*_BASE_PACKAGES, *_TOOLS_PACKAGES), exclude=_LITTLE_ICU),
    Recipe(name="xfstests", packages=(*_BASE_PACKAGES, *_XFSTESTS_PACKAGES), exclude=_LITTLE_ICU),
    Recipe(name=DEV, packages=(*_BASE_PACKAGES, *_DEV_PACKAGES), files=_dev_files(), exclude=_DEV_EXCLUDE),
    Recipe(name=SYZKALLER, packages=_SYZKALLER_PACKAGES, exclude=_NO_ICU),
    Recipe(name=TRACE, packages=(*_BASE_PACKAGES, *_TRACE_PACKAGES), exclude=_LITTLE_ICU),
)


def joined(one: Recipe, two: Recipe) -> Recipe:
    """Return a recipe with the packages and files of both; only what both leave out is left out."""
    return Recipe(
        name=f"{one.name}+{two.name}",
        packages=tuple(dict.fromkeys([*one.packages, *two.packages])),
        files=(*one.files, *two.files),
        exclude=tuple(each for each in one.exclude if each in two.exclude),
    )


def find_recipe(name: str) -> Recipe:
    """Return the built-in recipe ``name``, or the one in a TOML file; raise ``UsageError``."""
    for recipe in BUILT_IN:
        if recipe.name == name:
            return recipe
    if name.endswith(".toml"):
        recipe = read_toml(Path(name), Recipe)
        here = Path(name).absolute().parent
        files = tuple(
            RecipeFile(path=file.path, source=str(here / file.source), executable=file.executable)
            for file in recipe.files
        )
        packages = tuple(dict.fromkeys([*_BASE_PACKAGES, *recipe.packages]))  # without the agent nothing can be asked
        return Recipe(name=recipe.name, packages=packages, files=files, exclude=(*_NO_ICU, *recipe.exclude))
    raise UsageError(f"unknown image recipe `{name}`", hint=suggest(name, [recipe.name for recipe in BUILT_IN]))
