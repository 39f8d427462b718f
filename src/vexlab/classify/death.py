"""What ends a task or the kernel, told from a piece of console text while a command runs. Pure.

The wordings are those of ``die()``, the fault handlers and ``panic()`` (arch/*/kernel/traps.c, arch/*/mm/fault.c,
arch/x86/kernel/dumpstack.c, kernel/panic.c), Linux 4.x to 6.x.
"""

from __future__ import annotations

import re

from vexlab.classify.headlines import DEATH
from vexlab.classify.lines import LONGEST_LINE, USER, normalise, split_prefix

# A word of each wording below: a text without any of them costs one search for each word and nothing more.
_WORDS = (
    "[#",
    "Kernel panic",
    "ernel BUG",
    "nable to handle",
    "ernel NULL pointer dereference",
    "double fault",
    "stack guard page",
    "Fixing recursive fault",
)
# What a line begins with once time stamp and caller mark are off. Each with a line it stands for.
_DEATH = re.compile(
    "|".join(
        (
            r"Kernel panic - not syncing",  # Kernel panic - not syncing: softlockup: hung tasks
            r"---\[ end Kernel panic - not syncing",  # ---[ end Kernel panic - not syncing: Fatal exception ]---
            r"BUG: [Uu]nable to handle (?:kernel|page fault)",  # BUG: unable to handle page fault for address: ffffc900
            r"BUG: [Kk]ernel NULL pointer dereference",  # BUG: kernel NULL pointer dereference, address: 0000000000000008
            r"(?:CPU \d+ )?Unable to handle kernel ",  # Unable to handle kernel paging request at virtual address dead4ead
            r"[kK]ernel BUG at ",  # kernel BUG at fs/inode.c:1!
            r"(?:traps: )?PANIC: double fault",  # traps: PANIC: double fault, error_code: 0x0
            r"BUG: (?:\S+ )?stack guard page was hit",  # BUG: TASK stack guard page was hit at ffffc90000000000
            r"Fixing recursive fault but reboot is needed",
            DEATH,
        )
    )
)


def fatal(text: str) -> str:
    """Return the first line of ``text`` that says a task or the kernel has just ended, without its prefix; else "".

    Meant for the pieces of a console that arrive while a command runs, so it costs no more than ``headline`` does.
    Oopses and panics count. Warnings, sanitizers' reports, lockdep's, hung tasks and stalls do not: the kernel goes on
    after them, and where it is told to panic instead, the panic's own line comes. The words must open the message,
    as the kernel prints them: a module that prints ``demo: BUG: none found`` is alive. An oops has several such
    lines, so a piece of text that begins or ends in the middle of one is no harm.
    """
    if not any(word in text for word in _WORDS):
        return ""
    text = normalise(text)
    done = 0
    for start in sorted(set(_line_starts(text))):
        if start < done:
            continue
        end = text.find("\n", start)
        done = len(text) if end < 0 else end
        context, body = split_prefix(text[start : min(done, start + LONGEST_LINE)])
        if context != USER and _DEATH.match(body):
            return body.rstrip()
    return ""


def _line_starts(text: str) -> list[int]:
    """Where the lines begin that hold one of the words, at most one entry for each line and word."""
    found: list[int] = []
    for word in _WORDS:
        pos = text.find(word)
        while pos >= 0:
            found.append(text.rfind("\n", 0, pos) + 1)
            newline = text.find("\n", pos)
            pos = text.find(word, newline) if newline >= 0 else -1
    return found
