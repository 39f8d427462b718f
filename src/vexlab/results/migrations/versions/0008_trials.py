"""What reruns of a case said is kept, and which run of a target is its baseline."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "trials",
        sa.Column("run", sa.String, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("case", sa.String, primary_key=True),
        sa.Column("arm", sa.String, primary_key=True),
        sa.Column("trial", sa.JSON, nullable=False),
    )
    op.create_table(
        "baselines",
        sa.Column("target", sa.String, primary_key=True),
        sa.Column("run", sa.String, sa.ForeignKey("runs.id"), nullable=False),
    )
