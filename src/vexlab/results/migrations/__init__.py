"""The store's schema, step by step; ``upgrade`` brings a database of any earlier version to the present one."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from vexlab.errors import InfraError

HEAD = "0006"  # the newest file in versions/
_BASELINE = "0001"  # what databases were like before they bore a version
_VERSIONS = "alembic_version"


def upgrade(connection: Connection) -> None:
    """Bring the database to ``HEAD``; raise ``InfraError`` where a newer vexlab made it.

    Alembic is imported only where there is something to do: it costs a third of a second.
    """
    tables = inspect(connection).get_table_names()
    now = connection.scalar(text(f"SELECT version_num FROM {_VERSIONS}")) if _VERSIONS in tables else None  # noqa: S608
    if now == HEAD:
        return
    if now is not None and str(now) > HEAD:
        raise InfraError(
            f"the results were written by a newer vexlab (schema {now}, this one knows {HEAD})",
            hint="use that version, or choose another folder with --results",
        )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    if now is None and "runs" in tables:
        command.stamp(config, _BASELINE)
    command.upgrade(config, HEAD)
