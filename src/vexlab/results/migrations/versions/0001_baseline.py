"""The store as it was before databases bore a version: runs and their cases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "runs",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("target", sa.String, nullable=False),
        sa.Column("kernels", sa.JSON, nullable=False),
        sa.Column("accelerator", sa.String, nullable=False),
        sa.Column("started", sa.String, nullable=False),
        sa.Column("finished", sa.String, nullable=False),
        sa.Column("folder", sa.String, nullable=False),
    )
    op.create_table(
        "cases",
        sa.Column("run", sa.String, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("domain", sa.String, nullable=False),
        sa.Column("kernel", sa.String, nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("duration_s", sa.Float, nullable=False),
        sa.Column("result", sa.JSON, nullable=False),
    )
    op.create_index("ix_cases_domain", "cases", ["domain"])
    op.create_index("ix_cases_verdict", "cases", ["verdict"])
