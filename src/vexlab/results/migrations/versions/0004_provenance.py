"""A run knows what it tested, with what and where, and the environment that it belongs to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add what earlier runs did not note; the revision, which runs are compared by, has a column of its own."""
    op.add_column("runs", sa.Column("environment", sa.String, nullable=False, server_default=""))
    op.add_column("runs", sa.Column("revision", sa.String, nullable=False, server_default=""))
    op.add_column("runs", sa.Column("provenance", sa.JSON, nullable=False, server_default="{}"))
