"""Rules over a run: each fires once, what they send is signed, and neither a receiver nor a log learns a secret."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.unit.live.recorded import HOSTILE, T0, begun, info, rest

from vexlab.alerts.conditions import FACTS, Alert, Rules, Situation, understood
from vexlab.alerts.watch import DEFAULTS, Alerter, alerter, read_yaml
from vexlab.alerts.webhook import SIGNATURE, Webhook, generic, slack
from vexlab.config import AlertRule, Alerts, load_settings
from vexlab.errors import InfraError, UsageError
from vexlab.live.host import HostUse
from vexlab.live.state import LiveRun
from vexlab.model.verdict import Verdict
from vexlab.results.store import Store

# As the requirement documents have it.
YAML = """\
# Example alert configuration
alerts:
  enabled: true
  webhook_url: "https://hooks.slack.com/services/..."
  rules:
    - name: "High Failure Rate"
      condition: "failure_rate > 0.1"
      severity: "warning"
    - name: "System Hang Detected"
      condition: "test_timeout"
      severity: "critical"
"""
RULE = AlertRule(name="Crash", condition="crashed", severity="critical")


@dataclass
class Receiver:
    """Answers with each of ``answers`` in turn, the last for ever; keeps what came."""

    answers: list[int] = field(default_factory=lambda: [200])
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    state = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            state.came.append((dict(self.headers.items()), self.rfile.read(int(self.headers["Content-Length"]))))
            status = state.answers.pop(0) if len(state.answers) > 1 else state.answers[0]
            self.send_response(status)
            if status == 302:
                self.send_header("Location", state.url + "elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{listening.server_port}/T0KEN/in/the/path"
    yield state
    listening.shutdown()
    listening.server_close()


def waited(_seconds: float) -> None:
    """Wait for nothing."""


ALERT = Alert(rule=RULE, run="r", target=f"t {HOSTILE}", value=2.0, firing=True)


def test_what_the_requirement_documents_write_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "alerts.yml"
    file.write_text(YAML)
    alerts = read_yaml(file)
    assert alerts.rules == DEFAULTS[:2]
    assert Rules(alerts.rules)
    assert alerts.webhook_url == "https://hooks.slack.com/services/..."


def test_settings_have_it_too(tmp_path: Path) -> None:
    file = tmp_path / "vexlab.toml"
    file.write_text(
        '[alerts]\nwebhook_url = "https://x.example/h"\nformat = "slack"\n'
        '[[alerts.rules]]\nname = "Crash"\ncondition = "crashed"\nseverity = "critical"\n'
    )
    assert load_settings(file).alerts == Alerts(webhook_url="https://x.example/h", format="slack", rules=(RULE,))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("alerts: []", "no mapping"),
        ("alerts: {rool: 1}", "unknown key `rool`"),
        ("a: [", "cannot be read"),
        ("", "no map"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "alerts.yml"
    file.write_text(text)
    with pytest.raises(UsageError, match=words):
        read_yaml(file)


@pytest.mark.parametrize(
    "words", ["", "failure_rat > 0.1", "failure_rate > ", "failure_rate > 0.1 or crashed", "__import__('os')", "1 > 0"]
)
def test_a_condition_that_says_nothing_is_refused(words: str) -> None:
    with pytest.raises(UsageError):
        understood(words)


def test_every_fact_can_be_asked(tmp_path: Path) -> None:
    assert all(
        not understood(name).holds(Situation(run=LiveRun())) for name in FACTS if name not in ("free_ratio", "pace")
    )


def test_conditions_hold_of_what_they_name() -> None:
    run = LiveRun()
    run.counts.update({Verdict.PASSED: 8, Verdict.CRASHED: 1})
    full = HostUse(cores=1, cpu=0, load=0, memory=100, memory_free=4, swap_used=0, disk=100, disk_free=50)
    now = Situation(run=run, host=full, pace=2.5)
    held = {name for name in FACTS if understood(name).holds(now)}
    assert held >= {"failure_rate", "crashed", "resource_exhaustion", "performance_degradation", "pace"}
    assert held.isdisjoint({"test_timeout", "machines_lost", "component_failure", "errors", "failed"})
    assert understood("failure_rate > 0.1").holds(now)
    assert not understood("failure_rate > 0.2").holds(now)
    assert understood("free_ratio < 0.05").holds(now)


def test_a_rule_fires_once_and_ends() -> None:
    run = LiveRun()
    rules = Rules([AlertRule(name="Rate", condition="failure_rate > 0.1")])
    run.counts.update({Verdict.PASSED: 4, Verdict.FAILED: 1})
    assert [each.firing for each in rules.changes(Situation(run=run))] == [True]
    assert rules.changes(Situation(run=run)) == ()
    run.counts.update({Verdict.PASSED: 45})
    assert [each.firing for each in rules.changes(Situation(run=run))] == [False]


def test_payloads() -> None:
    plain = generic(ALERT, T0)
    assert (plain["status"], plain["name"], plain["value"], plain["severity"]) == ("firing", "Crash", 2.0, "critical")
    said = slack(ALERT, T0)
    assert said["text"].startswith("[firing] Crash: t &lt;img src=x")
    assert not set("<>\x1b\u202e") & set(said["text"])
    assert said["attachments"][0]["fields"][0]["value"] == "critical"


def test_what_arrives_is_signed(receiver: Receiver) -> None:
    Webhook(receiver.url, secret="s3cret").send(ALERT)
    ((headers, body),) = receiver.came
    fields = dict(part.split("=") for part in headers[SIGNATURE].split(","))
    expected = hmac.new(b"s3cret", fields["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(fields["v1"], expected)
    assert json.loads(body)["run"] == "r"
    assert b"s3cret" not in body


def test_it_is_tried_again_where_that_is_of_use(receiver: Receiver) -> None:
    receiver.answers = [503, 429, 200]
    waits: list[float] = []
    Webhook(receiver.url, wait=waits.append).send(ALERT)
    assert len(receiver.came) == 3
    assert waits == [1.0, 4.0]


@pytest.mark.parametrize(("status", "tries"), [(500, 4), (404, 1), (302, 1)])
def test_what_does_not_arrive_is_told_without_the_address(
    receiver: Receiver, status: int, tries: int, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers = [status]
    caplog.set_level(logging.DEBUG)
    with pytest.raises(InfraError) as caught:
        Webhook(receiver.url, secret="s3cret", wait=waited).send(ALERT)
    assert len(receiver.came) == tries
    told = caught.value.message + caught.value.hint + caplog.text
    assert f"status {status}" in told
    assert "T0KEN" not in told
    assert "s3cret" not in told


def test_nobody_listens_is_told() -> None:
    with pytest.raises(InfraError, match=r"did not reach 127\.0\.0\.1"):
        Webhook("http://127.0.0.1:1/T0KEN", wait=waited).send(ALERT)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "x", "http://"])
def test_only_webhooks_are_addressed(url: str) -> None:
    with pytest.raises(UsageError, match="no address"):
        Webhook(url)


def test_a_run_alerts_as_it_goes_on(receiver: Receiver, tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        made = alerter(Alerts(webhook_url=receiver.url, rules=(RULE,)), store)
        assert isinstance(made, Alerter)
        run = info()
        for event in [*begun(tmp_path, run), *rest(tmp_path, run)]:
            made.take(event)
    ((_, body),) = receiver.came
    assert (json.loads(body)["name"], json.loads(body)["run"]) == ("Crash", run.id)


def test_without_an_address_nobody_is_told(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        assert alerter(Alerts(), store) is None
        assert alerter(Alerts(enabled=False, webhook_url="https://x.example"), store) is None
        with pytest.raises(UsageError):
            alerter(Alerts(rules=(AlertRule(name="x", condition="nonsense"),)), store)
