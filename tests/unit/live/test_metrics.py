"""Metrics are what the store says, again after a restart; a real Prometheus takes them, and its alerts arrive."""

from __future__ import annotations

import http.server
import importlib.util
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.unit.live.debian import monitoring
from tests.unit.live.recorded import begun, ended, info, planned, record, verdicts, whole
from tests.unit.live.server import serving

from vexlab import process
from vexlab.errors import InfraError
from vexlab.fuzz.crash import Mode
from vexlab.fuzz.folder import Asked, Folder
from vexlab.metrics.exporter import Exporter
from vexlab.metrics.names import OTHER, Labels
from vexlab.metrics.totals import Histogram
from vexlab.model.case import RunInfo, RunState
from vexlab.model.event import CaseFinished, RunStarted
from vexlab.model.metric import measured
from vexlab.model.verdict import Verdict
from vexlab.results.store import Store

RULES = Path(__file__).parents[3] / "infrastructure" / "monitoring"
PLACE = {"target": "vexfs", "domain": "kernel_module", "level": "1", "kernel": "6.1", "flavour": "distro"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "results")) as made:
        whole(made, info(1))
        yield made


@pytest.fixture
def programs() -> Path:
    found, why = monitoring()
    if why:
        pytest.skip(why)
    return found


@pytest.fixture
def bubblewrap() -> None:
    if not process.find("bwrap"):
        pytest.skip("bwrap is not installed")


def values(exporter: Exporter) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = exporter.render()[0].decode()
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {(each.name, tuple(sorted(each.labels.items()))): each.value for each in samples}


def value(exporter: Exporter, name: str, **labels: str) -> float:
    return values(exporter)[name, tuple(sorted(labels.items()))]


def test_counters_are_rebuilt_from_the_store_and_kept_up(store: Store) -> None:
    exporter = Exporter(store)
    exporter.look()
    for verdict, count in (("passed", 2), ("crashed", 1), ("skipped", 1)):
        assert value(exporter, "vexlab_cases_total", **PLACE, verdict=verdict) == count
    assert value(exporter, "vexlab_findings_total", target="vexfs", type="NULL-POINTER-DEREFERENCE") == 1
    assert value(exporter, "vexlab_last_run_failure_ratio", target="vexfs") == pytest.approx(1 / 3)
    assert value(exporter, "vexlab_module_load_seconds_count", target="vexfs") == 4
    assert value(exporter, "vexlab_module_load_seconds_bucket", target="vexfs", le="0.1") == 0
    whole(store, info(2))
    for _ in range(2):
        exporter.look()
    assert value(exporter, "vexlab_cases_total", **PLACE, verdict="passed") == 4
    again = Exporter(store)
    again.look()
    ours, anew = values(exporter), values(again)
    counted = [key for key in ours if key[0].startswith(("vexlab_cases_total", "vexlab_case_dur", "vexlab_find"))]
    assert counted
    assert {key: ours[key] for key in counted} == {key: anew[key] for key in counted}


def test_a_run_that_goes_on_is_counted_case_by_case(store: Store) -> None:
    run = info(3)
    record(store, run, begun(store.folder / run.id, run))
    exporter = Exporter(store)
    for _ in range(2):
        exporter.look()
    assert value(exporter, "vexlab_cases_total", **PLACE, verdict="passed") == 3
    assert value(exporter, "vexlab_runs_going") == 1
    assert value(exporter, "vexlab_cases_running") == 1
    assert value(exporter, "vexlab_cases_queued") == 1
    assert value(exporter, "vexlab_machines", state="gone") == 1, "its process is none"
    assert value(exporter, "vexlab_machine_ready_seconds_count") == 2
    assert value(exporter, "vexlab_component_up", component="store") == 1


def test_campaigns_of_fuzzing_are_counted(store: Store) -> None:
    folder = Folder(store.folder / "fuzz" / "it\n")
    with closing(folder):
        asked = Asked(mode=Mode.CALLS, target="vexfs", kernel="6.1", build_args=(), blind=False, seed=1)
        folder.save(replace(folder.begin(asked), seconds=60.0, programs=900, calls=7000, cover=120))
    (store.folder / "fuzz" / "torn").mkdir()
    (store.folder / "fuzz" / "torn" / "campaign.json").write_text("{")
    exporter = Exporter(store)
    labels = {"campaign": "it?", "mode": "calls", "target": "vexfs", "kernel": "6.1"}
    assert value(exporter, "vexlab_fuzz_programs_total", **labels) == 900
    assert value(exporter, "vexlab_fuzz_seconds_total", **labels) == 60
    assert value(exporter, "vexlab_fuzz_crashes", **labels) == 0
    assert value(exporter, "vexlab_fuzz_coverage_places", **labels) == 120


def test_what_a_label_may_say_is_bounded() -> None:
    labels = Labels({"target": 2})
    assert [labels.value("target", word) for word in ("a", "b", "c", "a")] == ["a", "b", OTHER, "a"]
    assert len(labels.value("domain", "x" * 1000)) == 64
    assert labels.value("kernel", "\x1b\n\u202e") == "???"


def test_a_histogram_is_cumulative() -> None:
    histogram = Histogram((1.0, 2.0))
    for each in (0.5, 1.0, 1.5, 99.0):
        histogram.add(each)
    assert histogram.cumulative() == [("1.0", 2.0), ("2.0", 3.0), ("+Inf", 4.0)]
    assert histogram.sum == 102.0


def test_the_textfile_is_whole(store: Store, tmp_path: Path) -> None:
    exporter = Exporter(store)
    exporter.look()
    exporter.write(tmp_path / "vexlab.prom")
    assert (tmp_path / "vexlab.prom").read_bytes().endswith(b"\n")
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["vexlab.prom"]


def test_a_pushgateway_takes_the_metrics(store: Store, programs: Path, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    exporter = Exporter(store)
    exporter.look()
    with pytest.raises(InfraError, match="did not take the metrics"):
        exporter.push(url, "vexlab")
    with running([str(programs / "prometheus-pushgateway"), f"--web.listen-address=127.0.0.1:{port}"], tmp_path):
        until(60, lambda: text_of(f"{url}/-/ready"))
        exporter.push(url, "nightly")
        kept = text_of(f"{url}/metrics")
    ended = [line for line in kept.splitlines() if line.startswith("vexlab_cases_total{")]
    assert ended
    assert all('job="nightly"' in line for line in ended)


def test_promtool_finds_no_fault_with_the_metrics(store: Store, programs: Path) -> None:
    exporter = Exporter(store)
    exporter.look()
    text = exporter.render()[0]
    done = process.run([str(programs / "promtool"), "check", "metrics"], timeout=120, input=text)
    assert (done.returncode, done.text + done.error_text) == (0, "")


def test_the_rules_do_what_their_tests_say(programs: Path) -> None:
    for words in (["check", "rules", "rules.yml"], ["test", "rules", "rules_test.yml"]):
        done = process.run([str(programs / "promtool"), *words], timeout=120, cwd=RULES)
        assert done.returncode == 0, done.text + done.error_text


@contextmanager
def receiver() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """Listen for webhooks; yield the address and what came: headers and body."""
    came: list[tuple[dict[str, str], bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.append((dict(self.headers.items()), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}/hook", came
    finally:
        listening.shutdown()
        listening.server_close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as made:
        return int(made.getsockname()[1])


@contextmanager
def running(argv: list[str], folder: Path) -> Iterator[None]:
    """Run a program while the context lasts."""
    with (folder / "log").open("wb") as log, subprocess.Popen(argv, cwd=folder, stdout=log, stderr=log) as child:
        try:
            yield
        finally:
            child.kill()


def with_templates(programs: Path) -> list[str]:
    """Return how to start Debian's Alertmanager, which wants its templates below /usr/share, without being root."""
    templates = programs.parent / "share" / "prometheus"
    place = "/usr/share/prometheus"
    return [
        process.require("bwrap"),
        "--die-with-parent",
        "--dev-bind",
        "/",
        "/",
        "--tmpfs",
        "/usr/share",
        "--ro-bind",
        str(templates),
        place,
    ]


def asked(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def text_of(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return str(answer.read(), "utf-8")


def until(seconds: float, holds: Any) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := holds():
                return found
        except OSError:
            pass
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds} s")


def dashboards() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dashboards", RULES / "dashboards.py")
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    sys.modules["dashboards"] = made
    spec.loader.exec_module(made)
    return made


def test_the_dashboards_are_those_that_are_described() -> None:
    pytest.importorskip("grafana_foundation_sdk")
    described = dashboards()
    files = {file.stem: file.read_text() for file in described.FOLDER.glob("*.json")}
    assert files == {name: described.render(name) for name in described.DASHBOARDS}
    for text in files.values():
        made = json.loads(text)
        assert len({panel["id"] for panel in made["panels"] if "id" in panel}) in (0, len(made["panels"]))
        assert all(panel["targets"][0]["expr"] for panel in made["panels"])


def test_the_dashboards_follow_grafanas_schema() -> None:
    """The types of Grafana's SDK, made of its schema, read every dashboard and lose nothing of it."""
    model = pytest.importorskip("grafana_foundation_sdk.models.dashboard")
    encoder = pytest.importorskip("grafana_foundation_sdk.cog.encoder").JSONEncoder()
    files = sorted((RULES / "grafana" / "dashboards").glob("*.json"))
    assert len(files) == 4
    for file in files:
        document = json.loads(file.read_text())
        assert json.loads(encoder.encode(model.Dashboard.from_json(document))) == document
        document["panels"][0]["unheard_of"] = 1
        assert json.loads(encoder.encode(model.Dashboard.from_json(document))) != document


@pytest.mark.long
def test_no_panel_of_a_dashboard_is_empty(store: Store, programs: Path, tmp_path: Path) -> None:
    measured_run(store, info(5))
    exporter = Exporter(store)
    exporter.look()
    with ExitStack() as stack:
        client = stack.enter_context(serving(store, metrics=exporter.render))
        port = free_port()
        (tmp_path / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            f"scrape_configs: [{{job_name: vexlab, static_configs: [{{targets: ['127.0.0.1:{client.port}']}}]}}]\n"
        )
        argv = [
            str(programs / "prometheus"), f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.path=data",
        ]  # fmt: skip
        (tmp_path / "prom").mkdir()
        stack.enter_context(running(argv, tmp_path / "prom"))
        for file in sorted((RULES / "grafana" / "dashboards").glob("*.json")):
            for panel in json.loads(file.read_text())["panels"]:
                query = urlencode({"query": panel["targets"][0]["expr"]})
                address = f"http://127.0.0.1:{port}/api/v1/query?{query}"
                found = until(120, lambda address=address: asked(address)["data"]["result"])
                assert all(each["value"][1] != "NaN" for each in found), (file.stem, panel["title"])


def measured_run(store: Store, run: RunInfo) -> None:
    """Write a run with every metric that cases record for dashboards."""
    metrics = tuple(
        measured(name, number)
        for name, number in (("load_s", 0.2), ("mount_s", 0.1), ("search_per_s", 50.0), ("create_ratio", 0.8))
    )
    folder = store.folder / run.id
    case = ended(planned("measured"), Verdict.PASSED, metrics=metrics)
    record(store, run, [RunStarted(run=run, folder=str(folder)), CaseFinished(run=run.id, case=case)])
    over = replace(run, finished=run.started, state=RunState.FINISHED)
    store.finish(over)


@pytest.mark.long
@pytest.mark.usefixtures("bubblewrap")
def test_alerts_reach_a_webhook_through_a_real_prometheus_and_alertmanager(
    store: Store, programs: Path, tmp_path: Path
) -> None:
    verdicts(store, info(4), [Verdict.PASSED] * 6 + [Verdict.CRASHED] * 4)
    exporter = Exporter(store)
    exporter.look()
    with ExitStack() as stack:
        url, came = stack.enter_context(receiver())
        client = stack.enter_context(serving(store, metrics=exporter.render))
        manager, prometheus = free_port(), free_port()
        (tmp_path / "alertmanager.yml").write_text(
            "route: {receiver: w, group_wait: 0s, group_by: [alertname]}\n"
            f"receivers: [{{name: w, webhook_configs: [{{url: '{url}'}}]}}]\n"
        )
        (tmp_path / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            f"rule_files: ['{RULES / 'rules.yml'}']\n"
            f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{manager}']}}]}}]}}\n"
            f"scrape_configs: [{{job_name: vexlab, static_configs: [{{targets: ['127.0.0.1:{client.port}']}}]}}]\n"
        )
        for name, argv in (
            ("am", [
                *with_templates(programs), str(programs / "prometheus-alertmanager"),
                f"--config.file={tmp_path / 'alertmanager.yml'}",
                f"--web.listen-address=127.0.0.1:{manager}", "--cluster.listen-address=", "--storage.path=data",
            ]),
            ("prom", [
                str(programs / "prometheus"), f"--config.file={tmp_path / 'prometheus.yml'}",
                f"--web.listen-address=127.0.0.1:{prometheus}", "--storage.tsdb.path=data",
            ]),
        ):  # fmt: skip
            (tmp_path / name).mkdir()
            stack.enter_context(running(argv, tmp_path / name))
        api = f"http://127.0.0.1:{prometheus}/api/v1"
        found = until(120, lambda: asked(f"{api}/query?query=vexlab_last_run_failure_ratio")["data"]["result"])
        assert float(found[0]["value"][1]) == 0.4
        bodies = until(120, lambda: [json.loads(body) for _, body in came])
        alerts = [alert for body in bodies for alert in body["alerts"]]
        said = {alert["labels"]["alertname"]: alert["annotations"]["summary"] for alert in alerts}
        assert said["VexlabHighFailureRate"] == "vexfs: 40% of the decided cases of the newest run failed"
