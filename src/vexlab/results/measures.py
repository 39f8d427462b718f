"""The numbers under which the store has what metrics are of."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Engine, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from vexlab.model.metric import Metric
from vexlab.results.schema import MeasureRow

_Measure = tuple[str, str, str]


class Measures:
    """Finds the number of a measure, and gives it one. Several processes may do so at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[_Measure, int] = {}

    def numbers(self, metrics: Collection[Metric]) -> list[int]:
        """Return the number of each of ``metrics``."""
        wanted = [(each.name, each.unit, each.direction.value) for each in metrics]
        if missing := sorted(set(wanted) - self._known.keys()):
            self._add(missing)
        return [self._known[each] for each in wanted]

    def _add(self, missing: list[_Measure]) -> None:
        rows = [{"name": name, "unit": unit, "direction": direction} for name, unit, direction in missing]
        insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        add = insert(MeasureRow).on_conflict_do_nothing()
        # In a transaction of their own, and sorted: two that wait for each other's names would never end.
        with Session(self._engine) as session, session.begin():
            session.execute(add, rows)
        names = [name for name, _, _ in missing]
        with Session(self._engine) as session:
            for row in session.scalars(select(MeasureRow).where(MeasureRow.name.in_(names))):
                self._known[row.name, row.unit, row.direction] = row.number
