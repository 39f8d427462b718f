"""Call traces as the kernel's unwinders print them, on every architecture: headings, frames, instruction pointers."""

from __future__ import annotations

import re

from vexlab.model.report import Frame

# Lines that begin a stack. Each with a line it stands for; searched in a line without prefixes.
HEADING = re.compile(
    "|".join(
        (
            r"^\s*\S{0,30} ?Call Trace:",  # Call Trace:    <IRQ> Call Trace:
            r"Call [Tt]race:",  # Call trace:    (arm64, s390, SPARC)
            r"^Allocated(?: by task \d+.*)?:",  # Allocated by task 12 on cpu 0 at 1.2s:    Allocated:
            r"^Freed(?: by task \d+.*)?:",
            r"^\s*backtrace(?: \(crc [0-9a-f]+\))?:",  # backtrace (crc 1a2b3c4d):    (kmemleak)
            r"^Backtrace:",  # Backtrace:    (ARM, PA-RISC)
            r"^Uninit was (?:stored|created)",  # Uninit was stored to memory at:    (KMSAN)
            r"badaddr: [0-9a-f]+ cause: [0-9a-f]+",  # status: 0120 badaddr: 00d0 cause: 000d    (RISC-V)
        )
    )
)

_ADDRESS = r"\[?<?(?:0x)?[0-9a-f]{6,16}>?\]?"
_NAME = r"[A-Za-z_$<][\w$<>:,&' ]*?"
_SYMBOL = r"[A-Za-z_$][\w$]*"
_PLACE = r"\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?"

# <TASK>  dump_stack+0x1db/0x2d0 lib/x.c:1 [vexfs]    [<c0>] ? f.isra.3+0x1/0x2    [c000] [c001] f+0x1/0x2
FRAME = re.compile(
    r"^[ \t|]*(?:=> )?(?:<[/A-Z_#0-9]{2,12}> *)*"
    r"(?:\(?\[[<(]?(?:0x)?[0-9a-f]+[>)]?\][: ]*){0,2}(?:#\d+ +)?"
    r"(?:<[/A-Z_#0-9]{2,12}> *)*(?P<guess>\? +)?"
    r"[({<]?(?P<name>[A-Za-z_$][\w$]*)(?P<suffix>(?:\.[\w$]+)*)(?P<end>[.+])?"
    r"(?P<rest>[^\n]*)$"
)
# [<8011218c>] (unwind_backtrace) from [<8010e300>] (show_stack+0x18/0x1c)    (ARM until 5.17)
_ARM_FROM = re.compile(
    r"^[ \t]*\[<[0-9a-f]+>\] \((?P<one>[A-Za-z_$][\w$.]*)(?P<pone>[^)]*)\) from \[<[0-9a-f]+>\] \((?P<two>[A-Za-z_$][\w$.]*)(?P<ptwo>[^)]*)\)"
)
# unwind_backtrace from show_stack+0x18/0x1c    (ARM since 5.18)
_ARM_NEW = re.compile(r"^[ \t]*(?P<one>[A-Za-z_$][\w$.]*)(?P<pone>) from (?P<two>[A-Za-z_$][\w$.]*)(?P<ptwo>\+0x[^ ]*)")
# dump_stack+0x1db/0x2d0
_PLUS = re.compile(r"^\+?(?:0x)?(?P<offset>[0-9a-f]+)(?:/(?:0x)?(?P<size>[0-9a-f]+))?")
# f+0x1/0x2 [vexfs]    f+0x1/0x2 fs/x.c:1 [vexfs]    f+0x1/0x2 [vexfs 1234abcd]
_MODULE = re.compile(r"\[(?P<module>[a-z0-9][\w-]*)(?: [0-9a-f]{8,40})?\](?: \([A-Z]+\))?\)?\s*$")
# f+0x1/0x2 fs/x.c:12    f fs/x.c:12 [inline]
_SOURCE = re.compile(r"(?P<source>[\w./+-]+\.(?:c|h|S|rs|cpp|cc|hpp):\d+)")
# list_add include/linux/list.h:79 [inline]
_INLINE = re.compile(r"^[ \t]*(?P<name>[A-Za-z_$][\w$.]*) (?P<source>[\w./+-]+:\d+) \[inline\]")


def parse_frames(body: str) -> tuple[Frame, ...]:
    """The frames one line of a trace names: none, one, or two (ARM prints callee and caller)."""
    if " from " in body:
        match = _ARM_FROM.match(body) or _ARM_NEW.match(body)
        if match:
            return (
                _frame(match["one"], match["pone"], guess=False),
                _frame(match["two"], match["ptwo"], guess=False),
            )
    inline = _INLINE.match(body) if body.endswith("[inline]") else None
    if inline:
        return (Frame(function=inline["name"], inline=True, source=inline["source"]),)
    match = FRAME.match(body)
    if not match or not match["end"]:
        return ()
    guess = bool(match["guess"]) or "(unreliable)" in body
    return (_frame(match["name"], match["end"] + match["rest"], guess=guess),)


def _frame(name: str, rest: str, *, guess: bool) -> Frame:
    place = _PLUS.match(rest)
    module = _MODULE.search(rest)
    source = _SOURCE.search(rest)
    return Frame(
        function=name.partition(".")[0],
        offset=int(place["offset"], 16) if place else -1,
        size=int(place["size"], 16) if place and place["size"] else -1,
        module=module["module"] if module and module["module"] != "inline" else "",
        guess=guess,
        source=source["source"] if source else "",
    )
