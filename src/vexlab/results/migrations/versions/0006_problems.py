"""The problems of each run are kept, and a run may be pinned."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table; the problems of earlier runs are noted when they are first asked for."""
    op.add_column("runs", sa.Column("pinned", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("runs", sa.Column("grouping", sa.Integer, nullable=False, server_default="0"))
    op.create_index("ix_cases_id", "cases", ["id"])
    op.create_table(
        "problems",
        sa.Column("run", sa.String, primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("target", sa.String, nullable=False),
        sa.Column("started", sa.String, nullable=False),
        sa.Column("sighting", sa.JSON, nullable=False),
    )
    op.create_index("ix_problems_target", "problems", ["target"])
