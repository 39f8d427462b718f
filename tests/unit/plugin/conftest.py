"""A pytest session of vexlab's plugin over cases that a test writes down, in a lab that boots nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

_ROOT = Path(__file__).parents[3]
_LAB = """
from pathlib import Path
import pytest
from tests.unit.plugin.fake import FakeLab
from vexlab.plugin.options import LAB, settings_of

def pytest_configure(config):
    config.stash[LAB] = FakeLab(settings_of(config), Path(__file__).parent)
"""
_TARGET = """
name = "evil"
fstype = "evilfs"
module = "evil"
source = "src"
"""
_SOON = "[run]\nsettle_s = 0\n"
HEAD = """
import os, time
import pytest
from vexlab.errors import Blocked
"""


@dataclass(frozen=True)
class Ran:
    """How a session ended: pytest's status, each case's result by its id, the folder of its evidence."""

    status: int
    cases: dict[str, dict[str, Any]]
    results: Path
    said: str

    def case(self, name: str) -> dict[str, Any]:
        (found,) = (case for case_id, case in self.cases.items() if f".{name}" in case_id)
        return found

    @property
    def machines(self) -> list[Path]:
        return sorted(self.results.parent.glob("machine-*"))

    def evidence(self, name: str) -> Path:
        return Path(self.case(name)["evidence"])


class Run(Protocol):
    """Runs cases that stand in a text."""

    def __call__(self, cases: str, *options: str, settings: str = "", folder: str = "own") -> Ran: ...


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs cases in a fake lab, in a process of its own: the plugin has timers and signals."""
    monkeypatch.setenv("PYTHONPATH", f"{_ROOT}:{_ROOT / 'src'}")
    pytester.makeconftest(_LAB)
    (pytester.path / "target.toml").write_text(_TARGET)
    (pytester.path / "src").mkdir()
    results = pytester.path / "results"
    results.mkdir()

    def call(cases: str, *options: str, settings: str = "", folder: str = "own") -> Ran:
        (pytester.path / folder).mkdir(exist_ok=True)
        (pytester.path / folder / "test_it.py").write_text(HEAD + cases)
        (pytester.path / "vexlab.toml").write_text(settings or _SOON)
        done = pytester.runpytest_subprocess(
            "-p", "vexlab.plugin", "-p", "no:cacheprovider", "-p", "no:xdist", "--vexlab-target", "target.toml",
            f"--vexlab-results={results}", *options,
        )  # fmt: skip
        decoded = [json.loads(file.read_text()) for file in results.glob("cases/*/case.json")]
        named = {f"{each['key']['domain']}.{each['key']['name']}[{each['key']['kernel']}]": each for each in decoded}
        return Ran(status=int(done.ret), cases=named, results=results, said="\n".join(done.outlines + done.errlines))

    return call
