"""The store's schema, step by step; ``upgrade`` brings a database of any earlier version to the present one."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from vexlab.errors import InfraError, UsageError

HEAD = "0009"  # the newest file in versions/
BASELINE = "0001"  # what databases were like before they bore a version
_VERSIONS = "alembic_version"


def version(connection: Connection) -> str | None:
    """Return the version of the database's schema, ``BASELINE`` of one that bears none, ``None`` of an empty one."""
    tables = inspect(connection).get_table_names()
    if _VERSIONS in tables:
        now = connection.scalar(text(f"SELECT version_num FROM {_VERSIONS}"))  # noqa: S608 - a name of ours
        return str(now) if now is not None else None
    return BASELINE if "runs" in tables else None


def check(connection: Connection) -> bool:
    """Return whether there is anything to read; raise where this version does not know the schema.

    ``UsageError`` of one that is older, which only a command that writes may change; ``InfraError`` of a newer one.
    """
    now = version(connection)
    if now is None or now == HEAD:
        return now is not None
    _reject_newer(now)
    raise UsageError(
        f"the results are of an earlier version of vexlab (schema {now}, this one reads {HEAD})",
        hint="`vexlab results upgrade` brings them up to date, and so does the next `vexlab run`",
    )


def upgrade(connection: Connection) -> str | None:
    """Bring the database to ``HEAD``, and return what it was; raise ``InfraError`` where a newer vexlab made it.

    Alembic is imported only where there is something to do: it costs a third of a second.
    """
    now = version(connection)
    if now == HEAD:
        return now
    if now is not None:
        _reject_newer(now)
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    if now == BASELINE and _VERSIONS not in inspect(connection).get_table_names():
        command.stamp(config, BASELINE)
    command.upgrade(config, HEAD)
    return now


def _reject_newer(now: str) -> None:
    if now > HEAD:
        raise InfraError(
            f"the results were written by a newer vexlab (schema {now}, this one knows {HEAD})",
            hint="use that version, or choose another folder with --results",
        )
