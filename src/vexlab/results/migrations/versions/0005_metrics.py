"""A metric has its unit and direction beside its name and value."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from vexlab.model.metric import measured

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Turn the names and numbers of each result into metrics."""
    connection = op.get_bind()
    for run, case, result in connection.execute(sa.text("SELECT run, id, result FROM cases")).all():
        document = json.loads(result)
        metrics = [measured(name, value) for name, value in (document.get("metrics") or {}).items()]
        document["metrics"] = [
            {"name": each.name, "value": each.value, "unit": each.unit, "direction": each.direction.value}
            for each in metrics
        ]
        connection.execute(
            sa.text("UPDATE cases SET result = :result WHERE run = :run AND id = :case"),
            {"result": json.dumps(document), "run": run, "case": case},
        )
