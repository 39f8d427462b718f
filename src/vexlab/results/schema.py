"""The store's tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Root of the mapped tables."""


NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only where it is an INTEGER


class RunRow(Base):
    """A run; ``finished`` is empty while it runs, and stays so where it was killed.

    ``provenance`` is a ``Provenance``, whose ``revision`` has a column of its own: runs are compared by it.
    ``grouping`` is that (``vexlab.model.problem.GROUPING``) by which the table of problems has those of this run; 0
    where it has none: while the run goes on, after it was killed, and of runs that are older than the table.
    ``summary`` is a ``Summary``, noted with the end of the run.

    A change here needs a step in ``migrations/versions``.
    """

    __tablename__ = "runs"
    __table_args__ = (Index("ix_runs_started", "started", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    target: Mapped[str]
    kernels: Mapped[list[str]] = mapped_column(JSON)
    accelerator: Mapped[str]
    started: Mapped[str]
    finished: Mapped[str] = mapped_column(default="")
    folder: Mapped[str]
    state: Mapped[str] = mapped_column(default="running")
    environment: Mapped[str] = mapped_column(default="")
    revision: Mapped[str] = mapped_column(default="")
    provenance: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    pinned: Mapped[bool] = mapped_column(default=False)
    grouping: Mapped[int] = mapped_column(default=0)
    summary: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), default=None)


class PlanRow(Base):
    """Which cases a run was to decide, a ``Plan``. It is large, and lists of runs do not need it."""

    __tablename__ = "plans"

    run: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    plan: Mapped[dict[str, Any]] = mapped_column(JSON)


class CaseRow(Base):
    """A finished case: its ``CaseKey`` (the target stands in the run), the digest of its code, what is asked for often.

    The whole ``CaseResult`` stands in ``result``, which comes last: SQLite reads a row up to the column asked for.
    Results are compared where their keys are equal and their digests are; a row of before digests were noted has an
    empty one.
    """

    __tablename__ = "cases"
    __table_args__ = (Index("ix_cases_run", "run", "id", unique=True), Index("ix_cases_domain", "domain", "run"))

    number: Mapped[int] = mapped_column(NUMBER, primary_key=True)
    run: Mapped[str] = mapped_column(ForeignKey("runs.id"))
    id: Mapped[str] = mapped_column(index=True)
    configuration: Mapped[str] = mapped_column(default="")
    domain: Mapped[str]
    name: Mapped[str]
    parameters: Mapped[str] = mapped_column(default="")
    kernel: Mapped[str]
    flavour: Mapped[str]
    digest: Mapped[str] = mapped_column(default="")
    verdict: Mapped[str]
    duration_s: Mapped[float]
    result: Mapped[dict[str, Any]] = mapped_column(JSON)


class MeasureRow(Base):
    """What metrics are of: a name, its unit and the direction in which it gets better."""

    __tablename__ = "measures"
    __table_args__ = (Index("ix_measures_name", "name", "unit", "direction", unique=True),)

    number: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    unit: Mapped[str]
    direction: Mapped[str]


class MetricRow(Base):
    """A value that a case measured, ten times as many as cases: numbers only, found by the case."""

    __tablename__ = "metrics"
    __table_args__ = ({"sqlite_with_rowid": False},)

    case: Mapped[int] = mapped_column(NUMBER, primary_key=True, autoincrement=False)
    measure: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    value: Mapped[float]


class FindingRow(Base):
    """A ``Finding`` of a case, what is asked for by its words or its fingerprint; ``excerpt`` are its first lines."""

    __tablename__ = "findings"
    __table_args__ = ({"sqlite_with_rowid": False},)

    case: Mapped[int] = mapped_column(NUMBER, ForeignKey("cases.number"), primary_key=True, autoincrement=False)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    fingerprint: Mapped[str] = mapped_column(index=True)
    type: Mapped[str]
    title: Mapped[str]
    frame: Mapped[str]
    excerpt: Mapped[str]


class ArtifactRow(Base):
    """A file of a case's evidence: its name below the case's folder, its size in bytes, the SHA-256 of its content.

    The content lies once in the results folder, by that digest (``vexlab.results.evidence``).
    """

    __tablename__ = "artifacts"
    __table_args__ = ({"sqlite_with_rowid": False},)

    case: Mapped[int] = mapped_column(NUMBER, ForeignKey("cases.number"), primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(index=True)


class ProblemRow(Base):
    """A ``Sighting``: a problem that a run showed.

    It refers to no row of the run and stays when that is pruned: it tells when a problem was first seen.
    """

    __tablename__ = "problems"

    run: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    target: Mapped[str] = mapped_column(index=True)
    started: Mapped[str]
    sighting: Mapped[dict[str, Any]] = mapped_column(JSON)


class TrialRow(Base):
    """A ``Trial``: how often a case of a run failed when it was run again somewhere."""

    __tablename__ = "trials"

    run: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    case: Mapped[str] = mapped_column(primary_key=True)
    arm: Mapped[str] = mapped_column(primary_key=True)
    trial: Mapped[dict[str, Any]] = mapped_column(JSON)


class BaselineRow(Base):
    """The run of a target with which later ones are compared."""

    __tablename__ = "baselines"

    target: Mapped[str] = mapped_column(primary_key=True)
    run: Mapped[str] = mapped_column(ForeignKey("runs.id"))
