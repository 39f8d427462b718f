"""``fsperf`` in the guest: the same work in turn in several folders, and what each phase of it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from vexlab.errors import MachineError

TARGET, REFERENCE = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One phase on one side: ``count`` operations in ``ns``; and the differences the kernel counted over it.

    ``reads``, ``writes`` and ``flushes`` are requests that reached the disk, sectors are of 512 bytes
    (Documentation/block/stat.rst); ``cpu_ns`` is the processor time of the program's threads, in the kernel too, not
    that of the kernel's own threads; ``slab_bytes`` and ``taken_bytes`` are what slabs and free memory changed by
    (proc(5)), where asked for.
    """

    round: int
    side: int
    phase: str
    threads: int
    count: int
    ns: int
    cpu_ns: int
    reads: int
    read_sectors: int
    writes: int
    write_sectors: int
    flushes: int
    slab_bytes: int
    taken_bytes: int

    @property
    def per_second(self) -> float:
        """Operations per second."""
        return self.count / (max(self.ns, 1) / 1e9)

    @property
    def us_each(self) -> float:
        """Microseconds per operation."""
        return self.ns / 1000 / max(self.count, 1)


def fsperf_argv(
    phases: Sequence[str],
    folders: Sequence[str],
    *,
    rounds: int,
    count: int,
    threads: Sequence[int] = (1,),
    apart: bool = False,
    grow: bool = False,
    memory: bool = False,
    warm_up: bool = True,
) -> list[str]:
    """Return the command line; with ``warm_up`` a round more is done, the first, of which nothing is printed.

    ``apart`` does all phases in one folder before the next, where otherwise each phase goes round the folders; with
    ``grow`` each round goes on where the last one ended; ``memory`` asks for what memory holds.
    """
    options = ["-r", str(rounds + warm_up), "-n", str(count), "-t", ",".join(map(str, threads))]
    flags = [flag for flag, wanted in (("-a", apart), ("-g", grow), ("-m", memory), ("-q", warm_up)) if wanted]
    return ["fsperf", *options, *flags, ",".join(phases), *folders]


def parse_samples(text: str) -> tuple[Sample, ...]:
    """Read what ``fsperf`` printed; raise ``MachineError`` at a line that is no sample."""
    try:
        return tuple(msgspec.json.decode(line, type=Sample) for line in text.splitlines())
    except msgspec.DecodeError as error:
        raise MachineError(f"fsperf printed what is no sample: {error}") from error
