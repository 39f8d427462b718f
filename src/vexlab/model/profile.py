"""What a filesystem can do, as it was probed in a kernel: its capability profile. Pure.

Kept as JSON (``encode``, ``decode``; ``profile.json`` in a run's folder is a list with one for each kernel and
configuration), and put into every machine of a run as ``/vexlab/profile`` in a form that C and shell read. There each
capability is a line of four words with a blank between them, and nothing else, so that ``grep '^symlink refused '``
works::

    NAME STATE LIMIT ERRNO
    mkdir works - -
    symlink refused - EPERM
    mmap_write deadly - -
    name_max works 255 ENAMETOOLONG
    dir_entries works 62 ENOSPC

``NAME`` is a key of ``vexlab.model.capabilities.CAPABILITIES``, ``STATE`` is ``works``, ``refused``, ``broken``,
``deadly`` (broken so that the kernel crashed or hung: nobody may do it again) or ``unknown``, ``LIMIT`` a decimal
number in the unit of the table, ``ERRNO`` the name of an error; ``-`` stands for none. A limit was tried and
works; where the search ended before the filesystem did, none is known. ``workloads/lib/profile.h`` and
``Profile.works`` say alike that a capability works unless it is known to be refused or broken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import msgspec

from vexlab.model.capabilities import CAPABILITIES
from vexlab.model.key import place

T = TypeVar("T")

GUEST_FILE = "/vexlab/profile"  # workloads/lib/profile.h names it too
RUN_FILE = "profile.json"  # in the folder of a run

_NONE = "-"
_NEEDS = re.compile(r"it needs (\w+)")  # it needs rename
_DEADLY = "deadly"
_LARGE = 1 << 20
_HEAD_LIMITS = ("name_max", "file_size", "file_sparse", "dir_entries", "link_max", "smallest_device")
_NAMES_MOST = 12  # of a line at the head of a run


class State(StrEnum):
    """What was found of a capability."""

    WORKS = "works"
    REFUSED = "refused"  # a clean error, and nothing changed; or plainly not there
    BROKEN = "broken"  # a crash, a hang, a wrong error, a wrong effect
    UNKNOWN = "unknown"  # it could not be tried; ``detail`` says why


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """One capability of ``CAPABILITIES``.

    ``limit`` is in the table's unit; with ``at_least`` the search ended there and not at the filesystem's own end.
    ``errno`` is the error that refused it or that stood at the limit, and ``allowed`` whether POSIX or the man page
    lets it be that one. ``deadly`` tells of a broken one that the kernel crashed or hung. ``detail`` is one sentence on
    what was seen; ``trigger`` the shortest call, or command, that shows it; ``finding`` the kernel's title where it
    complained.
    """

    name: str
    state: State
    limit: int | None = None
    at_least: bool = False
    errno: str = ""
    allowed: bool = True
    deadly: bool = False
    detail: str = ""
    trigger: str = ""
    finding: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What ``target`` can do on ``kernel``; ``digest`` is that of the module and tools that were probed.

    ``configuration`` is the target's that was probed, empty for its own.
    """

    target: str
    fstype: str
    kernel: str
    digest: str
    capabilities: tuple[Capability, ...]
    configuration: str = ""

    @property
    def place(self) -> str:
        """What tells the profiles of a run apart: ``6.1``, or ``6.1 small_blocks``."""
        return place(self.kernel, self.configuration)

    def get(self, name: str) -> Capability:
        """Return the capability ``name``, unknown where nothing was found; ``KeyError`` where none has this name."""
        if name not in CAPABILITIES:
            raise KeyError(name)
        found = (capability for capability in self.capabilities if capability.name == name)
        return next(found, Capability(name=name, state=State.UNKNOWN, detail="it was not probed"))

    def works(self, name: str) -> bool:
        """Whether ``name`` may be used: neither it nor what it needs is known to be refused or broken."""
        return self.behind(name).state not in (State.REFUSED, State.BROKEN)

    def behind(self, name: str) -> Capability:
        """Return the capability that decides about ``name``: where it could not be asked for want of another, that."""
        found = self.get(name)
        match = _NEEDS.fullmatch(found.detail) if found.state is State.UNKNOWN else None
        return self.behind(match[1]) if match and match[1] in CAPABILITIES and match[1] != name else found

    def limit(self, name: str) -> int | None:
        """Return the limit of ``name``, ``None`` where none was found: what it does at least is none."""
        found = self.get(name)
        return None if found.at_least else found.limit

    def refused(self) -> tuple[Capability, ...]:
        """Return what the filesystem has not got, in the table's order."""
        return self._of(State.REFUSED)

    def broken(self) -> tuple[Capability, ...]:
        """Return what it does wrong, in the table's order."""
        return self._of(State.BROKEN)

    def refused_words(self) -> tuple[str, ...]:
        """Return the words for ``[refuses]`` in ``target.toml`` that follow from what is refused."""
        words = (word for capability in self.refused() for word in CAPABILITIES[capability.name].refuses)
        return tuple(dict.fromkeys(words))

    def _of(self, state: State) -> tuple[Capability, ...]:
        return tuple(capability for capability in self.capabilities if capability.state is state)


def unknown(name: str, why: str) -> Capability:
    """Return the capability ``name`` as one that could not be tried."""
    return Capability(name=name, state=State.UNKNOWN, detail=why)


def in_order(capabilities: Iterable[Capability]) -> tuple[Capability, ...]:
    """Return ``capabilities`` in the table's order."""
    places = {name: place for place, name in enumerate(CAPABILITIES)}
    return tuple(sorted(capabilities, key=lambda capability: places[capability.name]))


def encode(profile: Profile) -> bytes:
    """Return ``profile`` as JSON."""
    return msgspec.json.format(msgspec.json.encode(profile))


def decode(data: bytes) -> Profile:
    """Return what ``encode`` wrote; raise ``ValueError`` for anything else."""
    return _decode(data, Profile)


def encode_all(profiles: Sequence[Profile]) -> bytes:
    """Return the profiles of a run as JSON, a list with one for each kernel and configuration."""
    return msgspec.json.format(msgspec.json.encode(profiles))


def decode_all(data: bytes) -> tuple[Profile, ...]:
    """Return what ``encode_all`` wrote; raise ``ValueError`` for anything else."""
    return _decode(data, tuple[Profile, ...])


def _decode(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise ValueError(f"no profile: {error}") from error


def guest_text(profile: Profile) -> str:
    """Return the profile as a guest reads it, in the form that is described above."""
    return "".join(_guest_line(capability, profile.behind(capability.name)) for capability in profile.capabilities)


def _guest_line(capability: Capability, behind: Capability) -> str:
    limit = _NONE if capability.limit is None or capability.at_least else str(capability.limit)
    state = _DEADLY if behind.deadly else capability.state if behind.state is State.WORKS else behind.state
    return f"{capability.name} {state} {limit} {capability.errno or behind.errno or _NONE}\n"


def summary(profile: Profile) -> tuple[str, str, str]:
    """Return the three lines that a run begins with: what works and how far, what is refused, what is broken."""
    working = [capability for capability in profile.capabilities if capability.state is State.WORKS]
    unknowns = len(profile.capabilities) - len(working) - len(profile.refused()) - len(profile.broken())
    limits = [
        f"{name} {limit_words(profile.get(name))}" for name in _HEAD_LIMITS if profile.get(name).limit is not None
    ]
    more = f", {unknowns} unknown" if unknowns else ""
    return (
        f"works: {len(working)} of {len(profile.capabilities)}{more}; {', '.join(limits) or 'no limits were found'}",
        f"refused: {_names(f'{each.name} ({each.errno})' if each.errno else each.name for each in profile.refused())}",
        f"broken: {_names(_broken_words(each) for each in profile.broken())}",
    )


def limit_words(capability: Capability) -> str:
    """Return the limit for people, with its unit; empty where there is none."""
    if capability.limit is None:
        return ""
    unit = CAPABILITIES[capability.name].unit
    number, unit = _scaled(capability.limit) if unit == "bytes" else (str(capability.limit), unit)
    return f"{'at least ' if capability.at_least else ''}{number} {unit}".rstrip()


def _scaled(size: int) -> tuple[str, str]:
    """Return a number of bytes in the largest unit that holds it whole, from 1 MiB on."""
    if size < _LARGE:
        return str(size), "bytes"
    for shift, unit in ((60, "EiB"), (50, "PiB"), (40, "TiB"), (30, "GiB"), (20, "MiB")):
        whole, rest = divmod(size + 1 if size % 2 else size, 1 << shift)  # a limit may be the last byte's place
        if whole and not rest:
            return f"{whole}", f"{unit}{' - 1' if size % 2 else ''}"
        if whole:
            return f"{size / (1 << shift):.1f}", unit
    return str(size), "bytes"


def _broken_words(capability: Capability) -> str:
    why = capability.finding or capability.detail
    return f"{capability.name} ({why})" if why else capability.name


def _names(names: Iterable[str]) -> str:
    every = list(names)
    rest = len(every) - _NAMES_MOST
    return ", ".join(every[:_NAMES_MOST]) + (f" and {rest} more" if rest > 0 else "") or "nothing"
