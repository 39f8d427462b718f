"""fsx (the crate): reads, writes, truncates and maps one file at random, and knows what must be in it.

Its README names the options, ``src/main.rs`` of version 0.3.2 the keys of its configuration. Each line of ``ROUNDS`` is
a run with operations of its own, and so a result of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from vexlab.model.machine import CommandResult
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.suites.adapter import FOLDER, Job, Suite, whole
from vexlab.suites.crates import Crate
from vexlab.suites.expunge import parse_expunge
from vexlab.suites.parts import Ending, parse_parts

CRATE = Crate("fsx", "0.3.2")
_SHOWN = 900
_OPERATIONS = (
    *("close_open", "invalidate", "mapread", "mapwrite", "read", "write", "truncate", "fsync", "fdatasync"),
    *("posix_fallocate", "punch_hole", "sendfile", "posix_fadvise", "copy_file_range"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One run of fsx: how often it does what (weights), on a file of up to ``length`` bytes, for ``count`` operations.

    ``needs`` are the capabilities of its operations; ``align`` is in bytes, of every offset and size.
    """

    weights: dict[str, int]
    needs: tuple[str, ...] = ()
    length: int = 256 << 10
    count: int = 1000
    align: int = 1


_DATA = {"read": 10, "write": 10, "truncate": 5}
_RESIZE = ("truncate_up", "truncate_down")
_MAPPED = {"mapread": 10, "mapwrite": 10}
ROUNDS = {
    "data": Round(weights={**_DATA, "close_open": 1}, needs=_RESIZE),
    "synced": Round(weights={**_DATA, "fsync": 2, "fdatasync": 2}, needs=(*_RESIZE, "fsync", "fdatasync")),
    "mapped": Round(weights={**_DATA, **_MAPPED}, needs=(*_RESIZE, "mmap_read", "mmap_write")),
    "invalidated": Round(
        weights={**_DATA, **_MAPPED, "invalidate": 2, "close_open": 2}, needs=(*_RESIZE, "mmap_read", "mmap_write")
    ),
    "blocks": Round(weights={**_DATA, **_MAPPED}, needs=(*_RESIZE, "mmap_write"), align=4096),
    "large": Round(weights=_DATA, needs=_RESIZE, length=16 << 20, count=500),
    "in_kernel": Round(weights={**_DATA, "sendfile": 5, "posix_fadvise": 5}, needs=_RESIZE),
    "copied": Round(weights={**_DATA, "copy_file_range": 10}, needs=(*_RESIZE, "copy_file_range")),
    "allocated": Round(weights={**_DATA, "posix_fallocate": 5}, needs=(*_RESIZE, "fallocate")),
    "punched": Round(weights={**_DATA, "punch_hole": 10}, needs=(*_RESIZE, "punch_hole")),
}


def configuration(round_: Round) -> str:
    """Return fsx's configuration file for a round; what is not named it would do all the same."""
    weights = "".join(f"{name} = {float(round_.weights.get(name, 0))}\n" for name in _OPERATIONS)
    sizes = f"[opsize]\nmax = 65536\nalign = {round_.align}\n"
    return f"flen = {round_.length}\n{sizes}[weights]\n{weights}"


def chosen(job: Job) -> dict[str, Round]:
    """Return the rounds that are asked for and not excluded."""
    return {
        name: each
        for name, each in ROUNDS.items()
        if name not in job.skip and (not job.selection.tests or name in job.selection.tests)
    }


def run(job: Job) -> tuple[str, ...]:
    """Return the guest's command: the script, and name, count and configuration of each round that can run."""
    words: list[str] = []
    for name, each in chosen(job).items():
        if not job.missing(*each.needs):
            words += [name, str(each.count), configuration(each)]
    return ("/bin/bash", f"{FOLDER}/fsx.sh", job.mountpoint, str(job.seed), *words)


def parse(job: Job, output: str, ended: CommandResult | None) -> tuple[SubResult, ...]:
    """Return a result for each round: of one that began and did not end, that it is the one that ended the machine."""
    ends = parse_parts(output)
    return tuple(_result(job, name, each, ends.get(name), ended) for name, each in chosen(job).items())


def _result(job: Job, name: str, round_: Round, end: Ending | None, ended: CommandResult | None) -> SubResult:
    if why := job.missing(*round_.needs):
        return SubResult(name=name, verdict=SubVerdict.REFUSED, words=why)
    if end is None:
        return SubResult(name=name, verdict=SubVerdict.BLOCKED, words="it was not begun")
    status, seconds, words = end
    if status is None and ended is not None:  # the script came to its end, so it was the round that was cut off
        status = ended.status or 1
    if status is None:
        words = f"it did not come to its end: {words[-_SHOWN:]}"
        return SubResult(name=name, verdict=SubVerdict.FAILED, words=words)
    if status == 0:
        return SubResult(name=name, verdict=SubVerdict.PASSED, duration_s=seconds)
    shown = f"status {status}, seed {job.seed}: {words[:_SHOWN]}"
    return SubResult(name=name, verdict=SubVerdict.FAILED, words=shown, duration_s=seconds)


SUITE = Suite(
    name=CRATE.name,
    about="one file read, written, cut and mapped at random, its content known (the crate of this name)",
    find=CRATE.find,
    pack=CRATE.pack,
    list=whole,
    run=run,
    parse=parse,
    expunge=parse_expunge,
    install=CRATE.install,
    timeout=900.0,
)
