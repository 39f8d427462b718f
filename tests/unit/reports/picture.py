"""``python -m tests.unit.reports.picture PAGE.html PICTURE.png`` takes the picture of a page that docs/ shows."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.unit.reports.browser import Browser
from tests.unit.reports.chromium import chromium


def _main() -> None:
    page, picture = map(Path, sys.argv[1:])
    program, why = chromium()
    if not program:
        raise SystemExit(why)
    with Browser(program) as browser:
        browser.open(page, width=1000, height=1000)
        browser.value("window.vexlabCharts")
        browser.picture(picture)


if __name__ == "__main__":
    _main()
