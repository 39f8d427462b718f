"""fio (fio(1)): job files for several folders in turn, and its JSON, from which a job's figures are taken. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from vexlab.errors import MachineError

# Nothing is preallocated: a filesystem that can would be compared with one that need not. Percentiles are of the
# completion latency; the sequence of offsets is the same in each run; threads spare forks.
_GLOBAL = """[global]
ioengine=psync
thread=1
fallocate=none
randrepeat=1
randseed=1
percentile_list=50:99
stonewall
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FioJob:
    """A section of a job file: ``name`` and its options, as fio(1) has them."""

    name: str
    options: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FioFigures:
    """What one run of a job did: of reads and writes together bytes and operations per second, latencies in µs."""

    job: str
    round: int
    side: int
    bytes_per_s: float
    ops_per_s: float
    p50_us: float
    p99_us: float


class _Latency(msgspec.Struct, frozen=True):
    percentile: dict[str, int] = {}


class _Direction(msgspec.Struct, frozen=True):
    io_bytes: int
    total_ios: int
    runtime: int  # ms
    clat_ns: _Latency = field(default_factory=_Latency)
    lat_ns: _Latency = field(default_factory=_Latency)


class _Sync(msgspec.Struct, frozen=True):
    lat_ns: _Latency = field(default_factory=_Latency)


class _Job(msgspec.Struct, frozen=True):
    jobname: str
    error: int
    read: _Direction
    write: _Direction
    sync: _Sync
    job_runtime: int  # ms, of the threads together


class _Output(msgspec.Struct, frozen=True):
    jobs: list[_Job]


def job_file(jobs: Iterable[FioJob], folders: Sequence[str], *, rounds: int) -> str:
    """Return a job file that does each job in each of ``folders`` in turn, ``rounds`` times, one after another."""
    lines = [_GLOBAL]
    for job in jobs:
        for number in range(rounds):
            order = list(enumerate(folders))
            for side, folder in order if number % 2 == 0 else reversed(order):
                lines.append(f"[{job.name}.{number}.{side}]\ndirectory={folder}\nfilename={job.name}.data")
                lines.extend(f"{key}={value}" for key, value in job.options)
    return "\n".join(lines) + "\n"


def parse_fio(text: str) -> tuple[FioFigures, ...]:
    """Read the output of ``fio --output-format=json``; raise ``MachineError`` where it is none or a job failed."""
    start = text.find("{")  # notes come before it
    try:
        output = msgspec.json.decode(text[start:] if start >= 0 else "", type=_Output)
    except msgspec.DecodeError as error:
        raise MachineError(f"fio printed no figures ({error}): {text[:300]!r}") from error
    failed = [job for job in output.jobs if job.error]
    if failed:
        raise MachineError(f"fio's job {failed[0].jobname} failed with errno {failed[0].error}: {text[:300]!r}")
    return tuple(map(_figures, output.jobs))


def _figures(job: _Job) -> FioFigures:
    name, number, side = job.jobname.rsplit(".", 2)
    parts = [part for part in (job.read, job.write) if part.total_ios]
    if not parts:
        raise MachineError(f"fio's job {job.jobname} did nothing")
    # milliseconds are too coarse for a short job: the latencies' mean would be finer, but leaves out fio's own work
    seconds = max(1, *(part.runtime for part in parts)) / 1000
    main = max(parts, key=lambda part: part.total_ios)
    latency = job.sync.lat_ns.percentile or main.clat_ns.percentile or main.lat_ns.percentile
    return FioFigures(
        job=name,
        round=int(number),
        side=int(side),
        bytes_per_s=sum(part.io_bytes for part in parts) / seconds,
        ops_per_s=sum(part.total_ios for part in parts) / seconds,
        p50_us=latency.get("50.000000", 0) / 1000,
        p99_us=latency.get("99.000000", 0) / 1000,
    )
