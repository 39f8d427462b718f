"""A workflow that calls the old scripts, rewritten line by line: comments, names and order stay as they are. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vexlab.migrate.commands import RULES, translate

#       - run: scripts/test-vm.sh
_RUN = re.compile(r"^(?P<indent>\s*(?:- )?)run:\s*(?P<rest>.*)$")
# - run: |   and   run: >-
_BLOCK = re.compile(r"[|>][+-]?\d*")
_OLD = re.compile("|".join(rf"(?<![\w-]){re.escape(name)}(?![\w-])" for name in sorted(RULES, key=len, reverse=True)))
# What changes the folder for a command of the old scripts, and nothing else.
_CD = re.compile(r"\s*cd [\w./-]+\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """The new text; ``changes`` says of each line what became of it, ``left`` names old commands that are left."""

    text: str
    changes: tuple[str, ...]
    left: tuple[str, ...]


def rewrite(text: str) -> Rewritten:
    """Return a workflow whose commands of the old scripts are vexlab's; raise ``ValueError`` where none is called."""
    lines = _joined(text).splitlines()
    out: list[str] = []
    changes: list[str] = []
    block = -1
    for number, line in enumerate(lines, 1):
        indent = len(line) - len(line.lstrip())
        if block >= 0 and line.strip() and indent <= block:
            block = -1
        if match := _RUN.match(line):
            rest = match["rest"].strip()
            if _BLOCK.fullmatch(rest):
                block = len(match["indent"])
                out.append(line)
                continue
            out.append(_replaced(f"{match['indent']}run: ", rest, number, changes))
        elif block >= 0 and line.strip():
            out.append(_replaced(line[:indent], line.strip(), number, changes))
        else:
            out.append(line)
    if not changes:
        raise ValueError("it calls none of the old scripts")
    new = "\n".join(_without_folders(out)) + "\n"
    left = tuple(found[0] for found in _OLD.finditer(new) if not found[0].startswith(("cargo", "ktest")))
    return Rewritten(text=new, changes=tuple(changes), left=left)


def _joined(text: str) -> str:
    """Join lines that a backslash continues, in blocks of shell."""
    return re.sub(r"\\\n\s*", "", text)


def _replaced(head: str, command: str, number: int, changes: list[str]) -> str:
    new = translate(command)
    if new is None:
        return f"{head}{command}"
    changes.append(f"{number}: {command} → {new.command or 'nothing'}{f' ({new.note})' if new.note else ''}")
    return f"{head}{new.command}" if new.command else f"{head}true  # {new.note}"


def _without_folders(lines: list[str]) -> list[str]:
    """Drop a ``cd`` that stood before a command which is vexlab's now: it runs in the checkout."""
    return [
        line
        for line, following in zip(lines, [*lines[1:], ""], strict=True)
        if not (_CD.fullmatch(line) and following.strip().startswith("vexlab "))
    ]
