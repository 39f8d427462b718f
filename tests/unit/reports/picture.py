"""``python -m tests.unit.reports.picture RESULTS PICTURE.png``: the picture of the last run's page that docs/ shows.

Paths in it begin at the folder of results, wherever that lies.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from pathlib import Path

from tests.unit.reports.browser import Browser
from tests.unit.reports.chromium import chromium

from vexlab.report import page
from vexlab.report.content import Content
from vexlab.results.earlier import earlier_runs
from vexlab.results.store import Store


def _main() -> None:
    results, picture = map(Path, sys.argv[1:])
    program, why = chromium()
    if not program:
        raise SystemExit(why)
    store = Store(results.absolute())
    result = store.load("last")
    cases = tuple(
        dataclasses.replace(each, evidence=each.evidence.replace(str(store.folder), "vexlab-results", 1))
        for each in result.cases
    )
    content = Content.of(dataclasses.replace(result, cases=cases), earlier=earlier_runs(store, result))
    with tempfile.TemporaryDirectory() as folder, Browser(program) as browser:
        file = Path(folder, "report.html")
        file.write_bytes(page.render(content))
        browser.open(file, width=960, height=840)
        browser.value("Promise.resolve(window.vexlabCharts).then(() => 0)")  # a page may have no chart
        browser.picture(picture)


if __name__ == "__main__":
    _main()
