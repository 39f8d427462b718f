"""What ``fsfault`` prints inside the guest, and the stacks that the kernel prints meanwhile. Pure: text in, values out.

``fsfault`` has the n-th allocation, or the n-th request, of an operation fail, for each n until the operation comes to
its end undisturbed. Before each attempt it tells the kernel's log which one begins, so that the stack of each failure
(``FAULT_INJECTION: forcing a failure``, lib/fault-inject.c) is known to be of that attempt.
"""

from __future__ import annotations

import itertools
import re
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

T = TypeVar("T")
_MOST_NOISE = 20
_WIDEST = 300

# [   12.345678][  T300] fsfault: mkdir 5
_ANNOUNCED = re.compile(r"\bfsfault: ([\w-]+) (\d+)\s*$")
_HEADLINE = "FAULT_INJECTION: forcing a failure"
# name failslab, interval 1, probability 0, space 0, times -1
_KIND = re.compile(r"\bname (\w+), interval")
# [   12.345678]  vexfs_fill_super+0x12/0x340 [vexfs]       ? f+0x1/0x2 is a guess
_FRAME = re.compile(
    r"(?:^|[\s\]])(?P<guess>\? )?(?P<frame>[\w.$]+\+0x[0-9a-f]+/0x[0-9a-f]+)(?: \[(?P<module>[\w-]+)[\] ])?"
)
# 0xffffffffa0201234: of a module that is gone
_NAMELESS = re.compile(r"0x[0-9a-f]+")
_NOBODY = "-"  # what fsfault announces when an attempt has ended
# Errors with which an operation may answer a failed allocation, request, or copy; any other misleads its caller.
EXPECTED = frozenset(("ENOMEM", "EIO", "EFAULT", "ENOSPC", "EAGAIN", "ENOBUFS"))


# Who allocates for itself, once in a while and not again: a slab that grows (mm/slub.c); what KASAN, kmemleak and debug
# objects keep.
_OWN = frozenset(
    ("allocate_slab", "new_slab", "___slab_alloc", "__stack_depot_save", "stack_depot_save", "stack_depot_save_flags",
     "__create_object",
     "create_object", "kmemleak_alloc", "fill_pool", "__debug_object_init", "debug_object_activate")
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt: ``errno`` is the operation's, empty where it succeeded; ``problem`` is what was wrong after it."""

    operation: str
    nth: int
    injected: bool
    errno: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The end of an operation's attempts: ``points`` failed in turn; ``skipped`` says why it was not done at all."""

    end: str
    points: int
    complete: bool
    skipped: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An allocation of the undisturbed operation ``seen``; its stack, innermost first, as ftrace prints frames."""

    seen: str
    frames: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The failure in the ``nth`` attempt at the operation ``failed``; its stack, as in ``Seen``."""

    failed: str
    nth: int
    frames: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultReport:
    """Everything a run of ``fsfault`` printed; ``noise`` are lines that are none of it.

    ``failed`` is empty where the kernel has no probes.
    """

    attempts: tuple[Attempt, ...]
    ended: tuple[Ended, ...]
    seen: tuple[Seen, ...]
    failed: tuple[Failed, ...]
    noise: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected:
    """A failure that the kernel told of; ``kind`` is ``failslab``, ``fail_page_alloc``, …; frames innermost first.

    ``kind`` is empty where a probe saw it and the kernel's log is silent.
    """

    operation: str
    nth: int
    kind: str
    frames: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Sites of the module: ``seen`` in undisturbed operations, with a stack of each, and where something ``failed``."""

    seen: Mapping[str, tuple[str, ...]]
    failed: frozenset[str]

    @property
    def missed(self) -> tuple[str, ...]:
        """The sites that were seen and at which nothing failed."""
        return tuple(sorted(self.seen.keys() - self.failed))

    def way(self, place: str) -> str:
        """Return by which of the kernel's functions the allocation at ``place`` was made, the innermost first."""
        return " < ".join(_way(self.seen[place], place))


_KINDS: tuple[type[Attempt | Ended | Seen | Failed], ...] = (Attempt, Ended, Seen, Failed)


def parse_faults(text: str) -> FaultReport:
    """Read what ``fsfault run`` printed; what cannot be read is noise."""
    lines = [line for line in text.splitlines() if line.strip()]
    values = [next(filter(None, (_decode(line, kind) for kind in _KINDS)), None) for line in lines]
    noise = [line[:_WIDEST] for line, value in zip(lines, values, strict=True) if value is None]
    return FaultReport(
        attempts=tuple(each for each in values if isinstance(each, Attempt)),
        ended=tuple(each for each in values if isinstance(each, Ended)),
        seen=tuple(each for each in values if isinstance(each, Seen)),
        failed=tuple(each for each in values if isinstance(each, Failed)),
        noise=tuple(noise[:_MOST_NOISE]),
    )


def parse_injected(console: str) -> tuple[Injected, ...]:
    """Return the failures that a console tells of within attempts, with their stacks; guessed frames are left out."""
    found: list[Injected] = []
    place, kind, frames, inside = (_NOBODY, 0), "", list[str](), False

    def end() -> None:
        nonlocal inside
        if inside and place[0] != _NOBODY:
            found.append(Injected(operation=place[0], nth=place[1], kind=kind, frames=tuple(frames)))
        inside = False

    for line in console.splitlines():
        if match := _ANNOUNCED.search(line):
            end()
            place = (match[1], int(match[2]))
        elif _HEADLINE in line:
            end()
            kind, frames, inside = "", [], True
        elif inside and (match := _KIND.search(line)):
            kind = match[1]
        elif inside and "</TASK>" in line:
            end()
        elif inside and (match := _FRAME.search(line)) and not match["guess"]:
            frames.append(f"{match['frame']} [{match['module']}]" if match["module"] else match["frame"])
    end()
    return tuple(found)


def failures(report: FaultReport, console: str) -> tuple[Injected, ...]:
    """Return the failure of each attempt: as the kernel's log tells of it, else as a probe saw it.

    The log is silent about allocations with ``__GFP_NOWARN``, such as each of a mempool's (lib/fault-inject.c). The
    probes do not see copies from and to programs, and name no function of a module that is gone.
    """
    told = parse_injected(console)
    known = {(each.operation, each.nth) for each in told}
    silent = (each for each in report.failed if (each.failed, each.nth) not in known)
    return (*told, *(Injected(operation=each.failed, nth=each.nth, kind="", frames=each.frames) for each in silent))


def site(frames: Iterable[str], module: str) -> str:
    """Return the innermost frame of ``module``, without the function's size; empty where there is none."""
    inner = next((frame for frame in frames if frame.endswith(f"[{module}]")), "")
    return inner.partition("/")[0]


def coverage(report: FaultReport, injected: Iterable[Injected], module: str) -> Coverage:
    """Return at which sites of ``module`` allocations were seen, and where they failed."""
    stacks = ((site(each.frames, module), each.frames) for each in report.seen)
    seen = {place: frames for place, frames in stacks if place and not _OWN.intersection(_way(frames, place))}
    failed = {site(each.frames, module) for each in injected} - {""}
    return Coverage(seen=seen, failed=frozenset(failed))


def _way(frames: Iterable[str], place: str) -> tuple[str, ...]:
    """Return the functions that the module's at ``place`` called, the innermost first."""
    below = itertools.takewhile(lambda frame: not frame.startswith(f"{place}/"), frames)
    return tuple(frame.partition("+")[0] for frame in below)


def wrong(report: FaultReport, injected: Iterable[Injected] = (), module: str = "") -> tuple[str, ...]:
    """Return a sentence for each attempt after which something was not as it must be, with the site that had failed.

    What an operation says is the kernel's own affair where none of the module's functions was on the way to the
    failure: its loader says ELOOP.
    """
    stacks = {(each.operation, each.nth): each.frames for each in injected}
    lines = []
    for each in report.attempts:
        words, frames = each.problem, stacks.get((each.operation, each.nth), ())
        where = site(frames, module)
        of_module = where or not frames or any(_NAMELESS.match(frame) for frame in frames)
        if not words and each.errno and each.errno not in EXPECTED and of_module:
            words = f"it fails with {each.errno}, which misleads its caller"
        if words:
            lines.append(f"{each.operation}, failure {each.nth}{f' at {where}' if where else ''}: {words}")
    return tuple(lines)


def _decode(line: str, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeError):
        return None


def _call(name: str, number: int, way: int, argument: bytes, *buffers: tuple[int, bytes]) -> str:
    """Return a line of ``fsfault --calls``: ``number`` and ``way`` as in _IOC (include/uapi/asm-generic/ioctl.h)."""
    code = way << 30 | len(argument) << 16 | 0xF6 << 8 | number
    words = " ".join(f"{offset}:{content.hex()}" for offset, content in buffers)
    return f"{name} collection {code} {argument.hex()} {words}".rstrip()


def vexfs_calls() -> str:
    """Return VexFS' ioctls (include/uapi/vexfs.h) for ``fsfault --calls``, each with what must come before it."""
    dim, count, meta, lists = 4, 40, 16, 4
    vectors = struct.pack(f"<{dim * count}f", *(float(number % 17) for number in range(dim * count)))
    one, out = vectors[: 4 * dim], bytes(4096)
    write, both = 1, 3
    create = struct.pack("<8I", 1, dim, 0, meta, 0, 0, 0, 0)
    add = struct.pack("<4I6Q", 1, dim, count, meta, 0, 0, 0, 0, 0, 0)
    adding = ((16, vectors), (24, bytes(meta * count)))
    index = struct.pack("<4I6Q", 1, dim, 1, lists, count, 0, 0, 0, 0, 0)
    assignment = struct.pack(f"<{count}I", *(number % lists for number in range(count)))
    indexing = ((24, vectors[: 4 * dim * lists]), (32, assignment))
    search = struct.pack("<4I2Q2I3Q", 1, dim, 5, 0, 0, 0, 0, 0, 0, 0, 0)
    by_index = struct.pack("<4I2Q2I3Q", 1, dim, 5, 1, 0, 0, 0, lists, 0, 0, 0)
    lines = (
        _call("vec_create", 1, write, create),
        _call("+create", 1, write, create),
        _call("fs_info", 0, both, struct.pack("<I164x", 1)),
        _call("vec_info", 2, both, struct.pack("<I84x", 1)),
        _call("vec_add", 3, both, add, *adding),
        _call("+add", 3, both, add, *adding),
        _call("vec_get", 4, both, struct.pack("<2I3Q2I2Q", 1, dim, 3, 0, 0, meta, 0, 0, 0), (16, out), (24, out)),
        _call("vec_search", 6, both, search, (16, one), (24, out)),
        _call("vec_list", 7, both, struct.pack("<2I2Q2I3Q", 1, 100, 0, 0, 0, 0, 0, 0, 0), (16, out)),
        _call("vec_delete", 5, write, struct.pack("<2I3Q", 1, 0, 3, 0, 0)),
        _call("vec_index", 8, write, index, *indexing),
        _call("+index", 8, write, index, *indexing),
        _call("vec_search_index", 6, both, by_index, (16, one), (24, out)),
        _call("vec_index_drop", 8, write, struct.pack("<4I6Q", 1, dim, 0, 0, 0, 0, 0, 0, 0, 0)),
    )
    return "\n".join(lines) + "\n"


# By the word that a target's `vectors` names, as the adapters of `vexlab.guest.vectors`.
CALLS: Mapping[str, Callable[[], str]] = {"vexctl": vexfs_calls}
