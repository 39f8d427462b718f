"""The call traces of a report as structured frames, and what of it lies in the module under test."""

from __future__ import annotations

import re

from vexlab.classify.body import Body, frames_of
from vexlab.classify.trails import IP
from vexlab.model.report import Frame, Trace

MOST_TRACES = 64
MOST_FRAMES = 256
POINTER = "instruction pointer"

# f+0x1/0x2 [vexfs]    f.isra.0+0x1/0x2 fs/x.c:1 [vexfs 1234abcd]
_MENTION = re.compile(
    r"\b(?P<name>[A-Za-z_$][\w$]*)(?:\.[\w$.]+)?\+0x[0-9a-f]+/0x[0-9a-f]+ "
    r"(?:[\w./+-]{1,200}:\d+ )?\[(?P<module>[a-z0-9][\w-]*)[\] ]"
)
_POINTER_WORDS = ("IP", "pc", "PC", "PSW", "ERA", "IAOQ")


def traces(body: Body) -> tuple[Trace, ...]:
    """The instruction pointer, then every run of frame lines behind a heading."""
    found: list[Trace] = []
    heading = ""
    frames: list[Frame] = []
    for line in body.full:
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


def target_frame(body: Body, stacks: tuple[Trace, ...], headline: str, targets: frozenset[str]) -> tuple[bool, str]:
    """Whether a module under test is involved, and the first function of it that the report names.

    The report's own order counts: headline, instruction pointer, stacks; guessed frames come last.
    """
    for match in _MENTION.finditer(body.text):
        if match["module"].replace("-", "_") in targets:
            return True, match["name"]
    for stack in stacks:
        for frame in stack.frames:
            if frame.module.replace("-", "_") in targets:
                return True, frame.function
    words = re.findall(r"[a-z0-9]+(?=[\W_])", headline.partition("(")[0].lower())  # BUG vexfs_inode (Tainted: ...
    return bool(targets.intersection(words)) and headline.startswith(("BUG ", "kmem_cache_destroy")), ""
