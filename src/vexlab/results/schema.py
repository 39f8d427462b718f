"""The store's tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Root of the mapped tables."""


class RunRow(Base):
    """A run; ``finished`` is empty while it runs, and stays so where it was killed. ``plan`` is a ``Plan``.

    ``provenance`` is a ``Provenance``, whose ``revision`` has a column of its own: runs are compared by it.
    ``grouping`` is that (``vexlab.model.problem.GROUPING``) by which the table of problems has those of this run; 0
    where it has none: while the run goes on, after it was killed, and of runs that are older than the table.

    A change here needs a step in ``migrations/versions``.
    """

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(primary_key=True)
    target: Mapped[str]
    kernels: Mapped[list[str]] = mapped_column(JSON)
    accelerator: Mapped[str]
    started: Mapped[str]
    finished: Mapped[str] = mapped_column(default="")
    folder: Mapped[str]
    plan: Mapped[dict[str, Any]] = mapped_column(JSON, default=lambda: {"cases": []})
    state: Mapped[str] = mapped_column(default="running")
    environment: Mapped[str] = mapped_column(default="")
    revision: Mapped[str] = mapped_column(default="")
    provenance: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    pinned: Mapped[bool] = mapped_column(default=False)
    grouping: Mapped[int] = mapped_column(default=0)


class CaseRow(Base):
    """A finished case: its ``CaseKey`` (the target stands in the run), the digest of its code, what is asked for often.

    The whole ``CaseResult`` stands in ``result``. Results are compared where their keys are equal and their digests
    are; a row of before digests were noted has an empty one.
    """

    __tablename__ = "cases"

    run: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True, index=True)
    configuration: Mapped[str] = mapped_column(default="")
    domain: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    parameters: Mapped[str] = mapped_column(default="")
    kernel: Mapped[str]
    flavour: Mapped[str]
    digest: Mapped[str] = mapped_column(default="")
    verdict: Mapped[str] = mapped_column(index=True)
    duration_s: Mapped[float]
    result: Mapped[dict[str, Any]] = mapped_column(JSON)


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
