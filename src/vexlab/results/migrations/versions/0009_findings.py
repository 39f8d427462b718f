"""Findings and files of evidence have tables of their own; the evidence of earlier runs is not noted afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from vexlab.tables import visible

revision = "0009"
down_revision = "0008"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_EXCERPT_MOST = 4000
_WORDS = ("fingerprint", "type", "title", "frame")
_AT_ONCE = 1000


def upgrade() -> None:
    """Make the tables, and note the findings of all results."""
    op.create_table(
        "findings",
        sa.Column("case", _NUMBER, sa.ForeignKey("cases.number"), primary_key=True, autoincrement=False),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("fingerprint", sa.String, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("title", sa.String, nullable=False),
        sa.Column("frame", sa.String, nullable=False),
        sa.Column("excerpt", sa.String, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_findings_fingerprint", "findings", ["fingerprint"])
    op.create_table(
        "artifacts",
        sa.Column("case", _NUMBER, sa.ForeignKey("cases.number"), primary_key=True, autoincrement=False),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_artifacts_digest", "artifacts", ["digest"])
    _note_findings()


def _note_findings() -> None:
    """Go through the results part by part: a store may hold a million."""
    connection = op.get_bind()
    columns = ("case", "place", *_WORDS, "excerpt")
    findings = sa.table("findings", *map(sa.column, columns))
    asked = sa.text("SELECT number, result FROM cases WHERE number > :after ORDER BY number LIMIT :most")
    after = -1
    while part := connection.execute(asked, {"after": after, "most": _AT_ONCE}).all():
        after = part[-1][0]
        if rows := [row for number, result in part for row in _rows(number, result)]:
            connection.execute(findings.insert(), rows)


def _rows(number: int, result: str | dict[str, Any]) -> Iterator[dict[str, object]]:
    document = json.loads(result) if isinstance(result, str) else result  # psycopg reads JSON by itself
    for place, each in enumerate(document.get("findings") or ()):
        yield {
            "case": number,
            "place": place,
            **{name: visible(str(each.get(name) or "")) for name in _WORDS},
            "excerpt": visible(str(each.get("text") or ""))[:_EXCERPT_MOST],
        }
