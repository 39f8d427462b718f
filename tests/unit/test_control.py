"""A case that is run again and again: what is said where that ends early."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.test_history import OOPS, result

from vexlab.config import load_settings
from vexlab.model.request import Request
from vexlab.session import control


def test_a_rerun_that_is_interrupted_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C during a rerun leaves its case without a result; that is not "there is no such case"."""
    stopped: list[bool] = []
    monkeypatch.setattr(control, "execute", lambda *_, **__: stopped.append(True))
    runs = control.Control(
        Request(), load_settings(None), tmp_path, say=lambda _: None, interrupted=lambda: bool(stopped)
    )
    trial = runs.again(result("a", OOPS), lambda _: False)
    assert (trial.unknown, trial.count.runs) == ("it was interrupted", 1)


def test_a_case_that_does_not_run_again_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "execute", lambda *_, **__: None)
    runs = control.Control(Request(), load_settings(None), tmp_path, say=lambda _: None)
    assert runs.again(result("a", OOPS), lambda _: False).unknown == "unknown: there is no such case"
