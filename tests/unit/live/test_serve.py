"""Every page answers, and nothing that a guest, a stranger or another site sends does any harm."""

from __future__ import annotations

import contextlib
import html
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from tests.unit.live.recorded import HOSTILE, PLAN, begun, info, record, rest, verdicts, whole
from tests.unit.live.server import Client, serving

from vexlab.errors import UsageError
from vexlab.model.verdict import Verdict
from vexlab.results.journal import FILE, to_line
from vexlab.results.store import Store
from vexlab.serve import server as limits
from vexlab.serve.data import Data
from vexlab.serve.guard import Access, access
from vexlab.serve.overview import Point, rows_of, sparkline
from vexlab.serve.pages import Pages

RUN, LIVE = info(1), info(2)
CASE = "kernel_module.load[6.1]"
TOKEN = "0123456789abcdef0123"
PAGES = (
    "/", "/runs", "/commits", f"/run?id={RUN.id}", f"/run?id={LIVE.id}", "/run", f"/case?run={RUN.id}&id={quote(CASE)}",
    "/problems", "/trends", f"/trends?what={quote(CASE)}&days=3650", "/compare",
    f"/compare?before={RUN.id}&after={RUN.id}", "/search?q=vexfs", "/search?q=BUG", "/search", "/live",
    f"/live/{LIVE.id}", "/healthz",
)  # fmt: skip
HOST = "Host: localhost\r\n"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with closing(Store(tmp_path_factory.mktemp("results"))) as made:
        folder = whole(made, RUN) / "cases" / "load"
        folder.mkdir(parents=True)
        (folder / "console.log").write_text(f"[1.0] {HOSTILE}\n")
        (folder / "page.html").write_text("<script>alert(1)</script>")
        (folder / "memory.bin").write_bytes(b"\0\1\2")
        (folder / "secret").symlink_to("/etc/passwd")
        (folder / "deep").mkdir()
        (folder / "deep" / "finding-1.txt").write_text("deep")
        record(made, LIVE, begun(made.folder / LIVE.id, LIVE))
        yield made


@pytest.fixture(scope="module")
def client(store: Store) -> Iterator[Client]:
    with serving(store) as made:
        yield made


class Tags(HTMLParser):
    """Collects the elements of a page and whatever would run a script."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.handlers: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers_and_is_safe(client: Client, path: str) -> None:
    answer = client.ask(path)
    assert answer.status == 200, answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "server" not in answer.headers
    tags = Tags()
    tags.feed(answer.text)
    assert not tags.handlers
    assert "img" not in tags.names
    assert tags.names.count("script") <= 1
    assert not [link for link in tags.links if not link.startswith(("/", "#"))]
    assert not set("\x1b\x07\u202e") & set(answer.text)


def test_what_a_guest_printed_is_shown_as_text(client: Client) -> None:
    text = client.ask(f"/case?run={RUN.id}&id={quote(CASE)}").text
    assert html.escape("<img src=x onerror=alert(1)></script>", quote=False) in text
    assert "<img" not in text


@pytest.mark.parametrize("path", ["/nothing", f"/run?id={quote('<script>')}", "/case?run=x&id=y", "/problem?key=x"])
def test_what_is_not_there_is_told_without_repeating_markup(client: Client, path: str) -> None:
    answer = client.ask(path)
    assert answer.status == 404
    assert "<script>" not in answer.text.replace('<script src="/static/live.js" defer></script>', "")


def artifact_links(client: Client) -> dict[str, str]:
    text = client.ask(f"/case?run={RUN.id}&id={quote(CASE)}").text
    found = re.findall(r'<a href="(/artifact[^"]+)">([^<]+)</a>', text)
    return {name: html.unescape(link) for link, name in found}


def test_evidence_is_text_or_an_attachment(client: Client) -> None:
    links = artifact_links(client)
    assert sorted(links) == ["console.log", "deep/finding-1.txt", "memory.bin", "page.html"], "no link is evidence"
    page = client.ask(links["page.html"])
    assert page.headers["content-type"] == "text/plain; charset=utf-8"
    assert "sandbox" in page.headers["content-security-policy"]
    assert page.body == b"<script>alert(1)</script>"
    binary = client.ask(links["memory.bin"])
    assert binary.headers["content-disposition"].startswith("attachment")
    assert binary.headers["content-type"] == "application/octet-stream"
    assert client.ask(links["deep/finding-1.txt"]).body == b"deep"


@pytest.mark.parametrize(
    "id_",
    ["../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "/etc/passwd", "secret", "console.log", "", "%00", "a" * 24],
)
def test_no_path_reaches_the_file_system(client: Client, id_: str) -> None:
    assert client.ask(f"/artifact?run={RUN.id}&case={quote(CASE)}&id={id_}").status == 404


@pytest.mark.parametrize(
    "path", ["/static/../../etc/passwd", "/static/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/live/..%2f..%2fx/events"]
)
def test_addresses_lead_nowhere_else(client: Client, path: str) -> None:
    answer = client.ask(path)
    assert answer.status == 404
    assert "root:" not in answer.text


def test_evidence_is_only_taken_from_the_run_of_the_case(store: Store, tmp_path: Path) -> None:
    """The folder that a result notes is anybody's word: its name counts, in the run's own folder, and no link."""
    pages = Pages(Data(store))
    assert pages.evidence(RUN.id, "/elsewhere/load") == store.folder / RUN.id / "cases" / "load"
    (tmp_path / "stolen").mkdir()
    link = store.folder / RUN.id / "cases" / "stolen"
    link.symlink_to(tmp_path / "stolen")
    for noted in (str(tmp_path / "stolen"), "..", "/", "", "load/../../..", "/etc"):
        assert pages.evidence(RUN.id, noted) is None


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8642", "127.0.0.1.evil.example", "", "localhost@evil"])
def test_another_name_for_this_machine_is_refused(client: Client, host: str) -> None:
    """A page of another site whose DNS points here (rebinding) reads nothing."""
    answer = client.ask("/", Host=host)
    assert answer.status in (400, 421)
    assert b"Overview" not in answer.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_can_be_changed(client: Client, method: str) -> None:
    for path in ("/", f"/run?id={RUN.id}", "/metrics"):
        assert client.ask(path, method, b"x=1" if method == "POST" else b"").status == 405


@pytest.fixture
def closed(store: Store) -> Iterator[Client]:
    with serving(store, Access(hosts=frozenset({"localhost", "127.0.0.1"}), token=TOKEN)) as made:
        yield made


def login(client: Client, token: str, **headers: str) -> object:
    return client.ask(
        "/login", "POST", urlencode({"token": token}).encode(),
        Content_Type="application/x-www-form-urlencoded", **headers,
    )  # fmt: skip


def test_a_token_is_asked_for(closed: Client) -> None:
    assert closed.ask("/").status == 401
    assert closed.ask("/metrics").status == 401
    assert closed.ask(f"/live/{LIVE.id}/events").status == 401
    browser = closed.ask("/", Accept="text/html")
    assert (browser.status, browser.headers["location"]) == (303, "/login")
    assert closed.ask("/", Authorization=f"Bearer {TOKEN}").status == 200
    for wrong in (f"Bearer {TOKEN}x", "Bearer ", "Basic x", f"Bearer {TOKEN[:-1]}", "Bearer \xe9"):
        assert closed.ask("/", Authorization=wrong).status == 401
    assert closed.ask("/?token=" + TOKEN).status == 401, "an address is written into histories and logs"


def test_the_cookie_is_no_token_and_scripts_cannot_read_it(closed: Client) -> None:
    answer = login(closed, TOKEN)
    cookie = answer.headers["set-cookie"]  # type: ignore[attr-defined]
    assert TOKEN not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    value = cookie.partition(";")[0]
    assert closed.ask("/", Cookie=value).status == 200
    assert closed.ask("/", Cookie=value + "0").status == 401
    assert closed.ask("/", Cookie="vexlab=").status == 401


def test_a_wrong_token_and_a_form_of_another_site_are_refused(closed: Client) -> None:
    assert login(closed, "x" * 20).status == 403  # type: ignore[attr-defined]
    assert login(closed, "").status == 403  # type: ignore[attr-defined]
    for headers in ({"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}, {"Origin": "null"}):
        assert login(closed, TOKEN, **headers).status == 403  # type: ignore[attr-defined]
    assert closed.ask("/login", "POST", b"token=" + b"x" * 10_000).status == 403


@pytest.mark.parametrize(
    ("address", "token", "tls", "plain", "words"),
    [
        ("0.0.0.0", "", False, False, "needs a token"),
        ("0.0.0.0", "", True, False, "needs a token"),
        ("192.0.2.1", TOKEN, False, False, "needs TLS"),
        ("::", TOKEN, False, False, "needs TLS"),
        ("127.0.0.1", "short", False, False, "shorter than"),
    ],
)
def test_elsewhere_needs_token_and_tls(address: str, token: str, tls: bool, plain: bool, words: str) -> None:  # noqa: FBT001
    with pytest.raises(UsageError, match=words):
        access(address, (), token, tls=tls, plain=plain)


def test_names_by_which_it_is_reached() -> None:
    made = access("192.0.2.1", ("lab.example",), TOKEN, tls=True, plain=False)
    assert all(made.knows(host) for host in ("lab.example", "LAB.example:8642", "192.0.2.1:1", "localhost", "[::1]:8"))
    assert not any(made.knows(host) for host in ("evil", "0.0.0.0", "", "lab.example.evil"))


def states(stream: socket.socket, number: int) -> list[dict[str, object]]:
    """Return the next states of a stream."""
    found: list[dict[str, object]] = []
    buffer = b""
    while len(found) < number:
        data = stream.recv(1 << 16)
        assert data, buffer
        buffer += data
        *whole_lines, buffer = buffer.split(b"\n")
        found += [json.loads(line[6:]) for line in whole_lines if line.startswith(b"data: {")]
    return found


def test_a_stream_shows_the_run_as_it_is(client: Client) -> None:
    with closing(client.stream(LIVE.id)) as stream:
        (state,) = states(stream, 1)
    assert (state["total"], state["done"], state["counts"]) == (4, 2, {"passed": 1, "crashed": 1})
    running = state["running"][0]  # type: ignore[index]
    assert (running["case"], running["step"]) == ("kernel_module.stress[6.1]", "cycle 3 of 20")


def test_an_event_comes_at_once_and_the_end_closes_the_stream(tmp_path: Path) -> None:
    with ExitStack() as stack:
        store = stack.enter_context(closing(Store(tmp_path)))
        folder = record(store, LIVE, begun(tmp_path / LIVE.id, LIVE))
        client = stack.enter_context(serving(store))
        stream = stack.enter_context(closing(client.stream(LIVE.id)))
        states(stream, 1)
        record_more(folder)
        while states(stream, 1)[0]["headline"] != "FAILED: the module is at fault":
            pass
        assert b"data" not in stream.recv(1 << 16)


def record_more(folder: Path) -> None:
    """Go on with a run in the same journal."""
    with (folder / FILE).open("ab") as file:
        for number, event in enumerate(rest(folder, LIVE), 100):
            file.write(to_line(number, time.time(), event))


def test_two_hundred_streams_leave_pages_as_quick(client: Client) -> None:
    with ExitStack() as stack:
        streams = [stack.enter_context(closing(client.stream(LIVE.id))) for _ in range(200)]
        assert all(states(each, 1) for each in streams)
        before = time.monotonic()
        assert client.ask("/healthz").status == 200
        assert time.monotonic() - before < 10
    until = time.monotonic() + 60
    while client.ask("/healthz").status != 200:
        assert time.monotonic() < until


def test_who_sends_a_request_slowly_is_let_go(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REQUEST_S", 0.3)
    for head in (b"", b"GET / HT", f"GET /healthz HTTP/1.1\r\n{HOST}X-".encode()):
        with closing(client.raw(head)) as slow:
            assert slow.recv(100) in (b"",)
    assert client.ask("/healthz").status == 200


def test_a_head_without_end_is_refused(client: Client) -> None:
    head = f"GET / HTTP/1.1\r\n{HOST}X: ".encode() + b"x" * 200_000
    with closing(client.raw(head)) as stream, contextlib.suppress(ConnectionError):
        assert b" 400 " in stream.recv(100)


def test_filters_and_pages_of_a_run(client: Client) -> None:
    text = client.ask(f"/run?id={RUN.id}&verdict=crashed").text
    assert CASE in text
    assert "kernel_module.build[6.1]" not in text.partition("<tbody>")[2]
    assert "no case fits" in client.ask(f"/run?id={RUN.id}&q=nothing").text
    assert "kernel_module.build" not in client.ask(f"/run?id={RUN.id}&start=3").text.partition("<tbody>")[2]
    assert client.ask(f"/run?id={RUN.id}&start=-1").status == 200


def test_a_problem_tells_where_it_was_seen(client: Client) -> None:
    text = client.ask("/problems").text
    (link,) = re.findall(r'href="(/problem\?[^"]+)"', text)
    page = client.ask(html.unescape(link)).text
    assert "seen in 1 run; the newest run shows it" in page
    assert CASE in page


def test_the_overview_tells_since_when_it_is_red_and_whether_it_is_the_same_error(tmp_path: Path) -> None:
    passed, crashed = Verdict.PASSED, Verdict.CRASHED
    with closing(Store(tmp_path)) as store:
        for number, found in enumerate([(passed,), (passed, crashed), (passed, crashed)], 1):
            verdicts(store, info(number), found)
        data = Data(store)
        (row,) = rows_of("vexfs", data.sums(data.runs(target="vexfs")), data.problem_keys)
    assert (row.red_runs, row.failing, row.error) == (2, info(2).id, "same")
    assert [point.passed for point in row.trend] == [1.0, 0.5, 0.5]
    assert row.last.worst is crashed


def test_the_sums_of_a_finished_run_are_read_once(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        whole(store, RUN)
        data = Data(store)
        first = data.sums(data.runs())
        assert data.sums(data.runs())[0] is first[0]
        assert first[0].word == "red"
        assert first[0].counts[Verdict.PASSED] == 2


def test_a_sparkline_stays_in_its_box() -> None:
    points = [Point(run="r", passed=rate, red=rate < 1) for rate in (0.0, 1.0, 0.5)] + [
        Point(run="r", passed=None, red=False)
    ]
    found = sparkline(points)
    assert [(0 <= x <= 120 and 0 <= y <= 24) for x, y, _ in found] == [True] * 3
    assert found[0][1] > found[1][1]


def test_the_case_of_another_run_is_not_shown(client: Client) -> None:
    assert client.ask(f"/case?run={LIVE.id}&id={quote('kernel_module.unload[6.1]')}").status == 404
    assert PLAN[3].id == "kernel_module.unload[6.1]"
