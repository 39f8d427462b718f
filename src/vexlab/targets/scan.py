"""What the source of an unknown filesystem says of itself: its module, types, parameters, ioctls, programs.

Only text is read; nothing is run. What cannot be told from it is left to be found out in a machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vexlab.errors import UsageError

_MOST_BYTES = 4 << 20  # of one file
_MOST_FILES = 5000
_DEEPEST = 6
_KBUILD = ("Kbuild", "Makefile", "makefile", "GNUmakefile")
# obj-m := vexfs.o     obj-$(CONFIG_F2FS_FS) += f2fs.o
_OBJ = re.compile(r"^\s*obj-(?:m|y|\$\([\w-]+\))\s*[:+]?=\s*(?P<objects>.+)$", re.MULTILINE)
# MODULE_ALIAS_FS("vexfs");
_ALIAS = re.compile(r'MODULE_ALIAS_FS\(\s*"([\w.-]+)"\s*\)')
# static struct file_system_type vexfs_fs_type = { … .name = "vexfs",
_TYPE = re.compile(r'struct\s+file_system_type\s+\w+\s*=\s*\{[^}]*?\.name\s*=\s*"([\w.-]+)"', re.DOTALL)
# module_param(debug, int, 0644);     module_param_named(debug, x, int, 0);
_PARAM = re.compile(r"^\s*module_param(?:_named|_array|_string)?\(\s*(\w+)\s*,", re.MULTILINE)
# #define VEXFS_IOC_FS_INFO _IOWR(…)
_IOCTL = re.compile(r"^\s*#\s*define\s+(\w+)\s+_IO[WR]{0,2}\(", re.MULTILINE)
# fsparam_enum("errors", …)     fsparam_flag("barrier", …)     {Opt_x, "discard"}
_OPTION = re.compile(r'\bfsparam_\w+\s*\(\s*"([\w-]+)"')
_REGISTERS = re.compile(r"\bregister_filesystem\s*\(")
_NEEDS_DEVICE = re.compile(r"\bFS_REQUIRES_DEV\b")
# TOOLS := mkfs.vexfs fsck.vexfs vexctl     all: mkfs.x fsck.x
_PROGRAMS = re.compile(r"^(?:\w+\s*[:+?]?=|[\w-]+:)\s*(?P<words>[^\n=]*(?:mkfs|fsck)[^\n=]*)$", re.MULTILINE)
_PROGRAM = re.compile(r"[\w][\w.+-]*")
_SOURCE_ENDINGS = (".c", ".h", ".o", ".S", ".a", ".so", ".d", ".8", ".sh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What was read. ``source`` is the module's folder, ``tools`` folders with the programs that their make builds.

    ``fstypes`` are in the order in which they are named, the aliases first; ``others`` are further modules.
    """

    source: Path
    module: str
    fstypes: tuple[str, ...]
    params: tuple[str, ...] = ()
    ioctls: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    needs_device: bool = True
    tools: tuple[tuple[Path, tuple[str, ...]], ...] = ()
    others: tuple[str, ...] = ()


def scan(folder: Path) -> Scan:
    """Read the source tree in ``folder``; raise ``UsageError`` where no filesystem's module is in it."""
    makefiles = [file for file in _files(folder) if file.name in _KBUILD]
    found = [(file, names) for file in makefiles if (names := _modules(_read(file)))]
    if not found:
        raise UsageError(
            f"no Kbuild or Makefile in {folder} makes a module (`obj-m := NAME.o`)",
            hint="name the folder of a filesystem's source, or one that comes with the kernel: vexlab init exfat",
        )
    ranked = sorted(found, key=lambda each: (not _texts(each[0].parent, _REGISTERS), len(each[0].parts)))
    kbuild, names = ranked[0]
    source = kbuild.parent
    text = "\n".join(_read(file) for file in _files(source) if file.suffix in (".c", ".h"))
    fstypes = tuple(dict.fromkeys([*_ALIAS.findall(text), *_TYPE.findall(text)]))
    if not fstypes or not _REGISTERS.search(text):
        raise UsageError(
            f"the module in {source} registers no filesystem (no register_filesystem, no MODULE_ALIAS_FS)",
            hint="is it a filesystem's source?",
        )
    return Scan(
        source=source,
        module=_first(names, fstypes),
        fstypes=fstypes,
        params=tuple(dict.fromkeys(_PARAM.findall(text))),
        ioctls=tuple(dict.fromkeys(_IOCTL.findall(text))),
        options=tuple(dict.fromkeys(_OPTION.findall(text))),
        needs_device=bool(_NEEDS_DEVICE.search(text)),
        tools=tuple(_tools(makefiles, source)),
        others=tuple(name for name in names if name != _first(names, fstypes)),
    )


def _first(names: tuple[str, ...], fstypes: tuple[str, ...]) -> str:
    """Return of several modules the one that is called as its filesystem, else the first."""
    return next((name for name in names if name in fstypes), names[0])


def _modules(text: str) -> tuple[str, ...]:
    words = (word for found in _OBJ.finditer(_whole(text)) for word in found["objects"].split())
    return tuple(dict.fromkeys(word.removesuffix(".o") for word in words if word.endswith(".o") and "$" not in word))


def _tools(makefiles: list[Path], source: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    for file in makefiles:
        if file.parent == source or file.name == "Kbuild":
            continue
        words = (word for found in _PROGRAMS.finditer(_whole(_read(file))) for word in _PROGRAM.findall(found["words"]))
        programs = tuple(dict.fromkeys(word for word in words if not word.endswith(_SOURCE_ENDINGS)))
        if any(word.startswith(("mkfs", "fsck")) for word in programs):
            yield file.parent, programs


def _whole(text: str) -> str:
    """Return a makefile without comments, its continued lines joined."""
    return re.sub(r"(?m)#.*$", "", text.replace("\\\n", " "))


def _texts(folder: Path, pattern: re.Pattern[str]) -> bool:
    return any(pattern.search(_read(file)) for file in _files(folder) if file.suffix == ".c")


def _files(folder: Path) -> Iterator[Path]:
    """Yield regular files below a folder, in order; links are not followed."""
    count = 0
    ahead = [(folder, 0)]
    while ahead:
        here, depth = ahead.pop(0)
        for path in sorted(here.iterdir()):
            if path.is_symlink() or path.name.startswith("."):
                continue
            if path.is_dir() and depth < _DEEPEST:
                ahead.append((path, depth + 1))
            elif path.is_file():
                count += 1
                if count > _MOST_FILES:
                    raise UsageError(
                        f"{folder} holds more than {_MOST_FILES} files", hint="name the module's own folder"
                    )
                yield path


def _read(file: Path) -> str:
    with file.open("rb") as opened:
        return opened.read(_MOST_BYTES).decode(errors="replace")
