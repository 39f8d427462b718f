"""Where a target trusts images, what crafted ones do is listed with its findings, and turns nothing red."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from vexlab.domains import FOLDER
from vexlab.errors import UsageError
from vexlab.model.case import CaseResult, RunInfo, RunResult, RunState, Summary
from vexlab.model.key import CaseKey
from vexlab.model.problem import distinct
from vexlab.model.verdict import NOT_COUNTED, Verdict
from vexlab.report.terminal import Progress
from vexlab.targets.load import load_target

TARGET = 'name = "thing"\nfstype = "thingfs"\n'

# Cases as they are judged when they ran in a machine; what a machine would have said is put in by hand.
CONFTEST = """
import json
from types import SimpleNamespace

import pytest

import vexlab.plugin.verdict as verdict
from vexlab.model.report import Severity
from vexlab.model.verdict import Finding
from vexlab.plugin.recorder import Recorder, recorder_of

verdict.write_evidence = lambda *_: None
Recorder.findings = property(lambda self: getattr(self, "said", []))


@pytest.fixture(autouse=True)
def _machine(request, target):
    recorder_of(request.node).order = SimpleNamespace(
        target=target, kernel=None, artifact=SimpleNamespace(path=None)
    )
    recorder_of(request.node).looked = True


@pytest.fixture
def kernel_dies(request):
    recorder_of(request.node).said = [Finding(title="T", type="BUG", severity=Severity.CRASH)]


@pytest.fixture
def broken():
    raise AssertionError("the set-up fails")


def pytest_runtest_logreport(report):
    if found := getattr(report, "vexlab_case", None):
        with open("RESULTS", "a") as file:
            words = [found["key"]["name"], found["verdict"], found["reason"], len(found["findings"]), report.outcome]
            file.write(json.dumps(words) + chr(10))
"""

CASES = """
import pytest


@pytest.mark.crafted_images
def test_crafted_fails():
    raise AssertionError("it mounts")


@pytest.mark.crafted_images
def test_crafted_crashes(kernel_dies):
    pass


@pytest.mark.crafted_images
def test_crafted_passes():
    pass


@pytest.mark.crafted_images
def test_crafted_set_up(broken):
    pass


def test_own_fails():
    raise AssertionError("it does not mount")


def test_own_crashes(kernel_dies):
    pass
"""


def _judged(folder: Path, images: str) -> dict[str, list[object]]:
    """Return verdict, reason, number of findings and pytest's outcome of each case, by name."""
    (folder / "target.toml").write_text(TARGET + images)
    (folder / "conftest.py").write_text(CONFTEST.replace("RESULTS", str(folder / "results")))
    (folder / "test_mine.py").write_text(CASES)
    command = [sys.executable, "-m", "pytest", "-p", "vexlab.plugin", "-p", "no:cacheprovider", "-p", "no:xdist"]
    command += ["--import-mode", "importlib", "-c", str(FOLDER / "pytest.ini"), "--rootdir", str(folder)]
    command += ["--vexlab-target", str(folder / "target.toml"), str(folder / "test_mine.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)
    rows = [json.loads(line) for line in (folder / "results").read_text().splitlines()]
    assert len(rows) == 6, done.stdout
    return {name: rest for name, *rest in rows}


def test_untrusted_images_count(tmp_path: Path) -> None:
    found = _judged(tmp_path, "")
    verdicts = {name: verdict for name, (verdict, *_) in found.items()}
    assert verdicts == {
        "crafted_fails": "failed",
        "crafted_crashes": "crashed",
        "crafted_passes": "passed",
        "crafted_set_up": "failed",
        "own_fails": "failed",
        "own_crashes": "crashed",
    }


def test_trusted_images_do_not(tmp_path: Path) -> None:
    found = _judged(tmp_path, 'images = "trusted"\n')
    assert found["crafted_fails"] == ["skipped", f"{NOT_COUNTED}: it mounts", 0, "passed"]
    assert found["crafted_crashes"] == ["skipped", f"{NOT_COUNTED}: T", 1, "skipped"], "its findings are kept"
    assert found["crafted_passes"][0] == "passed"
    assert found["crafted_set_up"][:2] == ["failed", "the set-up fails"], "that was no image's doing"
    assert [found[name][0] for name in ("own_fails", "own_crashes")] == ["failed", "crashed"]


def _case(name: str, verdict: Verdict, reason: str = "") -> CaseResult:
    return CaseResult(key=CaseKey(domain="d", name=name), node=name, level=1, verdict=verdict, reason=reason)


def test_the_end_of_a_run_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    cases = (_case("a", Verdict.PASSED), _case("b", Verdict.SKIPPED, f"{NOT_COUNTED}: T"))
    run = RunInfo(id="1", target="t", kernels=(), accelerator="tcg", started="", state=RunState.FINISHED)
    result = RunResult(run=run, summary=Summary.of(cases), cases=cases)
    with Progress(plain=True) as progress:
        progress.finished(cases[1])
        progress.end(result, 1.0, "e")
    captured = capsys.readouterr()
    assert f"{NOT_COUNTED}: T" in captured.err
    assert "nothing was found but by 1 with crafted images, which are not counted" in captured.out
    assert (result.summary.exit_code, distinct(cases)) == (0, ())


def test_another_word_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "target.toml").write_text(TARGET + 'images = "trust"')
    with pytest.raises(UsageError, match="Invalid enum value 'trust'"):
        load_target(tmp_path / "target.toml")
    (tmp_path / "target.toml").write_text(TARGET)
    assert load_target(tmp_path / "target.toml").images == "untrusted"
