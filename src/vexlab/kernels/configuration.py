"""The build configuration of a kernel of ours: fragments put together, merged by the kernel, verified in the result."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from vexlab.errors import UsageError
from vexlab.kernels.flavours import FRAGMENTS
from vexlab.model.kernel import Flavour
from vexlab.tables import suggest

# Options that newer kernels do not have because they always do what these asked for: name, and the commit's words.
RETIRED = {"UBSAN_SANITIZE_ALL": "ubsan: Remove CONFIG_UBSAN_SANITIZE_ALL"}
# CONFIG_KASAN=y
_SET = re.compile(r"CONFIG_(\w+)=(.+)")
# # CONFIG_KASAN is not set
_UNSET = re.compile(r"# CONFIG_(\w+) is not set")
# config KASAN  ·  menuconfig KASAN
_ENTRY = re.compile(r"^(?:menu)?config\s+(\w+)\s*$")
# 	depends on DEBUG_KERNEL && !KCSAN
_DEPENDS = re.compile(r"^\s+depends on (.+)$")
# 	help
_HELP = re.compile(r"^\s+(?:---)?help(?:---)?\s*$")
# if DEBUG_FS && BLOCK
_IF = re.compile(r"^if\s+(.+)$")
# source "arch/$(SRCARCH)/Kconfig"
_SOURCE = re.compile(r'^source\s+"([^"]+)"')
_WORD = re.compile(r"\b[A-Z0-9_]{2,}\b")
_ENDS = ("menu", "endmenu", "endif", "if ", "choice", "endchoice", "source ", "comment ", "config ", "menuconfig ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a tree's Kconfig files say of an option: ``file``, and each condition that it depends on."""

    file: str
    depends: tuple[str, ...]


def parse(text: str) -> dict[str, str]:
    """Return the options of a fragment or a ``.config``: name → ``y``, ``m``, ``n`` or the value without quotes.

    An option that comes twice has its last value, as in merge_config.sh.
    """
    found = {}
    for line in text.splitlines():
        if match := _SET.fullmatch(line.strip()):
            found[match[1]] = match[2].strip('"')
        elif match := _UNSET.fullmatch(line.strip()):
            found[match[1]] = "n"
    return found


def wanted(flavour: Flavour, *, local_version: str, extra: str = "") -> str:
    """Return the text of all fragments of ``flavour``, then ``extra``, the user's own, which wins.

    ``local_version`` goes into the kernel's release.
    """
    parts = [(FRAGMENTS / f"{name}.config").read_text() for name in flavour.fragments]
    parts.append(f'CONFIG_LOCALVERSION="{local_version}"\n')
    options = parse("\n".join([*parts, extra]))
    return "".join(_line(name, value) for name, value in options.items())


def _line(name: str, value: str) -> str:
    if value == "n":
        return f"# CONFIG_{name} is not set\n"
    plain = value in ("y", "m") or re.fullmatch(r"-?\d+|0x[0-9a-fA-F]+", value)
    return f"CONFIG_{name}={value}\n" if plain else f'CONFIG_{name}="{value}"\n'


def missing(asked: Mapping[str, str], found: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return the options that did not become what was asked: name → what was asked, what they are.

    An option that is built in where a module was asked for is no less there.
    """
    return {
        name: (value, found.get(name, "n"))
        for name, value in asked.items()
        if found.get(name, "n") != value and (value, found.get(name)) != ("m", "y")
    }


def verify(asked: Mapping[str, str], found: Mapping[str, str], tree: Path) -> None:
    """Raise ``UsageError`` where an option is not as asked, which names what it depends on in ``tree``.

    One of ``RETIRED`` may be missing from a tree that does not know it.
    """
    wrong = missing(asked, found)
    if not wrong:
        return
    entries = read_entries(tree, wrong)
    wrong = {name: values for name, values in wrong.items() if name in entries or name not in RETIRED}
    if not wrong:
        return
    words = [_why(name, values, entries.get(name, ()), found) for name, values in wrong.items()]
    known = () if all(name in entries for name in wrong) else option_names(tree)
    words += [f"  {suggest(name, known)}" for name in wrong if name not in entries]
    raise UsageError(
        "the kernel's configuration is not what was asked for:\n" + "\n".join(words),
        hint="set what is missing in a file given with --config, or leave the option out with `# CONFIG_… is not set`",
    )


def _why(name: str, values: tuple[str, str], entries: Iterable[Entry], found: Mapping[str, str]) -> str:
    asked, got = values
    first = f"CONFIG_{name}: asked for {asked}, is {got}"
    told = [f"{first}; {_conditions(entry, found)} ({entry.file})" for entry in entries]
    return "\n".join(told) if told else f"{first}; no Kconfig file of this kernel has such an option"


def _conditions(entry: Entry, found: Mapping[str, str]) -> str:
    if not entry.depends:
        return "it depends on nothing, so something else selects or forbids it"
    said = []
    for condition in entry.depends:
        values = ", ".join(f"{word} is {found.get(word, 'n')}" for word in dict.fromkeys(_WORD.findall(condition)))
        said.append(f"`{condition}` ({values})")
    return f"it depends on {' and '.join(said)}"


def read_entries(tree: Path, names: Iterable[str]) -> dict[str, list[Entry]]:
    """Return what the Kconfig files of ``tree`` for x86 say of ``names``; an option may stand in several places."""
    wanted_names = set(names)
    found: dict[str, list[Entry]] = {}
    for name, entry in _entries(tree):
        if name in wanted_names:
            found.setdefault(name, []).append(entry)
    return found


def option_names(tree: Path) -> list[str]:
    """Return every option of ``tree``."""
    return sorted({name for name, _ in _entries(tree)})


def _entries(tree: Path) -> Iterator[tuple[str, Entry]]:
    """Yield every option, file after file as they name each other, with the conditions that were around its file."""
    ahead: list[tuple[str, tuple[str, ...]]] = [("Kconfig", ())]
    seen: set[str] = set()
    while ahead:
        name, around = ahead.pop()
        if name in seen or not (tree / name).is_file():
            continue
        seen.add(name)
        for kind, what, conditions in _items((tree / name).read_text(errors="replace"), around):
            if kind == "source":
                ahead.append((what, conditions))
            else:
                yield what, Entry(file=name, depends=conditions)


def _items(text: str, outside: tuple[str, ...]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield ``config`` and ``source`` of a Kconfig file: kind, name, the conditions around it and then its own."""
    around: list[str] = []
    name = ""
    depends: list[str] = []
    helping = False  # what help says is no condition
    for line in [*text.splitlines(), "endmenu"]:
        if name and _HELP.match(line):
            helping = True
        elif name and not helping and (match := _DEPENDS.match(line)):
            depends.append(match[1].strip())
        elif line.startswith(_ENDS):
            if name:
                yield "config", name, (*outside, *around, *depends)
            name, depends, helping = "", [], False
            if match := _IF.match(line):
                around.append(match[1].strip())
            elif line.startswith("endif") and around:
                around.pop()
            elif match := _ENTRY.match(line):
                name = match[1]
            elif match := _SOURCE.match(line):
                yield "source", match[1].replace("$(SRCARCH)", "x86"), (*outside, *around)
