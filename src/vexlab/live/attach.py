"""Which run is meant, and where its journal lies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from vexlab.errors import UsageError
from vexlab.live.state import LiveRun
from vexlab.model.case import RunInfo
from vexlab.results.journal import FILE, Entry, Reader, follow
from vexlab.results.schema import RunRow
from vexlab.results.store import Store, info_of

_LOOKED_AT = 50  # newest runs, among which those that go on are looked for
POLL_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A run and its journal."""

    run: RunInfo
    file: Path


def running_runs(store: Store) -> tuple[RunInfo, ...]:
    """Return the runs that go on, the newest first."""
    asked = select(RunRow).where(RunRow.finished == "").order_by(RunRow.started.desc(), RunRow.id.desc())
    with store.reading() as session:
        infos = [info_of(row) for row in session.scalars(asked.limit(_LOOKED_AT))]
    return tuple(info for info in infos if store.is_running(info.id))


def attach(store: Store, name: str = "") -> Attached:
    """Return the run ``name``, or without one the newest that goes on, else the newest; raise ``UsageError``."""
    going = () if name else running_runs(store)
    run = going[0] if going else store.info(name or "last")
    file = store.evidence(run.id) / FILE
    if not file.is_file():
        raise UsageError(
            f"run {run.id} has no journal", hint="it is of an earlier vexlab; `vexlab results` shows what it came to"
        )
    return Attached(run=run, file=file)


def entries(store: Store, attached: Attached, *, wait: Callable[[], None] | None = None) -> Iterator[Entry]:
    """Yield the events of a run, those to come as well, until it ends."""
    return follow(
        attached.file,
        goes_on=lambda: store.is_running(attached.run.id),
        wait=wait or (lambda: time.sleep(POLL_S)),
    )


def replay(file: Path) -> LiveRun:
    """Return what a recorded journal comes to."""
    run = LiveRun()
    for entry in Reader(file).new():
        run.take(entry)
    return run
