"""Metrics have rows of their own, plans a table of their own, and a run its summary: large stores stay quick."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_COPIED = ("run", "id", "configuration", "domain", "name", "parameters", "kernel", "flavour", "digest", "verdict")


def upgrade() -> None:
    """Number the cases, which metrics refer to; the summaries of earlier runs are noted when they are asked for."""
    _move_plans()
    op.add_column("runs", sa.Column("summary", sa.JSON, nullable=True))
    op.create_index("ix_runs_started", "runs", ["started", "id"])
    _make_tables()
    _number_cases()
    _copy_metrics()


def _move_plans() -> None:
    op.create_table(
        "plans",
        sa.Column("run", sa.String, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("plan", sa.JSON, nullable=False),
    )
    op.execute("INSERT INTO plans (run, plan) SELECT id, plan FROM runs")
    op.drop_column("runs", "plan")


def _make_tables() -> None:
    op.create_table(
        "numbered",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("run", sa.String, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("configuration", sa.String, nullable=False),
        sa.Column("domain", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("parameters", sa.String, nullable=False),
        sa.Column("kernel", sa.String, nullable=False),
        sa.Column("flavour", sa.String, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("duration_s", sa.Float, nullable=False),
        sa.Column("result", sa.JSON, nullable=False),
    )
    op.create_table(
        "measures",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("unit", sa.String, nullable=False),
        sa.Column("direction", sa.String, nullable=False),
    )
    op.create_index("ix_measures_name", "measures", ["name", "unit", "direction"], unique=True)
    op.create_table(
        "metrics",
        sa.Column("case", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("measure", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("value", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )


def _number_cases() -> None:
    columns = ", ".join((*_COPIED, "duration_s", "result"))
    op.execute(f"INSERT INTO numbered ({columns}) SELECT {columns} FROM cases ORDER BY run, id")  # noqa: S608 - names
    for name in ("domain", "verdict", "id"):
        op.drop_index(f"ix_cases_{name}", "cases")
    op.drop_table("cases")
    op.rename_table("numbered", "cases")
    op.create_index("ix_cases_run", "cases", ["run", "id"], unique=True)
    op.create_index("ix_cases_id", "cases", ["id"])
    op.create_index("ix_cases_domain", "cases", ["domain", "run"])


def _copy_metrics() -> None:
    connection = op.get_bind()
    known: dict[tuple[str, str, str], int] = {}
    rows = []
    for number, result in connection.execute(sa.text("SELECT number, result FROM cases")):
        document = json.loads(result) if isinstance(result, str) else result  # psycopg reads JSON by itself
        for each in {each["name"]: each for each in document.get("metrics") or ()}.values():
            measure = (each["name"], each.get("unit", ""), each.get("direction", "none"))
            known.setdefault(measure, len(known) + 1)
            rows.append({"case": number, "measure": known[measure], "value": each["value"]})
    measures = sa.table("measures", *map(sa.column, ("name", "unit", "direction")))
    metrics = sa.table("metrics", *map(sa.column, ("case", "measure", "value")))
    if rows:
        names = [dict(zip(("name", "unit", "direction"), each, strict=True)) for each in known]
        for each in names:  # in turn, so that they are numbered from 1 in this order
            connection.execute(measures.insert(), [each])
        connection.execute(metrics.insert(), rows)
