"""The subscriber that alerts: it listens to a run, and a thread of its own delivers, so that no run waits for it."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from vexlab.alerts.conditions import Alert, Rules, Situation
from vexlab.alerts.webhook import Webhook
from vexlab.config import AlertRule, Alerts
from vexlab.errors import InfraError, UsageError, VexlabError
from vexlab.live.estimate import history_of, pace
from vexlab.live.host import HostUse, HostWatch
from vexlab.live.state import LiveRun
from vexlab.model.event import CaseFinished, Event, FindingSeen, RunFinished, RunStarted
from vexlab.results.journal import Entry
from vexlab.results.store import Store
from vexlab.tables import decode

_VARIABLE = "VEXLAB_ALERTS_WEBHOOK"
_SECRET = "VEXLAB_ALERTS_SECRET"  # noqa: S105 - the name of a variable
_LAST_S = 30.0
_YAML_MOST = 1 << 20
_LOOK_S = 10.0
# What is watched for where the settings name no rule.
DEFAULTS = (
    AlertRule(name="High Failure Rate", condition="failure_rate > 0.1", severity="warning"),
    AlertRule(name="System Hang Detected", condition="test_timeout", severity="critical"),
    AlertRule(name="Machine Lost", condition="machines_lost", severity="critical"),
    AlertRule(name="Resource Exhaustion", condition="resource_exhaustion", severity="critical"),
    AlertRule(name="Component Failure", condition="component_failure", severity="warning"),
    AlertRule(name="Performance Degradation", condition="performance_degradation", severity="warning"),
)


class Alerter:
    """Evaluates rules as events come. ``take`` never waits, but for the last deliveries at the end of a run."""

    def __init__(self, store: Store, rules: Rules, webhook: Webhook) -> None:
        self._store = store
        self._rules = rules
        self._webhook = webhook
        self._run = LiveRun()
        self._seq = 0
        self._history: Mapping[str, float] = {}
        self._host = HostWatch(store.folder)
        self._use: HostUse | None = None
        self._looked = 0.0
        self._waiting: queue.Queue[Alert | None] = queue.Queue(maxsize=1000)
        self._failed: list[str] = []
        self._thread: threading.Thread | None = None

    def take(self, event: Event) -> None:
        """Take note of an event; raise ``InfraError`` at the end where alerts did not reach their receiver."""
        self._seq += 1
        self._run.take(Entry(seq=self._seq, at=time.time(), event=event))
        if isinstance(event, RunStarted):
            self._history = history_of(self._store, event.run)
        if isinstance(event, (CaseFinished, FindingSeen, RunFinished)):
            self._evaluate()
        if isinstance(event, RunFinished):
            self._finish()

    def _evaluate(self) -> None:
        if time.monotonic() - self._looked > _LOOK_S:
            self._looked = time.monotonic()
            self._use = self._host.look()
        now = Situation(run=self._run, host=self._use, pace=pace(self._run, self._history))
        for alert in self._rules.changes(now):
            if self._thread is None:
                self._thread = threading.Thread(target=self._deliver, name="vexlab-alerts", daemon=True)
                self._thread.start()
            self._waiting.put_nowait(alert)

    def _deliver(self) -> None:
        while (alert := self._waiting.get()) is not None:
            try:
                self._webhook.send(alert)
            except VexlabError as error:
                self._failed.append(error.message)

    def _finish(self) -> None:
        if self._thread is None:
            return
        self._waiting.put(None)
        self._thread.join(_LAST_S)
        if self._thread.is_alive():
            self._failed.append(f"alerts did not reach {self._webhook.host} within {_LAST_S:g} s of the run's end")
        if self._failed:
            raise InfraError(f"{self._failed[0]}" + (f" ({len(self._failed)} alerts)" if self._failed[1:] else ""))


def alerter(settings: Alerts, store: Store) -> Alerter | None:
    """Return who alerts as the settings say, ``None`` where nobody is to be told; raise ``UsageError``."""
    if settings.file:
        settings = read_yaml(Path(settings.file))
    url = os.environ.get(_VARIABLE) or settings.webhook_url
    rules = Rules(settings.rules or DEFAULTS)
    if not settings.enabled or not url:
        return None
    return Alerter(store, rules, Webhook(url, settings.format, _secret(settings)))


def read_yaml(file: Path) -> Alerts:
    """Return what a YAML file says under ``alerts``; raise ``UsageError``."""
    try:
        import yaml  # an extra: who writes TOML need not have it
    except ImportError as error:
        raise UsageError("alerts in YAML need PyYAML, which is not installed", hint="pip install pyyaml") from error
    try:
        data = file.read_bytes()[: _YAML_MOST + 1]
        table = yaml.safe_load(data)
    except (OSError, yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    if len(data) > _YAML_MOST or not isinstance(table, dict) or not isinstance(table.get("alerts"), dict):
        raise UsageError(f"{file} has no mapping `alerts`")
    return decode(table["alerts"], Alerts, source=str(file))


def _secret(settings: Alerts) -> str:
    if secret := os.environ.get(_SECRET):
        return secret
    if not settings.secret_file:
        return ""
    try:
        return Path(settings.secret_file).read_text().strip()
    except OSError as error:
        raise UsageError(f"[alerts] secret_file cannot be read: {error}") from error
