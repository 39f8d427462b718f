"""Counters of a real kernel: what a case reached is what it must have reached, and the guest's inputs are counted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from vexlab.config import Settings, cache_dir

pytestmark = [pytest.mark.machine, pytest.mark.long]

KERNEL = "6.1-kasan"
VEXFS = Path(__file__).parents[2] / "targets" / "vexfs"
LOAD, CHECKS = f"kernel_module.load[{KERNEL}]", f"filesystem_operations.family[{KERNEL}-link]"


def _vexlab(folder: Path, *words: str, timeout: float) -> str:
    command = [sys.executable, "-m", "vexlab", *words, "--results", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the results of a run that counted, in a kernel that can."""
    if not (cache_dir(Settings()) / "kernels" / KERNEL).is_dir():
        pytest.skip(f"kernel {KERNEL} is not built: `vexlab kernels build kasan` takes some twenty minutes")
    folder = tmp_path_factory.mktemp("results")
    asked = ["--target", str(VEXFS), "--kernel", KERNEL, "--coverage", "--inputs", "--no-probe"]
    _vexlab(folder, "run", *asked, "--case", LOAD, "--case", CHECKS, timeout=3000)
    return folder


def test_loading_reaches_the_init_function_and_no_file_operation(results: Path) -> None:
    found = json.loads(_vexlab(results, "coverage", "--json", "-", timeout=120))
    own = found["cases"][LOAD]
    functions = {each["name"]: each for each in found["files"]["super.c"]["functions"]}
    assert "super.c" in own
    assert "vecsearch.c" not in own
    assert any("init" in name for name, each in functions.items() if each["calls"])
    assert found["totals"]["lines"]["reached"] > 500
    assert not found["unread"]


def test_inputs_of_the_workloads_are_counted(results: Path) -> None:
    found = json.loads(_vexlab(results, "coverage", "--inputs", "--json", "-", timeout=120))
    assert found["operations"]["open"]["calls"] > 10
    assert found["operations"]["link"]["errnos"]["0"] > 0
    assert found["never"]
