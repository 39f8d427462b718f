"""A real browser runs nothing that a guest printed, says nothing on its console, and answers 10,000 cases at once."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.reports.browser import Browser
from tests.unit.reports.chromium import chromium
from tests.unit.reports.made import everything, many
from tests.unit.reports.test_traces import traced

from vexlab.model.case import CaseResult
from vexlab.report import page

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


@pytest.fixture(scope="module")
def _running() -> Iterator[Browser]:
    program, why = chromium()
    if not program:
        pytest.skip(why)
    with Browser(program) as running:
        yield running


@pytest.fixture
def browser(_running: Browser) -> Browser:
    """Return the browser, which has said nothing yet."""
    _running.said.clear()
    return _running


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a run with everything in it."""
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_bytes(page.render(everything()))
    return file


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_a_hostile_run_is_shown_and_nothing_of_it_runs(browser: Browser, hostile: Path, width: int, dark: bool) -> None:  # noqa: FBT001
    name = f"{width}-{'dark' if dark else 'light'}"
    browser.open(hostile, width=width, height=844, dark=dark)
    assert browser.value("vexlabCharts.then((all) => all.length)") == 5
    assert browser.value("document.querySelectorAll('.chart svg').length") == 5
    assert browser.value("document.title") == "FAILED · vexfs · vexlab"
    assert browser.value("document.querySelectorAll('#rows > tr').length") == len(everything("").cases)
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value("document.querySelector('#rows td:nth-child(2)').offsetWidth") > 200
    _picture(browser, f"everything-{name}")
    browser.value("document.querySelectorAll('#rows button').forEach((each) => each.click())")
    assert browser.value("document.querySelectorAll('#rows mark').length") == 4
    assert browser.value("document.querySelectorAll('script').length") == 5
    assert browser.value("document.querySelectorAll('img, iframe, object').length") == 0
    assert browser.value("document.documentElement.scrollWidth") <= width
    for place in ("cases", "charts-title"):
        browser.value(f"document.getElementById('{place}').scrollIntoView()")
        _picture(browser, f"{place}-{name}")
    assert browser.value("document.title") == "FAILED · vexfs · vexlab"
    assert browser.said == []


def test_the_policy_of_the_page_holds(browser: Browser, hostile: Path) -> None:
    browser.open(hostile)
    browser.value("vexlabCharts.then(() => 0)")
    assert browser.said == []
    tried = """(() => {
        const found = [];
        const made = document.createElement('script');
        document.body.innerHTML += '<img src=x onerror="document.title = 1">';
        found.push(document.querySelectorAll('img').length);
        try { made.textContent = 'document.title = 2'; document.body.append(made); } catch { found.push('script'); }
        try { new Function('return 1')(); } catch { found.push('eval'); }
        return found;
    })()"""
    assert browser.value(tried) == [0, "script", "eval"]
    assert browser.value("document.title") == "FAILED · vexfs · vexlab"
    browser.value("fetch('https://example.org/').then(() => 'fetched', () => 'refused')")
    assert any("connect-src" in words or "default-src" in words for words in browser.said), browser.said


# The middle of a chart's first mark, and the words of its horizontal axis.
_MARK = """(() => {{
    const mark = document.querySelector(`[data-chart="{chart}"] {marks}`);
    mark.scrollIntoView({{block: 'center'}});
    const box = mark.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
}})()"""
_AXIS = """[...document.querySelectorAll('[data-chart="{chart}"] .role-axis-label')].map((each) => each.textContent)"""


def test_a_chart_tells_its_numbers_and_is_zoomed(browser: Browser, hostile: Path) -> None:
    browser.open(hostile)
    browser.value("vexlabCharts.then(() => 0)")
    x, y = browser.value(_MARK.format(chart=0, marks=".mark-rect path[aria-label*='cases: 2;']"))
    browser.mouse("mouseMoved", x, y)
    _until(browser, "!document.getElementById('tip').hidden")
    assert browser.value("document.getElementById('tip').textContent").startswith("domainfilesystem_operationsverdict")
    x, y = browser.value(_MARK.format(chart=1, marks=".mark-rect path"))
    before = browser.value(_AXIS.format(chart=1))
    browser.mouse("mouseWheel", x, y, deltaX=0, deltaY=-200)
    time.sleep(0.2)
    assert browser.value(_AXIS.format(chart=1)) == before, "without Ctrl the page scrolls"
    x, y = browser.value(_MARK.format(chart=1, marks=".mark-rect path"))
    browser.mouse("mouseWheel", x, y, deltaX=0, deltaY=-200, modifiers=2)
    _until(
        browser, f"JSON.stringify({_AXIS.format(chart=1)}) !== {json.dumps(json.dumps(before, separators=(',', ':')))}"
    )
    assert browser.said == []


def test_the_page_is_used_by_keyboard(browser: Browser, hostile: Path) -> None:
    browser.open(hostile)
    browser.key("/", "Slash")
    assert browser.value("document.activeElement.name") == "search"
    browser.call("Input.insertText", text="lookup_again")
    assert browser.value("document.getElementById('shown').textContent") == "1 of 11 cases"
    browser.value("document.querySelector('#rows button').focus()")
    browser.key("Enter", "Enter", "\r")
    assert browser.value("document.querySelectorAll('#rows .detail mark').length") == 2
    again = "document.querySelector('#rows .detail button[data-copy]')"
    assert browser.value(f"{again}.dataset.copy").endswith("lookup_again[6.12]/reproduce'")
    browser.value(f"{again}.focus()")
    browser.key("Enter", "Enter", "\r")
    _until(browser, f"['Copied', 'Press Ctrl+C'].includes({again}.textContent)")
    browser.value("document.querySelector('#filters button[type=reset]').focus()")
    browser.key("Enter", "Enter", "\r")
    _until(browser, "document.getElementById('shown').textContent === '11 cases'")
    assert browser.said == []


def test_pictures_of_a_hostile_trace_are_shown_and_run_nothing(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_bytes(page.render(dataclasses.replace(everything(""), traces=traced(tmp_path))))
    browser.open(file, width=1100, height=844)
    browser.value("vexlabCharts.then(() => 0)")
    browser.value("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    _until(browser, "[...document.querySelectorAll('img.flame')].every((each) => each.complete && each.naturalWidth)")
    assert browser.value("document.querySelectorAll('img.flame').length") == 2
    assert browser.value("document.title") == "FAILED · vexfs · vexlab"
    assert browser.said == []
    browser.value("document.getElementById('traces-title').scrollIntoView()")
    _picture(browser, "traces-1100-light")


def _until(browser: Browser, expression: str) -> None:
    until = time.monotonic() + 60
    while not browser.value(expression):
        assert time.monotonic() < until, expression
        time.sleep(0.05)


def test_ten_thousand_cases_answer_within_a_fifth_of_a_second(browser: Browser, tmp_path: Path) -> None:
    content = many(10_000)
    file = tmp_path / "report.html"
    file.write_bytes(page.render(content))
    browser.open(file)
    browser.value("vexlabCharts.then(() => 0)")
    took = {}
    for step, (name, value) in enumerate(_ASKED):
        before = browser.busy_ms()
        browser.value(_ASK.format(name=name, value=value))
        took[f"{step} {name} {value}"] = browser.busy_ms() - before
        chosen = {each: asked for each, asked in _so_far(step).items() if asked}
        wanted = sum(_fits(case, chosen) for case in content.cases)
        of = "" if wanted == len(content.cases) else " of 10000"
        assert browser.value("document.getElementById('shown').textContent") == f"{wanted}{of} cases", chosen
    browser.value("document.querySelector('#filters').reset()")
    _until(browser, "document.getElementById('shown').textContent === '10000 cases'")
    for step in range(10):  # rows come as one scrolls
        there = browser.value("document.querySelectorAll('#rows > tr').length")
        before = browser.busy_ms()
        browser.value("scrollTo(0, document.documentElement.scrollHeight)")
        _until(browser, f"document.querySelectorAll('#rows > tr').length > {there}")
        took[f"scroll {step}"] = browser.busy_ms() - before
    assert max(took.values()) < _MOST_MS, took
    assert browser.said == []
    browser.value("document.getElementById('cases').scrollIntoView()")
    _picture(browser, "many-1440-light")
    if os.environ.get("VEXLAB_PICTURES"):
        print(took)  # noqa: T201


def test_a_printed_page_has_its_excerpts_open_and_rows_enough(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_bytes(page.render(many(1000)))
    browser.open(file)
    browser.value("vexlabCharts.then(() => 0)")
    printed = base64.b64decode(browser.call("Page.printToPDF")["data"])
    assert printed.startswith(b"%PDF-")
    assert browser.value("document.querySelectorAll('#rows > tr').length") == 560
    assert browser.value("document.querySelectorAll('.problems details:not([open])').length") == 0
    assert browser.said == []
    if folder := os.environ.get("VEXLAB_PICTURES"):
        Path(folder, "printed.pdf").write_bytes(printed)
