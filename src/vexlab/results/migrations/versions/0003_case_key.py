"""A case is known by its key instead of by a text, and by the digest of its code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_OLD = ("id", "domain", "kernel")


def upgrade() -> None:
    """Add the key's columns; in plans and results the key takes the place of the id. The digest was not noted."""
    op.add_column("cases", sa.Column("configuration", sa.String, nullable=False, server_default=""))
    op.add_column("cases", sa.Column("name", sa.String, nullable=False, server_default=""))
    op.add_column("cases", sa.Column("parameters", sa.String, nullable=False, server_default=""))
    op.add_column("cases", sa.Column("flavour", sa.String, nullable=False, server_default="distro"))
    op.add_column("cases", sa.Column("digest", sa.String, nullable=False, server_default=""))
    connection = op.get_bind()
    targets = {}
    for run, target, plan in connection.execute(sa.text("SELECT id, target, plan FROM runs")).all():
        targets[run] = target
        document = json.loads(plan)
        document["cases"] = [_with_key(case, target) for case in document.get("cases", [])]
        connection.execute(
            sa.text("UPDATE runs SET plan = :plan WHERE id = :run"), {"plan": json.dumps(document), "run": run}
        )
    for run, case, result in connection.execute(sa.text("SELECT run, id, result FROM cases")).all():
        document = _with_key(json.loads(result), targets.get(run, ""))
        values = {"run": run, "case": case, "result": json.dumps(document)}
        values |= {name: document["key"][name] for name in ("name", "parameters")}
        connection.execute(
            sa.text(
                "UPDATE cases SET name = :name, parameters = :parameters, result = :result "
                "WHERE run = :run AND id = :case"
            ),
            values,
        )


def _with_key(case: Mapping[str, Any], target: str) -> dict[str, Any]:
    """Return a case of a plan or a result with its key in place of the id ``domain.name[kernel-parameters]``."""
    domain, kernel = str(case["domain"]), str(case["kernel"])
    name, bracket, words = str(case["id"]).removeprefix(f"{domain}.").partition("[")
    words = words[:-1] if bracket else ""
    if kernel and f"{words}-".startswith(f"{kernel}-"):
        words = words[len(kernel) + 1 :]
    key = {"domain": domain, "name": name, "parameters": words, "kernel": kernel, "flavour": "distro", "target": target}
    return {"key": key, **{field: value for field, value in case.items() if field not in _OLD}}
