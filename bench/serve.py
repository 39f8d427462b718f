"""How long pages take over a store of a million results: ``python -m bench.serve FOLDER [RUNS]``.

The store is made in FOLDER unless there is one: RUNS (2,000) runs of 500 cases, of four targets, a tenth of them red.
Times are wall and processor time of the whole server for one request, twice for each address.
"""

from __future__ import annotations

import datetime
import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from sqlalchemy import insert, text
from starlette.requests import Request
from starlette.responses import Response

from vexlab.model.case import CaseResult, RunInfo
from vexlab.model.history import sightings
from vexlab.model.key import CaseKey
from vexlab.model.metric import measured
from vexlab.model.problem import GROUPING
from vexlab.model.provenance import Provenance
from vexlab.model.report import Severity
from vexlab.model.verdict import Finding, Verdict
from vexlab.results.schema import CaseRow, ProblemRow, RunRow
from vexlab.results.store import FILE, Store
from vexlab.serve.data import Data
from vexlab.serve.pages import Pages

CASES = 500
TARGETS = ("vexfs", "ext4", "xfs", "btrfs")
DOMAINS = ("kernel_module", "filesystem_operations", "vector_operations", "safety_validation", "integration")
_COLUMNS = "id, configuration, domain, name, parameters, kernel, flavour, digest, verdict, duration_s, result"
_COPY = text(f"INSERT INTO cases (run, {_COLUMNS}) SELECT :run, {_COLUMNS} FROM cases WHERE run = :like")
_FINDINGS = text(
    'INSERT INTO findings ("case", place, fingerprint, type, title, frame, excerpt) '
    "SELECT number, 0, json_extract(result, '$.findings[0].fingerprint'), 'KASAN-READ', "
    "json_extract(result, '$.findings[0].title'), '', '' FROM cases WHERE verdict = 'crashed'"
)
START = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)


def case(number: int, run: int) -> CaseResult:
    """Return a result; every tenth run has red ones."""
    red = run % 10 == 0 and number % 50 == 0
    finding = Finding(
        title=f"BUG: KASAN in f{number}", type="KASAN-READ", severity=Severity.CRASH, fingerprint=f"{number:016x}",
        text="f+0x1/0x2 [m]\n" * 20,
    )  # fmt: skip
    key = CaseKey(domain=DOMAINS[number % 5], name=f"case_{number:04}", kernel="6.1", target=TARGETS[run % 4])
    return CaseResult(
        key=key, node=f"t.py::{key.name}", level=1 + number % 3, digest="0" * 16, duration_s=1.0 + number % 7,
        verdict=Verdict.CRASHED if red else Verdict.PASSED, findings=(finding,) if red else (),
        metrics=(measured("load_s", 0.25), measured("mount_s", 0.5)), reason="it crashed" if red else "",
    )  # fmt: skip


def fill(store: Store, runs: int) -> None:
    """Write the runs, a transaction each."""
    models: list[tuple[tuple[int, bool], str]] = []
    plain = [dict(msgspec.to_builtins(case(number, 1))) for number in range(CASES)]
    for run in range(runs):
        started = (START + datetime.timedelta(hours=6 * run)).isoformat(timespec="seconds")
        info = RunInfo(
            id=f"{started[:10].replace('-', '')}-{run % 4:06}-{run:04x}", target=TARGETS[run % 4], kernels=("6.1",),
            accelerator="tcg", started=started, finished=started, provenance=Provenance(revision=f"v{run // 4}"),
        )  # fmt: skip
        red = [case(number, run) for number in range(0, CASES, 50)] if run % 10 == 0 else []
        by_id = {each.id: each for each in red}
        with store.writing() as session:
            session.add(
                RunRow(
                    id=info.id, target=info.target, kernels=["6.1"], accelerator="tcg", started=started,
                    finished=started, folder="", state="finished", revision=info.provenance.revision,
                    provenance=msgspec.to_builtins(info.provenance), grouping=GROUPING,
                )
            )  # fmt: skip
            session.flush()
            alike = next((each for each in models if each[0] == (run % 4, bool(red))), None)
            if alike:  # in the database itself, which is twenty times as fast
                session.execute(_COPY, {"run": info.id, "like": alike[1]})
            else:
                session.execute(insert(CaseRow), list(_rows(info.id, plain, by_id)))
                models.append(((run % 4, bool(red)), info.id))
            session.add_all(
                ProblemRow(
                    run=info.id, key=each.problem.key, target=info.target, started=started,
                    sighting=msgspec.to_builtins(each),
                )
                for each in sightings(info, red)
            )  # fmt: skip
    with store.writing() as session:
        session.execute(_FINDINGS)


def _rows(run: str, plain: list[dict[str, Any]], red: dict[str, CaseResult]) -> Iterator[dict[str, Any]]:
    for each in plain:
        key = each["key"]
        name = f"{key['domain']}.{key['name']}[6.1]"
        result = msgspec.to_builtins(red[name]) if name in red else each
        yield {
            "run": run, "id": name, "domain": key["domain"], "name": key["name"], "kernel": "6.1", "flavour": "distro",
            "digest": "0" * 16, "verdict": result["verdict"], "duration_s": each["duration_s"], "result": result,
        }  # fmt: skip


def request(path: str) -> Request:
    """Return a request for an address."""
    path, _, query = path.partition("?")
    return Request({"type": "http", "path": path, "query_string": query.encode(), "headers": [], "path_params": {}})


def main() -> None:
    folder, runs = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    there = (folder / FILE).is_file()
    with closing(Store(folder)) as store:
        if not there:
            fill(store, runs)
        data = Data(store)
        begun = time.process_time()
        data.warm()
        print(json.dumps({"warm_cpu_ms": round(1000 * (time.process_time() - begun))}))
        pages = Pages(data)
        last = store.info("last")
        red = next(each for each in data.runs(most=50) if data.problem_keys(each.id))
        problem = next(iter(data.problem_keys(red.id)))
        name = "kernel_module.case_0000[6.1]"
        asked = {
            "/": pages.overview, "/runs": pages.runs, "/commits": pages.commits, f"/run?id={last.id}": pages.run,
            f"/case?run={red.id}&id={quote(name)}": pages.case, "/problems": pages.problems,
            f"/problem?target={red.target}&key={quote(problem)}": pages.problem, "/search?q=case_0001": pages.search,
            "/search?q=kasan": pages.search, f"/compare?before={red.id}&after={last.id}": pages.compare,
            f"/trends?what={quote(name)}&days=3650": pages.trends, "/live": pages.live,
        }  # fmt: skip
        for path, answer in asked.items():
            times = [_timed(answer, path) for _ in range(2)]
            print(json.dumps({"page": path, "first_ms": times[0], "second_ms": times[1]}))


def _timed(answer: Any, path: str) -> dict[str, int]:
    wall, cpu = time.monotonic(), time.process_time()
    made: Response = answer(request(path))
    assert made.status_code == 200, path
    return {"wall": round(1000 * (time.monotonic() - wall)), "cpu": round(1000 * (time.process_time() - cpu))}


if __name__ == "__main__":
    main()
