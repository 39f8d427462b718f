"""Logs of crashes really provoked on our own machines (``provoke.py``), and what must be read out of them.

Run with ``--update`` to write the answers of today beside the logs; read the difference before committing it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vexlab.classify import classify
from vexlab.model.report import Report

LOGS = sorted((Path(__file__).parent / "logs").glob("*.log"))


def answer(report: Report) -> dict[str, object]:
    """What is kept of a report: all that a reader relies on, nothing that a better stack parser may add to."""
    return {
        "title": report.title,
        "alt_titles": list(report.alt_titles),
        "type": report.type,
        "severity": report.severity.value,
        "frame": report.frame,
        "corrupted": report.corrupted,
        "in_target": report.in_target,
        "target_frame": report.target_frame,
        "task": report.task,
        "release": report.release,
        "taint": list(report.taint),
        "lines": [report.first_line, report.last_line],
        "follow_on": list(report.follow_on),
        "traces": [[trace.heading, [frame.function for frame in trace.frames][:6]] for trace in report.traces],
        "fingerprint": report.fingerprint,
    }


@pytest.mark.parametrize("log", LOGS, ids=lambda path: path.stem)
def test_log(log: Path, request: pytest.FixtureRequest) -> None:
    found = [answer(report) for report in classify(log.read_text(), target_modules=["crashes"])]
    expected = log.with_suffix(".json")
    if request.config.getoption("--update", default=False):
        expected.write_text(json.dumps(found, indent=1) + "\n")
    assert found == json.loads(expected.read_text())


@pytest.mark.parametrize("name", sorted({log.stem.partition("-")[2] for log in LOGS}))
def test_the_same_crash_has_one_fingerprint_on_all_kernels(name: str) -> None:
    logs = [log for log in LOGS if log.stem.partition("-")[2] == name]
    reports = [classify(log.read_text(), target_modules=["crashes"]) for log in logs]
    assert len({found[0].fingerprint for found in reports if found}) <= 1
