"""A real browser runs nothing that a guest printed, says nothing on its console, and answers 10,000 cases at once."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from tests.unit.reports.browser import Browser, find_chromium
from tests.unit.reports.made import everything, many

from vexlab.model.case import CaseResult
from vexlab.report import page

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not find_chromium(), reason="no Chromium: apt-get install chromium, or VEXLAB_CHROMIUM"),
]
_MOST_MS = 200.0  # of processor time: what a reader waits where nothing else keeps the machine busy
# Sets a field of the filters as a reader would, and waits until the rows are there and laid out.
_ASK = """(() => {{
    const field = document.getElementById('filters').elements[{name!r}];
    field.value = {value!r};
    field.dispatchEvent(new Event('input', {{bubbles: true}}));
    document.getElementById('rows').getBoundingClientRect();
}})()"""


# What is set, one after the other; all of it is in force at the same time.
_ASKED = (
    ("verdict", "=crashed"),
    ("domain", "=domain_2"),
    ("search", "case_99"),
    ("search", ""),
    ("verdict", ""),
    ("domain", ""),
    ("search", "case 7 ran"),
    ("search", ""),
    ("level", "=2"),
    ("kernel", "=6.12"),
    ("kernel", ""),
    ("search", "BUG: unable vexfs_f10"),
)


def _so_far(step: int) -> dict[str, str]:
    """Return what is in force after this step."""
    return dict(_ASKED[: step + 1])


def _fits(case: CaseResult, chosen: dict[str, str]) -> bool:
    said = " ".join([case.id, case.reason]).lower()
    return all(
        all(word in said for word in asked.lower().split()) if name == "search" else f"={getattr(case, name)}" == asked
        for name, asked in chosen.items()
    )


def _picture(browser: Browser, name: str) -> None:
    if folder := os.environ.get("VEXLAB_PICTURES"):
        browser.picture(Path(folder, f"{name}.png"))


def test_a_hostile_run_is_shown_and_nothing_of_it_runs(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_bytes(page.render(everything()))
    with Browser(find_chromium()) as browser:
        for width, height in ((390, 844), (1440, 900)):
            for dark in (False, True):
                browser.open(file, width=width, height=height, dark=dark)
                assert browser.value("document.title") == "FAILED · vexfs · vexlab"
                assert browser.value("document.querySelectorAll('#rows > tr').length") == len(everything().cases)
                assert browser.value("document.documentElement.scrollWidth") <= width
                assert browser.value("document.querySelector('#rows td:nth-child(2)').offsetWidth") > 200
                _picture(browser, f"everything-{width}-{'dark' if dark else 'light'}")
                browser.value("document.querySelectorAll('#rows button').forEach((each) => each.click())")
                assert browser.value("document.querySelectorAll('#rows mark').length") == 4
                assert browser.value("document.querySelectorAll('script').length") == 2
                assert browser.value("document.querySelectorAll('img, iframe, object').length") == 0
                assert browser.value("document.documentElement.scrollWidth") <= width
                browser.value("document.getElementById('cases').scrollIntoView()")
                _picture(browser, f"cases-{width}-{'dark' if dark else 'light'}")
        assert browser.value("document.title") == "FAILED · vexfs · vexlab"
        assert browser.said == []


def test_ten_thousand_cases_answer_within_a_fifth_of_a_second(tmp_path: Path) -> None:
    content = many(10_000)
    file = tmp_path / "report.html"
    file.write_bytes(page.render(content))
    with Browser(find_chromium()) as browser:
        browser.open(file)
        took = {}
        for step, (name, value) in enumerate(_ASKED):
            before = browser.busy_ms()
            browser.value(_ASK.format(name=name, value=value))
            took[f"{step} {name} {value}"] = browser.busy_ms() - before
            chosen = {each: asked for each, asked in _so_far(step).items() if asked}
            wanted = sum(_fits(case, chosen) for case in content.cases)
            of = "" if wanted == len(content.cases) else " of 10000"
            assert browser.value("document.getElementById('shown').textContent") == f"{wanted}{of} cases", chosen
        assert max(took.values()) < _MOST_MS, took
        assert browser.said == []
        browser.value("document.getElementById('cases').scrollIntoView()")
        _picture(browser, "many-1440-light")
        if os.environ.get("VEXLAB_PICTURES"):
            print(took)  # noqa: T201


def test_a_printed_page_has_its_excerpts_open_and_rows_enough(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_bytes(page.render(many(1000)))
    with Browser(find_chromium()) as browser:
        browser.open(file)
        printed = base64.b64decode(browser.call("Page.printToPDF")["data"])
        assert printed.startswith(b"%PDF-")
        assert browser.value("document.querySelectorAll('#rows > tr').length") == 560
        assert browser.value("document.querySelectorAll('.problems details:not([open])').length") == 0
        assert browser.said == []
    if folder := os.environ.get("VEXLAB_PICTURES"):
        Path(folder, "printed.pdf").write_bytes(printed)
