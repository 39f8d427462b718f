"""What a trace holds: how often probed functions ran and for how long, who waited, what was allocated. Pure values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from vexlab.model.report import Frame

FORMAT = 1  # of a trace's file; a reader refuses any other
FILE = "trace.json"
Unit = Literal["ns", "bytes"]
# include/linux/errno.h: errors of the kernel's own, which no program should ever see; strerror(3) has no words for them
KERNEL_ERRORS = {
    "ERESTARTSYS": 512,
    "ERESTARTNOINTR": 513,
    "ERESTARTNOHAND": 514,
    "ENOIOCTLCMD": 515,
    "ERESTART_RESTARTBLOCK": 516,
    "EPROBE_DEFER": 517,
    "EOPENSTALE": 518,
    "ENOPARAM": 519,
    "EBADHANDLE": 521,
    "ENOTSYNC": 522,
    "EBADCOOKIE": 523,
    "ENOTSUPP": 524,
    "ETOOSMALL": 525,
    "ESERVERFAULT": 526,
    "EBADTYPE": 527,
    "EJUKEBOX": 528,
    "EIOCBQUEUED": 529,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """How many values lay in ``low`` ≤ value < ``high``; the kernel counts by powers of two."""

    low: int
    high: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFigures:
    """What one probe saw.

    ``place`` is ``module:function``, or a tracepoint's name. ``calls`` were begun; of ``missed`` of them the end was
    not seen: they go on, or more ran at once than a return probe keeps. ``total`` and the buckets are in ``unit``.
    ``cost_ns`` is what one hit costs the guest, 0 where that was not measured.
    """

    name: str
    place: str
    unit: Unit = "ns"
    calls: int = 0
    missed: int = 0
    total: int = 0
    cost_ns: int = 0
    buckets: tuple[Bucket, ...] = ()

    @property
    def mean(self) -> float:
        """The mean value; 0 where nothing was seen."""
        seen = sum(bucket.count for bucket in self.buckets)
        return self.total / seen if seen else 0.0

    def percentile(self, percent: float) -> float:
        """Return the value that ``percent`` % do not exceed, interpolated in its bucket; 0 where nothing was seen.

        A single value is known, not only its bucket.
        """
        single = sum(bucket.count for bucket in self.buckets) == 1
        return float(self.total) if single else percentile_of(self.buckets, percent)

    def bucket_of(self, percent: float) -> Bucket | None:
        """Return the bucket in which ``percentile`` lies: no more than that is known of it."""
        return _bucket_at(self.buckets, percent)[0]


def percentile_of(buckets: Sequence[Bucket], percent: float) -> float:
    """Return the ``percent`` percentile of what was counted in ``buckets``, which come in rising order.

    >>> percentile_of([Bucket(low=0, high=8, count=1), Bucket(low=8, high=16, count=1)], 100)
    16.0
    """
    bucket, share = _bucket_at(buckets, percent)
    return bucket.low + (bucket.high - bucket.low) * share if bucket else 0.0


def _bucket_at(buckets: Sequence[Bucket], percent: float) -> tuple[Bucket | None, float]:
    wanted = sum(bucket.count for bucket in buckets) * percent / 100
    below = 0
    for bucket in buckets:
        if bucket.count and below + bucket.count >= wanted:
            return bucket, (wanted - below) / bucket.count
        below += bucket.count
    return None, 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSum:
    """A call stack, innermost first, and what was counted for it: ``count`` times, ``total`` ns, bytes or samples."""

    frames: tuple[Frame, ...]
    count: int = 0
    total: int = 0
    command: str = ""

    def of_module(self, module: str) -> Frame | None:
        """Return the innermost function of ``module`` on the stack, ``None`` where it has none."""
        return next((frame for frame in self.frames if frame.module == module and not frame.inline), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call on the time line: ``start`` in ns of the guest's clock; ``detail`` says what it was about."""

    probe: str
    thread: int
    command: str
    start: int
    duration: int
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One trace of a target: ``what`` ran for ``seconds`` in a guest with ``kernel``.

    ``locks`` are waits for locks, ``outstanding`` what the module allocated and nobody freed till the end, ``on_cpu``
    samples, ``off_cpu`` waiting times. ``left_out`` counts calls that the time line has no room for. ``scripts`` are
    what the user's own programs printed, by name. ``notes`` say what is missing, and why.
    """

    target: str
    module: str
    kernel: str
    what: str
    seconds: float = 0.0
    format: int = FORMAT
    probes: tuple[ProbeFigures, ...] = ()
    locks: tuple[StackSum, ...] = ()
    outstanding: tuple[StackSum, ...] = ()
    on_cpu: tuple[StackSum, ...] = ()
    off_cpu: tuple[StackSum, ...] = ()
    calls: tuple[Call, ...] = ()
    left_out: int = 0
    times: dict[str, float] = field(default_factory=dict)
    scripts: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def probe(self, name: str) -> ProbeFigures | None:
        """Return the figures of a probe."""
        return next((each for each in self.probes if each.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """A function of the module that returned the error: called from ``caller`` by ``task`` (name and thread id).

    ``arguments`` are those of the call, where they are known: ``old="one", dir=2``.
    """

    function: Frame
    caller: Frame
    task: str
    at: float
    arguments: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One way by which the error reached a system call: ``returns`` innermost first, seen ``count`` times."""

    returns: tuple[Return, ...]
    system_call: str = ""
    count: int = 1
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrnoTrace:
    """Where ``errno`` came from in a case: the last way first, since a case ends soon after what failed it."""

    errno: str
    module: str
    case: str = ""
    origins: tuple[Origin, ...] = ()
    notes: tuple[str, ...] = ()
