"""The guest's programs, built once; they run on the host too, in ordinary directories."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import hypothesis
import pytest

SOURCES = Path(__file__).parents[3] / "src/vexlab/workloads"


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("make") or not shutil.which("gcc"):
        pytest.skip("there is no compiler")
    folder = tmp_path_factory.mktemp("workloads")
    done = subprocess.run(
        ["make", "-s", "-j2", "-C", SOURCES, f"O={folder}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "bin"


# A busy host is slow at drawing; that says nothing of what is drawn.
hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("busy")
