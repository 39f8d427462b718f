"""What a module is built with: the part of a built kernel tree that ``make M=…`` reads."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

# As scripts/package/builddeb takes for linux-headers: objtool checks modules, resolve_btfids and vmlinux give them BTF.
_FILES = (
    ".config",
    "Module.symvers",
    "System.map",
    "vmlinux",
    "Makefile",
    "Kbuild",
    "arch/x86/Makefile",
    "tools/objtool/objtool",
    "tools/bpf/resolve_btfids/resolve_btfids",
)
_FOLDERS = ("include", "scripts", "arch/x86/include", "arch/x86/scripts")
_OPTIONAL = ("Kbuild", "tools/objtool/objtool", "tools/bpf/resolve_btfids/resolve_btfids", "arch/x86/scripts")
_NEVER = (".o", ".o.cmd", ".a", ".c.orig")


def copy_headers(tree: Path, into: Path) -> None:
    """Copy what modules need of the built ``tree`` to the new folder ``into``."""
    for name in (*_files(tree), *_FILES):
        if name in _OPTIONAL and not (tree / name).exists():
            continue
        place = into / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            shutil.copy2(tree / name, place, follow_symlinks=True)


def _files(tree: Path) -> Iterator[str]:
    """Yield files below the folders, and every Makefile and Kconfig of the architecture: relative to ``tree``."""
    for folder in _FOLDERS:
        for top, _, names in os.walk(tree / folder):
            for name in names:
                if not name.endswith(_NEVER) and (Path(top) / name).is_file():
                    yield str((Path(top) / name).relative_to(tree))
    for file in (*(tree / "arch/x86").glob("Makefile*"), *(tree / "arch").glob("Kconfig")):
        yield str(file.relative_to(tree))


def relocate(root: Path, build: Path, link: Path) -> None:
    """Let a distribution's headers below ``root``, where they have their paths, be used in that place.

    ``build`` is the path of their folder in the system that they are of; ``link`` becomes a link to it.
    """
    folder = root / build.relative_to("/")
    makefile = folder / "Makefile"
    up = "../" * (len(folder.relative_to(root).parts))
    # include /usr/src/linux-headers-6.1.0-9-common/Makefile
    text = re.sub(r"^include /", f"include $(dir $(lastword $(MAKEFILE_LIST))){up}", makefile.read_text(), flags=re.M)
    makefile.write_text(text)
    link.symlink_to(os.path.relpath(folder, link.parent))
