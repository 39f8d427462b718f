"""A run knows which cases were selected for it, and how it ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what the run was to do. Earlier runs did not note it: their plan is empty."""
    op.add_column("runs", sa.Column("plan", sa.JSON, nullable=False, server_default='{"cases": []}'))
    op.add_column("runs", sa.Column("state", sa.String, nullable=False, server_default="running"))
    op.execute("UPDATE runs SET state = 'finished' WHERE finished <> ''")
