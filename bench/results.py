"""The results' store with a million generated results and ten million metrics, in both databases."""

from __future__ import annotations

import datetime
import functools
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, event, insert, text
from tests.postgres import MissingServerError, server

from bench.row import Row
from vexlab.model.case import CaseResult, RunInfo, RunState, Summary
from vexlab.model.key import CaseKey
from vexlab.model.metric import Metric, measured
from vexlab.model.provenance import Provenance
from vexlab.model.report import Severity
from vexlab.model.verdict import Finding, Verdict
from vexlab.results.database import Database
from vexlab.results.schema import MeasureRow, RunRow
from vexlab.results.store import Store
from vexlab.results.trend import trends_of

SIZE = 1_000_000  # results of cases
WIDE, NARROW, METRICS = 10_000, 1000, 10  # cases of the largest run, of every other one; metrics of a case
BEGIN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
_ROUNDS = 7
_SAVED = 60
_BATCH = 50  # runs
_TREND_MS, _OVERVIEW_MS, _PAGE_MS, _SAVE_MS = 100.0, 300.0, 500.0, 5.0


def results(size: int = SIZE) -> list[Row]:
    """Fill a store of each database, and measure what people wait for."""
    rows: list[Row] = []
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))
    try:
        rows += _measured("SQLite", folder / "sqlite", "", size)
    finally:
        shutil.rmtree(folder)
    try:
        with server() as running:
            rows += _measured("PostgreSQL", running.folder / "results", running.database_of(folder), size)
    except MissingServerError as error:
        rows.append(Row("PostgreSQL", f"not measured: {error}"))
    return rows


def _measured(name: str, folder: Path, url: str, size: int) -> Iterator[Row]:
    begin = time.perf_counter()
    database = Database(folder, url)
    with closing(database):
        _fill(database.engine, size)
    print(f"  {name}: filled in {time.perf_counter() - begin:.0f} s", file=sys.stderr)
    with closing(Store(folder, url)) as store:
        whole, case = _run(0).id, str(_key(5))
        since = BEGIN - datetime.timedelta(days=1)
        reads: dict[str, tuple[float, Callable[[], object]]] = {
            "trend of a case": (_TREND_MS, lambda: trends_of(store, case, since=since, period_s=86400.0)),
            "overview of 200 runs": (_OVERVIEW_MS, lambda: store.overview(200)),
            f"page of a run of {min(size, WIDE)} cases": (_PAGE_MS, lambda: store.load(whole)),
        }
        for what, (most, call) in reads.items():
            yield _row(f"{name}, {size} results: {what}", [_timed(call) for _ in range(_ROUNDS)], most)
        yield _row(f"{name}, {size} results: saving a case", _saved(store, folder), _SAVE_MS)
        scans = [line for _, call in reads.values() for line in _scans(store, call)]
        yield Row(f"{name}: large tables read from end to end", "; ".join(scans) or "none", "none", not scans)


def _row(name: str, times: list[tuple[float, float]], most: float) -> Row:
    """Compare the median time with ``most``; where others use the machine, the CPU time of this process tells more."""
    wall, cpu = (1000 * statistics.median(each) for each in zip(*times, strict=True))
    least = 1000 * min(seconds for seconds, _ in times)
    return Row(name, f"{wall:.1f} ms, least {least:.1f}, CPU {cpu:.1f}", f"< {most:g} ms", wall < most)


def _timed(call: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds on the clock and of this process's CPU."""
    begin, used = time.perf_counter(), time.process_time()
    assert call()
    return time.perf_counter() - begin, time.process_time() - used


def _saved(store: Store, folder: Path) -> list[tuple[float, float]]:
    run = _run(999_999)
    store.begin(run, str(folder / run.id))

    def save(at: int) -> bool:
        store.save(run.id, _case(at))
        return True

    return [_timed(functools.partial(save, at)) for at in range(_SAVED)]


def _run(number: int) -> RunInfo:
    started = BEGIN + datetime.timedelta(hours=number % 100_000)
    return RunInfo(
        id=f"{started:%Y%m%d-%H%M%S}-{number:04x}"[:20],
        target="vexfs",
        kernels=("6.1",),
        accelerator="tcg",
        started=started.isoformat(timespec="seconds"),
        finished=started.isoformat(timespec="seconds"),
        state=RunState.FINISHED,
        provenance=Provenance(revision=f"v{number}", vexlab="0.1.0", qemu="7.2.22"),
    )


def _key(at: int) -> CaseKey:
    return CaseKey(domain=f"domain_{at % 12}", name=f"case_{at}", kernel="6.1", target="vexfs")


def _metrics(at: int) -> tuple[Metric, ...]:
    return tuple(measured(f"step{number}_s", 0.1 * (1 + number) + at % 7) for number in range(METRICS))


def _case(at: int) -> CaseResult:
    red = at % 50 == 0
    finding = Finding(
        title="BUG: NULL pointer dereference in f",
        type="BUG",
        severity=Severity.CRASH,
        frame="f",
        text="[   12.345678] Call Trace: something that is long\n" * 40,
        fingerprint=f"{at % 5:016x}",
    )
    return CaseResult(
        key=_key(at),
        node=f"test_domain.py::test_case_{at}",
        level=1 + at % 3,
        digest=f"{at:016x}",
        verdict=Verdict.CRASHED if red else Verdict.PASSED,
        reason="the kernel crashed: BUG: NULL pointer dereference in f" if red else "",
        started=1.7e9 + at,
        duration_s=1.0 + at % 11,
        findings=(finding,) if red else (),
        metrics=_metrics(at),
        evidence=f"/results/cases/case_{at}",
    )


def _fill(engine: Engine, size: int) -> None:
    """Make the rows inside the database: what ``Store.save`` writes, a thousand times as fast."""
    wide = min(size, WIDE)
    many = (size - wide) // NARROW
    with engine.begin() as connection:
        connection.execute(text(_TEMPLATES))
        names = ("number", "id", "domain", "name", "kernel", "flavour", "digest", "verdict", "duration_s", "result")
        values = ", ".join(f":{name}" for name in names)
        connection.execute(text(f"INSERT INTO templates ({', '.join(names)}) VALUES ({values})"), _templates(wide))
        rows = [{"name": m.name, "unit": m.unit, "direction": m.direction.value} for m in _metrics(0)]
        connection.execute(insert(MeasureRow), rows)
        for begin in range(0, many + 1, _BATCH):
            _add_runs(connection, range(begin, min(begin + _BATCH, many + 1)), wide)
        connection.execute(
            text(
                'INSERT INTO metrics ("case", measure, value) SELECT cases.number, measures.number, '
                "measures.number * (1 + (cases.number * 7919 % 1000) / 20000.0) FROM cases CROSS JOIN measures"
            )
        )
        connection.execute(text("DROP TABLE templates"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for words in _AFTER_FILLING[engine.dialect.name]:
            connection.execute(text(words))


# A store grows over years: PostgreSQL has then vacuumed its tables and written what its log holds, which would else go
# on beside the measurement.
_AFTER_FILLING = {"sqlite": ("ANALYZE",), "postgresql": ("VACUUM (ANALYZE)", "CHECKPOINT")}


_TEMPLATES = """
CREATE TABLE templates (number INTEGER PRIMARY KEY, id TEXT, domain TEXT, name TEXT, kernel TEXT, flavour TEXT,
    digest TEXT, verdict TEXT, duration_s FLOAT, result JSON)
"""


def _templates(wide: int) -> list[dict[str, Any]]:
    cases = [_case(at) for at in range(wide)]
    return [
        {
            "number": at,
            "id": each.id,
            "domain": each.domain,
            "name": each.key.name,
            "kernel": each.kernel,
            "flavour": each.key.flavour,
            "digest": each.digest,
            "verdict": each.verdict.value,
            "duration_s": each.duration_s,
            "result": msgspec.json.encode(each).decode(),
        }
        for at, each in enumerate(cases)
    ]


def _add_runs(connection: Connection, numbers: range, wide: int) -> None:
    summary = msgspec.to_builtins(Summary.of(_case(at) for at in range(NARROW)))
    infos = [_run(number) for number in numbers]
    connection.execute(
        insert(RunRow),
        [
            {
                "id": each.id,
                "target": each.target,
                "kernels": list(each.kernels),
                "accelerator": each.accelerator,
                "started": each.started,
                "finished": each.finished,
                "state": each.state.value,
                "folder": f"/results/{each.id}",
                "revision": each.provenance.revision,
                "provenance": msgspec.to_builtins(each.provenance),
                "summary": summary,
            }
            for each in infos
        ],
    )
    for number, each in zip(numbers, infos, strict=True):
        connection.execute(
            text(
                "INSERT INTO cases (run, id, configuration, domain, name, parameters, kernel, flavour, digest, "
                "verdict, duration_s, result) SELECT :run, id, '', domain, name, '', kernel, flavour, digest, "
                "verdict, duration_s, result FROM templates WHERE number < :most"
            ),
            {"run": each.id, "most": wide if number == 0 else NARROW},
        )


def _scans(store: Store, call: Callable[[], object]) -> list[str]:
    """Return the steps of the queries' plans that go through all of a large table."""
    engine = store._database.engine  # noqa: SLF001 - what a plan is, only the database knows
    with _listening(engine) as asked:
        call()
    plans = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}
    found = []
    with engine.connect() as connection:
        for statement, parameters in asked:
            rows = connection.exec_driver_sql(plans[engine.dialect.name] + statement, parameters)
            found += [str(row[-1]).strip() for row in rows if _is_scan(str(row[-1]))]
    return found


def _is_scan(step: str) -> bool:
    # SQLite: SCAN cases; PostgreSQL: ->  Seq Scan on cases  (cost=0.00..155.00 rows=10000 width=8)
    return any(f"{words} {table}" in step for words in ("SCAN", "Seq Scan on") for table in ("cases", "metrics"))


@contextmanager
def _listening(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)
