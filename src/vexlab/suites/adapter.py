"""What vexlab must know of somebody else's test suite: six functions, from where it is to what its output means.

To attach a suite, write a module with a ``Suite`` and name it as an entry point of the group ``vexlab.suites``, or add
it to the table in ``vexlab.suites``; ``examples/suite`` has one in under 60 lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from vexlab.cache import Cache
from vexlab.model.capabilities import CAPABILITIES
from vexlab.model.kernel import Kernel
from vexlab.model.machine import CommandResult, Disk
from vexlab.model.profile import Profile, State
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.model.target import Target

PAYLOAD = "suite"  # serial of the disk that brings a suite into the guest
FOLDER = "/vexlab/suite"  # where it is mounted there, read-only
LAUNCH = f"{FOLDER}/launch"  # a program's starter in the guest: `launch NAME ARGUMENTS`


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A suite as it was found on the host: ``place`` is its folder or program, ``version`` the words it has for it."""

    suite: str
    place: Path
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Where a suite may be: ``given`` is what the user names (option, variable, setting; the first that is set)."""

    given: str
    cache: Cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What goes into the guest, packed by content: ``files`` by their path under ``FOLDER``, and whole ``trees``.

    ``programs`` are put there with the libraries that they need, so that it does not matter what the guest has.
    """

    files: Mapping[str, Path] = field(default_factory=dict)
    programs: Mapping[str, Path] = field(default_factory=dict)
    trees: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which tests are wanted, as the suite's own runner takes them: groups, names; none of either: its default."""

    groups: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one machine has to do: run ``test``, or the whole suite where that is empty.

    ``devices`` are block devices of the guest by the serial of the suite's disks; where the suite is given a mounted
    filesystem, that is at ``mountpoint``. ``skip`` are tests that are not to be run. ``timeout`` is in seconds; a suite
    that draws at random begins with ``seed``. ``begun`` tells that the suite's ``begin`` has come to its end in the
    machine.
    """

    target: Target
    kernel: Kernel
    profile: Profile | None
    mountpoint: str
    devices: Mapping[str, str]
    test: str = ""
    selection: Selection = field(default_factory=Selection)
    skip: tuple[str, ...] = ()
    timeout: float = 600.0
    seed: int = 1
    begun: bool = False

    def missing(self, *capabilities: str) -> str:
        """Return why what needs these need not be tried, ``""`` where the filesystem is not known to refuse it."""
        if self.profile is None:
            # who refuses the whole refuses its parts: target.toml need not name punch_hole beside fallocate
            asked = {*capabilities, *(CAPABILITIES[name].within for name in capabilities if name in CAPABILITIES)}
            return next((f"target.toml refuses `{n}`: {w}" for n, w in self.target.refuses if n in asked), "")
        for found in map(self.profile.behind, capabilities):
            if found.state in (State.REFUSED, State.BROKEN):
                error = f" ({found.errno})" if found.errno else ""
                return f"the profile says that `{found.name}` is {found.state}{error}"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expunged:
    """An entry of an expunge list that is about the running kernel: ``test`` may be a pattern with ``*``.

    ``fails`` of ``of`` runs failed where it was counted: such a test is run all the same, and its failure told as a
    known one. Others are not run.
    """

    test: str
    reason: str
    fails: int = 0
    of: int = 0


def nothing(_job: Job) -> Mapping[str, str]:
    """Return no files: what the suite printed says all; a suite's ``evidence``."""
    return {}


def whole(_installed: Installed, _selection: Selection, _target: Target) -> tuple[str, ...]:
    """Return nothing: one machine runs the whole suite; a suite's ``list``."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A line of the table.

    - ``find`` looks for the suite on the host; raises ``UsageError`` whose hint says how to get it.
    - ``pack`` says what of it goes into the guest for a target.
    - ``list`` names the tests of a selection that want a machine each; empty: one machine runs the whole suite.
    - ``run`` is the guest's command line of a job.
    - ``parse`` turns what that printed, and how it ended, into a result for each test. Pure.
    - ``expunge`` reads a list of tests that are not to be run.

    ``recipe`` names the guest's image, ``disks`` are beside the scratch disk, whose size is ``scratch``; that and
    ``memory`` are in MiB, ``timeout`` in seconds for a job. ``needs`` are capabilities without which nothing of it can
    run; ``mounted`` tells that the suite wants the filesystem made and mounted, and not the bare disks. ``install``
    builds the suite into the cache, where vexlab can: from a package registry, never from a user's tree. ``evidence``
    are files of the guest that are kept with the case, by the names that they get. ``begin`` is the guest's command
    line of what a suite whose tests want a machine each does first in every one: it runs once, and machines start from
    what it leaves, processes included. It is asked with no test, and once without devices, for what it depends on.
    """

    name: str
    about: str
    find: Callable[[Search], Installed]
    pack: Callable[[Installed, Target], Payload]
    list: Callable[[Installed, Selection, Target], tuple[str, ...]]
    run: Callable[[Job], tuple[str, ...]]
    parse: Callable[[Job, str, CommandResult | None], tuple[SubResult, ...]]
    expunge: Callable[[str, str], tuple[Expunged, ...]]
    recipe: str = "base"
    disks: tuple[Disk, ...] = ()
    memory: int = 256
    scratch: int = 1024
    timeout: float = 600.0
    needs: tuple[str, ...] = ()
    mounted: bool = True
    install: Callable[[Cache], Installed] | None = None
    evidence: Callable[[Job], Mapping[str, str]] = nothing
    begin: Callable[[Job], tuple[str, ...]] | None = None


def tolerated(results: Iterable[SubResult], known: Iterable[Expunged]) -> tuple[SubResult, ...]:
    """Return ``results``: a failure that an entry foresees is not counted; what passes against an entry says so."""
    entries = tuple(known)
    found = []
    for result in results:
        entry = next((each for each in entries if fnmatchcase(result.name, each.test)), None)
        if entry is None or result.verdict not in (SubVerdict.FAILED, SubVerdict.PASSED):
            found.append(result)
        elif result.verdict is SubVerdict.FAILED:
            often = f" ({entry.fails} of {entry.of} runs)" if entry.of else ""
            words = f"known{often}: {entry.reason}; {result.words}"
            found.append(replace(result, verdict=SubVerdict.SKIPPED, words=words))
        else:
            words = "" if entry.fails else f"it passes, and is in the expunge list: {entry.reason}"
            found.append(replace(result, words=words))
    return tuple(found)
