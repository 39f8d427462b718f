"""Real Chromium over every page, from a recorded stream of events: no machine runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.unit.live.recorded import begun, info, record, rest, whole
from tests.unit.live.server import Client, serving
from tests.unit.reports.browser import Browser
from tests.unit.reports.chromium import chromium

from vexlab.cache import Cache, Kind, key_of
from vexlab.config import cache_dir, load_settings
from vexlab.results.journal import FILE, to_line
from vexlab.results.store import Store

pytestmark = pytest.mark.long

RUN, LIVE = info(1), info(2)
CASE = quote("kernel_module.load[6.1]")
PAGES = {
    "overview": "/", "runs": "/runs", "commits": "/commits", "run": f"/run?id={RUN.id}", "problems": "/problems",
    "case": f"/case?run={RUN.id}&id={CASE}", "trends": f"/trends?what={CASE}&days=3650", "live": f"/live/{LIVE.id}",
    "compare": f"/compare?before={RUN.id}&after={RUN.id}", "search": "/search?q=vexfs",
}  # fmt: skip
_AXE = "axe-core@4.10.2"


@cache
def axe() -> tuple[str, str]:
    """Return axe-core's source, or why it is not to be had; it is fetched by npm and never committed."""
    if not (npm := shutil.which("npm")):
        return "", "npm is not installed"

    def fetch(draft: Path) -> None:
        argv = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(draft), _AXE]
        subprocess.run(argv, check=True, capture_output=True, timeout=300)

    try:
        folder = Cache(cache_dir(load_settings(None))).make(Kind.TOOLS, key_of(_AXE), fetch)
    except subprocess.SubprocessError as error:
        return "", f"{_AXE} cannot be fetched: {error}"
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(), ""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program, why = chromium()
    if not program:
        pytest.skip(why)
    with Browser(program) as running:
        yield running


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with closing(Store(tmp_path_factory.mktemp("results"))) as made:
        whole(made, RUN)
        record(made, LIVE, begun(made.folder / LIVE.id, LIVE))
        yield made


@pytest.fixture(scope="module")
def client(store: Store) -> Iterator[Client]:
    with serving(store) as made:
        yield made


def wait(holds: Callable[[], object], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def show(browser: Browser, client: Client, path: str, *, width: int = 1440, dark: bool = False) -> None:
    """Go to a page and wait until it is there."""
    browser.said.clear()
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.call("Emulation.setEmulatedMedia", features=[scheme])
    address = f"http://127.0.0.1:{client.port}{path}"
    browser.call("Page.navigate", url=address)
    wait(lambda: browser.value("document.readyState") == "complete" and browser.value("location.href") == address)
    if path.startswith("/live/"):
        wait(lambda: browser.value("document.getElementById('state').textContent") != "connecting")


def picture(browser: Browser, name: str) -> None:
    if folder := os.environ.get("VEXLAB_PICTURES"):
        browser.picture(Path(folder, f"{name}.png"))


def shows(browser: Browser, seq: int) -> bool:
    """Whether the live page has come to the event ``seq``."""
    return bool(browser.value("Number(document.getElementById('live').dataset.seq)") == seq)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_error_and_fits_a_phone(browser: Browser, client: Client, name: str) -> None:
    for width, dark in ((1440, False), (390, True)):
        show(browser, client, PAGES[name], width=width, dark=dark)
        assert browser.said == []
        assert browser.value("document.documentElement.scrollWidth") <= width
        assert browser.value("document.querySelectorAll('img').length") == 0, "what a guest printed is no markup"
        picture(browser, f"{name}-{width}")
    colour = browser.value("getComputedStyle(document.body).backgroundColor")
    assert colour == "rgb(13, 17, 23)"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible(browser: Browser, client: Client, name: str) -> None:
    source, why = axe()
    if why:
        pytest.skip(why)
    for dark in (False, True):
        show(browser, client, PAGES[name], dark=dark)
        browser.call("Runtime.evaluate", expression=source)
        script = (
            "axe.run().then((found) => found.violations.filter((each) => ['serious', 'critical'].includes(each.impact))"
            ".map((each) => each.id + ': ' + each.nodes.map((node) => node.html).slice(0, 3).join(' | ')))"
        )
        assert browser.value(script) == []


def test_the_live_page_follows_within_a_second(browser: Browser, client: Client, store: Store) -> None:
    show(browser, client, PAGES["live"])
    assert browser.value("document.getElementById('progress').textContent").startswith("2 of 4 · 1 passed · 1 crashed")
    assert "cycle 3 of 20" in browser.value("document.getElementById('running').textContent")
    times = []
    events = rest(store.folder / LIVE.id, LIVE)
    with (store.folder / LIVE.id / FILE).open("ab", buffering=0) as file:
        for number, event in enumerate(events, 100):
            file.write(to_line(number, time.time(), event))
            begin = time.monotonic()
            wait(partial(shows, browser, number))
            times.append(time.monotonic() - begin)
    assert sorted(times)[1] < 1.0, times
    assert browser.value("document.getElementById('state').textContent") == "FAILED: the module is at fault"
    assert browser.said == []
    picture(browser, "live-over")


def test_the_keyboard_is_enough(browser: Browser, client: Client) -> None:
    show(browser, client, PAGES["run"])
    browser.key("Tab", "Tab")
    assert browser.value("document.activeElement.className") == "skip"
    browser.key("/", "Slash", "/")
    assert browser.value("document.activeElement.id") == "search"
    for letter in "load":
        browser.key(letter, f"Key{letter.upper()}", letter)
    browser.key("Enter", "Enter", "\r")
    wait(lambda: browser.value("location.pathname") == "/search")
    assert "kernel_module.load[6.1]" in browser.value("document.body.textContent")


def test_filters_narrow_the_cases_down(browser: Browser, client: Client) -> None:
    show(browser, client, PAGES["run"])
    rows = "document.querySelectorAll('section[aria-labelledby=cases-title] tbody tr').length"
    assert browser.value(rows) == 4
    browser.value("document.querySelector('select[name=verdict]').value = 'crashed'")
    browser.value("document.querySelector('.filters button').click()")
    wait(lambda: "verdict=crashed" in browser.value("location.search"))
    wait(lambda: browser.value("document.readyState") == "complete")
    assert browser.value(rows) == 1
