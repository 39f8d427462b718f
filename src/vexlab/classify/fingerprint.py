"""A short name for a bug: equal across runs, kernels and addresses."""

from __future__ import annotations

import hashlib
import re

from vexlab.classify.names import plain
from vexlab.classify.skips import skipped
from vexlab.model.report import Trace

DEPTH = 3  # functions below the title that tell two callers of one function apart

# A busy CPU is caught at another place each time; only where it entered is the same.
_BUSY = re.compile(r"(?:detected stall|soft lockup|hard lockup) in ")
# f in sys_read -> f in read: whether the wrapper is inlined is the compiler's choice
_WRAPPED = re.compile(r" in sys_")
# KASAN: slab-use-after-free -> KASAN: use-after-free: as it was called before 6.4 (mm/kasan/report_generic.c)
_SLAB = re.compile(r"^KASAN: slab-(?=use-after-free)")


def fingerprint(title: str, stacks: tuple[Trace, ...]) -> str:
    """16 hex digits made from the title and the first functions of the first stack that are not machinery.

    Offsets, addresses, task names and numbers take no part, nor do guessed frames; system-call wrappers, which
    kernels spell differently, are stripped, and a use of freed memory has one name in all.
    """
    names = () if _BUSY.search(title) else _first_functions(stacks)
    key = "\n".join((_SLAB.sub("KASAN: ", _WRAPPED.sub(" in ", title)), *names))
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _first_functions(stacks: tuple[Trace, ...]) -> tuple[str, ...]:
    for stack in stacks:
        names: list[str] = []
        for frame in stack.frames:
            if frame.guess or frame.inline or skipped(frame.function):
                continue
            name = plain(frame.function)[0].removeprefix("sys_")
            if name not in names:
                names.append(name)
            if len(names) == DEPTH:
                break
        if names:
            return tuple(names)
    return ()
