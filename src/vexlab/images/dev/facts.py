"""Print what the commands of the image `dev` must know of a source tree, as assignments for bash.

Run in the guest: ``python3 facts.py TREE``. A ``target.toml`` in the tree is believed; without one, the folder with
``obj-m`` that is least deep is the module's, and ``tools``, where it has a Makefile, holds programs.
"""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from pathlib import Path

DEEPEST = 4
# obj-m := vexfs.o  ·  obj-$(CONFIG_MYFS) += myfs.o
_MODULE = re.compile(r"^\s*obj-(?:m|\$\(\w+\))\s*[:+]?=\s*(?:[\w-]+\.o\s+)*?([\w-]+)\.o\b", re.MULTILINE)
_KBUILD = ("Kbuild", "Makefile")


def facts_of(tree: Path) -> dict[str, str | list[str]]:
    """Return the facts of a tree by the variable's name; ``wrong`` says why there are none."""
    file = tree / "target.toml"
    try:
        target = tomllib.loads(file.read_text()) if file.is_file() else {}
    except ValueError as error:
        return {"wrong": f"target.toml is not valid TOML: {error}"}
    folder = tree / target["source"] if target.get("source") else _module_folder(tree)
    if not folder:
        return {"wrong": "no Kbuild or Makefile with obj-m is in the source tree"}
    build = target.get("build", {})
    tools = target.get("tools") or ([{"source": "tools"}] if (tree / "tools" / "Makefile").is_file() else [])
    return {
        "folder": str(folder),
        "crates": [str(each) for each in crates_in(tree)],
        "module": str(target.get("module") or target.get("fstype") or _module_of(folder)).replace("-", "_"),
        "fstype": target.get("fstype", ""),
        "mkfs": target.get("mkfs", ""),
        "fsck": target.get("fsck", ""),
        "make_args": list(build.get("args", ())),
        "prepare": list(build.get("prepare", ())),
        "depends": list(target.get("depends", ())),
        "params": list(target.get("params", ())),
        "options": ",".join(target.get("mount_options", ())),
        "tools": [str(tree / tool["source"]) for tool in tools],
        "tool_args": [shlex.join(tool.get("args", ())) for tool in tools],
        "tool_prepare": ["; ".join(tool.get("prepare", ())) for tool in tools],
        "tool_outputs": [shlex.join(tool.get("outputs", ())) for tool in tools],
    }


def crates_in(tree: Path) -> list[Path]:
    """Return the folders with a ``Cargo.toml`` and none above them: a workspace is asked once."""
    found: list[Path] = []
    for file in sorted(tree.rglob("Cargo.toml"), key=lambda each: each.parts):
        inside = file.relative_to(tree).parts
        if "target" not in inside and not any(file.is_relative_to(each) for each in found):
            found.append(file.parent)
    return found


def assignments(facts: dict[str, str | list[str]]) -> str:
    """Return the facts as lines of bash: strings, and arrays."""
    return "".join(
        f"{name}=({shlex.join(value)})\n" if isinstance(value, list) else f"{name}={shlex.quote(value)}\n"
        for name, value in facts.items()
    )


def _module_folder(tree: Path) -> Path | None:
    level = [tree]
    for _ in range(DEEPEST):
        for folder in level:
            if _module_of(folder):
                return folder
        level = sorted(each for folder in level for each in folder.iterdir() if each.is_dir() and _wanted(each))
    return None


def _wanted(folder: Path) -> bool:
    return not folder.name.startswith(".") and not folder.is_symlink()


def _module_of(folder: Path) -> str:
    for name in _KBUILD:
        file = folder / name
        found = _MODULE.search(file.read_text(errors="replace")) if file.is_file() else None
        if found:
            return found[1]
    return ""


if __name__ == "__main__":
    sys.stdout.write(assignments(facts_of(Path(sys.argv[1]))))
