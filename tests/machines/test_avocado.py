"""Cases of vexlab as tests of the real Avocado, in an environment of its own: status, log folder, tags, variants."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.machines.conftest import PLANTED, working_in

pytestmark = pytest.mark.machine

ROOT = Path(__file__).parents[2]
VEXFS = ROOT / "targets" / "vexfs"
_INSTALL_S = 600
_JOB_S = 600
CASES = '''
import pytest

from vexlab.guest.module import GuestModule
from vexlab.plugin.fixtures import Metrics
from vexlab.vm.machine import Machine

pytestmark = [pytest.mark.domain("seen"), pytest.mark.level(2)]


def test_well(module: GuestModule, metrics: Metrics) -> None:
    """The module loads and unloads."""
    assert module.load("bug=none").ok
    metrics.record("answer_count", 42)


def test_warns(module: GuestModule) -> None:
    """A case that is content while the kernel warns."""
    assert module.load("bug=warn").ok


def test_fails(machine: Machine) -> None:
    """A case that fails by itself."""
    assert machine.exec(["false"]).ok, "false says no"


@pytest.mark.needs("NO_SUCH_OPTION")
def test_unmet(machine: Machine) -> None:
    """A case whose kernel lacks what it needs."""


@pytest.mark.safety("risky")
def test_sleeps(machine: Machine) -> None:
    """A case that takes long."""
    machine.exec(["sleep", "300"], timeout=400)
'''

Avocado = Callable[..., "Job"]


class Job:
    """How a job of Avocado's ended: ``status``, its tests by the name of the case, and its output."""

    def __init__(self, ended: subprocess.CompletedProcess[str], results: Path) -> None:
        self.status = ended.returncode
        self.said = ended.stdout + ended.stderr
        file = results / "latest" / "results.json"
        self.tests: Sequence[Mapping[str, Any]] = json.loads(file.read_text())["tests"] if file.exists() else ()

    def test(self, name: str) -> Mapping[str, Any]:
        (found,) = [test for test in self.tests if f".{name}" in test["id"]]
        return found

    @property
    def statuses(self) -> dict[str, str]:
        return {test["name"].rpartition(".")[2].partition("[")[0]: test["status"] for test in self.tests}


@pytest.fixture(scope="module")
def tools() -> Path:
    """Return the folder of the environment with Avocado and the plugin."""
    made = subprocess.run([ROOT / "scripts" / "avocado-tools"], capture_output=True, text=True, timeout=_INSTALL_S)
    if made.returncode:
        pytest.skip(f"Avocado cannot be installed: {made.stderr[-300:]}")
    return Path(made.stdout.strip())


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    file = tmp_path / "test_seen.py"
    file.write_text(CASES)
    return file


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "HOME": str(tmp_path), "VEXLAB_COMMAND": f"{sys.executable} -m vexlab"} | {
        "VEXLAB_CACHE": os.environ.get("VEXLAB_CACHE", str(Path("~/.cache/vexlab").expanduser()))
    }


@pytest.fixture
def avocado(tools: Path, tmp_path: Path, environment: dict[str, str]) -> Avocado:
    """Return a function that runs ``avocado`` in an empty folder."""

    def call(command: str, *words: str) -> Job:
        results = tmp_path / "results"
        place = ["--job-results-dir", str(results)] if command == "run" else []
        argv = [str(tools / "bin" / "avocado"), command, *place, *words]
        ended = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=_JOB_S)
        return Job(ended, results)

    return call


def test_each_verdict_is_a_status_with_reason_and_evidence(avocado: Avocado, cases: Path) -> None:
    job = avocado(
        *("run", "--vexlab-target", str(PLANTED), "--vexlab-kernel", "6.1", "--vexlab-options=--no-probe"),
        *("--filter-by-tags", "level:2,safety:safe", "--", f"vexlab:file/{cases}"),
    )
    assert job.status == 1, job.said
    assert job.statuses == {"well": "PASS", "warns": "FAIL", "fails": "FAIL", "unmet": "SKIP"}
    assert "WARNING in planted_" in job.test("warns")["fail_reason"]
    assert "false says no" in job.test("fails")["fail_reason"]
    assert "NO_SUCH_OPTION" in job.test("unmet")["fail_reason"]
    board = json.loads(job.test("well")["whiteboard"])
    assert board["metrics"]["answer_count"]["value"] == 42
    assert (board["kernel"], board["verdict"]) == ("6.1", "passed")
    folder = Path(job.test("warns")["logdir"])
    assert "WARNING" in (folder / "evidence" / "console.log").read_text()
    assert (folder / "evidence" / "reproduce").is_file()
    assert "finding: WARNING in planted_" in (folder / "debug.log").read_text()


def test_cases_of_vexfs_on_a_kernel_that_a_variant_chooses(avocado: Avocado, tmp_path: Path) -> None:
    variants = tmp_path / "kernels.yaml"
    variants.write_text('kernel: !mux\n    a:\n        kernel: "6.1"\n    b:\n        kernel: "none"\n')
    job = avocado(
        *("run", "--vexlab-target", str(VEXFS), "--mux-yaml", str(variants), "--"),
        "vexlab:case/kernel_module.load",
    )
    assert len(job.tests) == 2, job.said
    by_variant = {test["id"].partition(";run-kernel-")[2][:1]: test for test in job.tests}
    assert by_variant["a"]["status"] == "PASS", job.said
    assert json.loads(by_variant["a"]["whiteboard"])["kernel"] == "6.1"
    assert by_variant["b"]["status"] == "ERROR"
    assert "unknown kernel `none`" in by_variant["b"]["fail_reason"]


def test_lists_say_tags_and_wrong_references_are_told(avocado: Avocado, cases: Path) -> None:
    listed = avocado("-V", "list", "--vexlab-target", str(PLANTED), "--vexlab-kernel", "6.1", f"vexlab:file/{cases}")
    assert "vexlab:case/seen.well" in listed.said
    assert "domain(seen),level(2),safety(safe),kernel(6.1)" in listed.said
    wrong = avocado("run", "vexlab:levl/1")
    assert wrong.status
    assert "`levl` is no kind of reference" in wrong.said


def test_a_job_that_takes_too_long_leaves_no_machine(avocado: Avocado, cases: Path, tmp_path: Path) -> None:
    begun = time.monotonic()
    job = avocado(
        *("run", "--vexlab-target", str(PLANTED), "--vexlab-kernel", "6.1", "--vexlab-options=--no-probe"),
        *("--job-timeout", "40s", "--filter-by-tags", "safety:risky", "--", f"vexlab:file/{cases}"),
    )
    assert job.status, "what did not come to its end is no success"
    assert job.statuses in ({"sleeps": "INTERRUPTED"}, {"sleeps": "SKIP"}), job.said
    assert time.monotonic() - begun < 120
    assert not working_in(tmp_path)
