"""The orchestrations under the real Avocado-VT: it starts QEMU, our image boots in it, our scripts run there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.machine, pytest.mark.long]

ROOT = Path(__file__).parents[2]
_INSTALL_S, _RUN_S = 600, 1800
Vt = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def vt(tmp_path: Path) -> Vt:
    """Return a function that calls ``vexlab-avocado-vt``, in a home of its own."""
    made = subprocess.run(
        [ROOT / "scripts" / "avocado-tools", "vt"], capture_output=True, text=True, timeout=_INSTALL_S
    )
    if made.returncode:
        pytest.skip(f"Avocado-VT cannot be installed: {made.stderr[-300:]}")
    lacking = [name for name in ("tcpdump", "nc", "arping") if shutil.which(name) is None]
    if lacking:
        pytest.skip(f"Avocado-VT wants {', '.join(lacking)}")
    cache = os.environ.get("VEXLAB_CACHE", str(Path("~/.cache/vexlab").expanduser()))
    environment = {**os.environ, "HOME": str(tmp_path), "VEXLAB_CACHE": cache}
    environment["VEXLAB_COMMAND"] = f"{sys.executable} -m vexlab"

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [f"{made.stdout.strip()}/bin/vexlab-avocado-vt", *words, "--work", str(tmp_path / "work")]
        return subprocess.run(argv, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=_RUN_S)

    return call


def test_edge_cases_run_in_the_guest_and_are_reported(vt: Vt) -> None:
    before = vt("report")
    assert before.returncode == 1
    assert "edge-cases     not run yet" in before.stdout
    ran = vt("edge-cases", "--target", str(ROOT / "targets" / "vexfs"), "--kernel", "6.1")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    report = vt("report").stdout
    assert "edge-cases     PASS" in report
    for script in ("garbage", "busy"):
        assert f"passed   {script}" in report
