"""The call traces of a report as structured frames, and what of it lies in the module under test."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vexlab.classify.body import frames_of
from vexlab.classify.lines import Line
from vexlab.classify.skips import helps
from vexlab.classify.stack_patterns import IP
from vexlab.model.report import Frame, Trace

MOST_TRACES = 64
MOST_FRAMES = 256
POINTER = "instruction pointer"

# ...+0x1/0x2 [vexfs]    ...+0x1/0x2 fs/x.c:1 [vexfs 1234abcd]    (behind a function's name)
_MENTION = re.compile(r"\+0x[0-9a-f]+/0x[0-9a-f]+\)? (?:[\w./+-]{1,200}:\d+ )?\[(?P<module>[a-z0-9][\w-]*)[\] ]")
# f    f.isra.0    ? f    (up to the offset; the last is a stack word the unwinder could not vouch for)
_NAME = re.compile(r"(?P<guess>\? )?(?P<name>[A-Za-z_$][\w$]*)(?:\.[\w$.]+)?$")
#  #0: ffff88800b2c4098 (&sbi->lock){+.+.}-{2:2}, at:    (a lock that is held)
_HELD = re.compile(r"^ ?#\d+: ")
_LONGEST_NAME = 300
# aops:vexfs_aops [vexfs] ino:5    in-flight: 77:vexfs_commit [vexfs]    data-race in f [vexfs] / g    (a name without its offset)
_OWNED = re.compile(r"(?:^aops:|\b)(?P<name>[A-Za-z_]\w*) \[(?P<module>[a-z0-9][\w-]*)\]", re.M)
# Modules linked in: loop [last unloaded: vexfs(OE)]    ... [last unloaded: vexfs]
_UNLOADED = re.compile(r"\[last unloaded: (?P<module>[a-z0-9][\w-]*)")
# RIP: 0010:0xffffffffc0a3d0b0    pc : 0xffff80007a0b1000     0xffffffffc0a3d0b0    (an address that no symbol covers)
_NAMELESS = re.compile(
    r"^(?:RIP: [0-9a-f]{4}:|E?IP: |pc : |epc : |PC is at |NIP \[[0-9a-f]+\] )? *(?:\[<)?0x[0-9a-f]{8,16}(?:>\])?(?: \(\w\))?$",
    re.M,
)
# BUG vexfs_inode (Tainted: ...    kmem_cache_destroy vexfs_inode: ...    VFS: Busy inodes after unmount of vda (vexfs)
_NAMES_ITS_OWNER = re.compile(
    r"BUG |kmem_cache_destroy|VFS: Busy inodes|sysfs: cannot create|kobject_add_internal|BUG: Dentry|KCSAN|BUG: KCSAN"
)
_POINTER_WORDS = ("IP", "pc", "PC", "PSW", "ERA", "IAOQ")


def traces(own: Sequence[Line]) -> tuple[Trace, ...]:
    """The instruction pointer, then every run of frame lines behind a heading, in a report's own lines."""
    found: list[Trace] = []
    heading = ""
    frames: list[Frame] = []
    for line in own:
        text = line.body
        here = frames_of(text)
        if here:
            if len(frames) < MOST_FRAMES:
                frames += here
            continue
        pointer = _pointer(text)
        if pointer or text.endswith(":") or "race:" in text:
            if frames:
                found.append(Trace(heading=heading, frames=tuple(frames)))
                frames = []
            if pointer:
                found.append(Trace(heading=POINTER, frames=pointer))
            else:
                heading = text.strip().rstrip(":")[:120]
            if len(found) >= MOST_TRACES:
                return tuple(found)
    if frames:
        found.append(Trace(heading=heading, frames=tuple(frames)))
    return tuple(found)


def _pointer(text: str) -> tuple[Frame, ...]:
    if "+0x" not in text or not any(word in text for word in _POINTER_WORDS):
        return ()
    match = IP.search(text)
    if match is None or not match["f"]:
        return ()
    return frames_of(text[match.start("f") :].replace(") ", " "))[:1]


def target_frame(text: str, stacks: tuple[Trace, ...], headline: str, targets: frozenset[str]) -> tuple[bool, str]:
    """Whether a module under test is involved, and the first function of it that the report names.

    ``text`` holds the report's own lines. Its order counts: headline, instruction pointer, stacks; guessed frames
    come last. Code of a module that is gone has no name.
    """
    if not any(f"[{name}" in text for target in targets for name in (target, target.replace("_", "-"))):
        return _without_a_name(text, headline, targets)
    sure, unsure = _mentioned(text, targets)
    if sure or unsure:
        return True, next((name for name in sure if not helps(name)), (*sure, *unsure)[0])
    for stack in stacks:
        for frame in stack.frames:
            if frame.module.replace("-", "_") in targets:
                return True, frame.function
    for match in _OWNED.finditer(text):
        if match["module"].replace("-", "_") in targets:
            return True, match["name"]
    return _without_a_name(text, headline, targets)


def _mentioned(text: str, targets: frozenset[str]) -> tuple[list[str], list[str]]:
    """The functions of the targets that the text names, and those that it only guesses or that hold a lock."""
    sure: list[str] = []
    unsure: list[str] = []
    for match in _MENTION.finditer(text):
        if match["module"].replace("-", "_") not in targets:
            continue
        start = text.rfind("\n", 0, match.start()) + 1
        before = text[max(start, match.start() - _LONGEST_NAME) : match.start()]
        name = _NAME.search(before)
        if name:
            (unsure if name["guess"] or _HELD.match(before) else sure).append(name["name"])
    return sure, unsure


def _without_a_name(text: str, headline: str, targets: frozenset[str]) -> tuple[bool, str]:
    """Whether a module is involved that no frame names: its code is gone, or the headline names what it owns."""
    if unloaded(text) in targets and nameless(text):
        return True, ""
    words = re.findall(r"[a-z0-9]+(?=[\W_])", headline.partition("(Tainted")[0].lower() + " ")
    return bool(targets.intersection(words)) and _NAMES_ITS_OWNER.match(headline) is not None, ""


def nameless(text: str) -> bool:
    """Whether code ran at an address that no symbol covers."""
    return _NAMELESS.search(text) is not None


def unloaded(text: str) -> str:
    """The module that was unloaded last when the report was printed, with underscores; empty where none is told."""
    match = _UNLOADED.search(text)
    return match["module"].replace("-", "_") if match else ""
