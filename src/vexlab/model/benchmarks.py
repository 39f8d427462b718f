"""The cases that measure, by category, and what each measured beside the reference filesystem and an earlier run.

A case tells the reference's figure under its own figure's name with ``_reference`` before the unit
(``create_per_s``, ``create_reference_per_s``), and the ends of an interval with ``_low`` and ``_high`` there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from vexlab.model.case import CaseResult
from vexlab.model.key import is_chosen
from vexlab.model.metric import UNITS, Direction, Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """Cases (``pattern`` as of ``--case``), the categories they belong to, and the filesystem they are beside."""

    pattern: str
    categories: tuple[str, ...]
    reference: str = ""


CATEGORIES = {
    "io": "reading and writing: throughput, operations per second, what reaches the disk",
    "vector": "vectors added, fetched and searched; recall and speed of an approximate index",
    "scalability": "two and four threads; more names, files, bytes and vectors",
    "memory": "what the kernel keeps for files and vectors",
    "latency": "how long a single operation, a sync and a mount take",
    "cpu": "processor time of an operation",
    "metadata": "names: made, looked up, listed, changed, removed",
}

# A new case of the domain stands here as well; a test says so.
BENCHMARKS = (
    Benchmark(pattern="performance_metrics.io_cached", categories=("io", "latency"), reference="ext2"),
    Benchmark(pattern="performance_metrics.io_synced", categories=("io", "latency"), reference="ext4"),
    Benchmark(pattern="performance_metrics.requests_data", categories=("io",), reference="ext4"),
    Benchmark(pattern="performance_metrics.requests_sync", categories=("io", "latency"), reference="ext4"),
    Benchmark(pattern="performance_metrics.requests_idle", categories=("io",)),
    Benchmark(pattern="performance_metrics.requests_vectors", categories=("vector",), reference="ext4"),
    Benchmark(pattern="performance_metrics.pages_vectors", categories=("vector", "scalability")),
    Benchmark(pattern="performance_metrics.vectors_rates", categories=("vector", "scalability"), reference="ext2"),
    Benchmark(pattern="performance_metrics.vectors_memory", categories=("vector", "memory"), reference="ext2"),
    Benchmark(pattern="vector_operations.index_recall", categories=("vector",)),
    Benchmark(pattern="performance_metrics.threads", categories=("scalability",), reference="ext4"),
    Benchmark(pattern="performance_metrics.growth_room", categories=("scalability",), reference="ext4"),
    Benchmark(pattern="performance_metrics.growth_names", categories=("scalability", "metadata"), reference="ext4"),
    Benchmark(pattern="performance_metrics.memory_files", categories=("memory",), reference="ext4"),
    Benchmark(pattern="performance_metrics.mount", categories=("latency",), reference="ext4"),
    Benchmark(pattern="performance_metrics.cpu", categories=("cpu",), reference="ext4"),
    Benchmark(pattern="performance_metrics.names", categories=("metadata",), reference="ext4"),
    Benchmark(pattern="performance_metrics.pages_names", categories=("metadata", "scalability")),
    Benchmark(pattern="performance_metrics.requests_names", categories=("metadata",), reference="ext4"),
    Benchmark(pattern="performance_metrics.requests_cold", categories=("metadata",), reference="ext4"),
)


def benchmark_of(case: str) -> Benchmark | None:
    """Return the line of the table that the case with this id belongs to."""
    return next((each for each in BENCHMARKS if is_chosen(case, each.pattern)), None)


def patterns(categories: Collection[str]) -> tuple[str, ...]:
    """Return the patterns of all cases in these categories, of all where none is named."""
    return tuple(each.pattern for each in BENCHMARKS if not categories or set(categories) & set(each.categories))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of a case; ``low`` and ``high`` are its interval, ``reference`` the reference filesystem's number,
    ``before`` that of an earlier run.
    """

    metric: Metric
    low: float | None = None
    high: float | None = None
    reference: float | None = None
    before: float | None = None

    @property
    def change(self) -> float | None:
        """Return by which part it is more than before; ``None`` where that cannot be said."""
        return self.metric.value / self.before - 1 if self.before else None

    @property
    def better(self) -> bool | None:
        """Whether the change is for the better; ``None`` where there is none, or neither way is."""
        if not self.change or self.metric.direction is Direction.NONE:
            return None
        return (self.change > 0) == (self.metric.direction is Direction.HIGHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A case with its figures."""

    case: CaseResult
    reference: str
    figures: tuple[Figure, ...]


_PARTS = ("reference", "low", "high")


def measured_by(cases: Iterable[CaseResult], before: Iterable[CaseResult] = ()) -> tuple[Measured, ...]:
    """Return what benchmarks among ``cases`` measured, beside what the same cases measured ``before``."""
    earlier = {case.key: case for case in before}
    found = []
    for case in cases:
        benchmark = benchmark_of(case.id)
        if benchmark:
            figures = _figures(case.metrics, earlier[case.key].metrics if case.key in earlier else ())
            found.append(Measured(case=case, reference=benchmark.reference, figures=figures))
    return tuple(found)


def _figures(metrics: Sequence[Metric], before: Sequence[Metric]) -> tuple[Figure, ...]:
    values = {each.name: each.value for each in metrics}
    earlier = {each.name: each.value for each in before}
    parts = {_part(name, part) for name in values for part in _PARTS} & set(values)
    return tuple(
        Figure(
            metric=each,
            low=values.get(_part(each.name, "low")),
            high=values.get(_part(each.name, "high")),
            reference=values.get(_part(each.name, "reference")),
            before=earlier.get(each.name),
        )
        for each in metrics
        if each.name not in parts
    )


def _part(name: str, part: str) -> str:
    """Return the name of a figure's ``part``: ``create_reference_per_s`` for ``create_per_s``."""
    suffix = next((unit.suffix for unit in UNITS if name.endswith(unit.suffix)), "")
    if not suffix:
        stem, _, unit = name.rpartition("_")
        return f"{stem}_{part}_{unit}"
    return f"{name.removesuffix(suffix)}_{part}{suffix}"
