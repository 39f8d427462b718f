"""No QEMU and no temporary folder survives: not Ctrl-C, not a polite kill, not ``kill -9``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.machines.conftest import CASES, PLANTED, working_in
from vexlab.results.store import Store

pytestmark = pytest.mark.machine


def _start(tmp_path: Path, *more: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "vexlab",
        "run",
        "--no-probe",
        "--target",
        str(PLANTED),
        "--results",
        str(tmp_path / "r"),
    ]
    return subprocess.Popen(
        [*command, *more, str(CASES)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        start_new_session=True,
    )


def _wait_for(condition: object, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False


def _said(child: subprocess.Popen[str]) -> str:
    child.kill()
    return child.communicate()[1]


def _passed(results: Path) -> bool:
    """Whether a case of the last run is stored as passed."""
    return any(case.verdict.value == "passed" for case in Store(results).load("last").cases)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_survives(tmp_path_factory: pytest.TempPathFactory, number: signal.Signals) -> None:
    folder = Path("/tmp") / f"v{os.getpid()}{number}"  # short: sockets are made below it
    folder.mkdir()
    child = _start(folder, "--case", "planted.clean", "--case", "planted.slow_program")
    try:
        assert _wait_for(lambda: list(folder.glob("r/*/cases/planted.clean*/case.json")), 60), _said(child)
        assert _wait_for(lambda: _passed(folder / "r"), 60), "the first case is stored"
        assert _wait_for(lambda: working_in(folder), 60), "a machine of the second case is running"
        os.kill(child.pid, number)
        status = child.wait(timeout=30)
        if number != signal.SIGKILL:
            assert status == 130
        assert _wait_for(lambda: not working_in(folder), 5), "QEMU is gone"
        assert _wait_for(lambda: not list(folder.glob("vexlab-*")), 5), "so is the temporary folder"
        result = Store(folder / "r").load("last")
        verdicts = {case.id: case.verdict.value for case in result.cases}
        assert verdicts == {"planted.clean[6.1]": "passed", "planted.slow_program[6.1]": "undecided"}
    finally:
        child.kill()
        subprocess.run(["rm", "-rf", str(folder)])


def test_workers_are_taken_along(tmp_path: Path) -> None:
    folder = Path("/tmp") / f"v{os.getpid()}j"
    folder.mkdir()
    child = _start(folder, "--jobs", "2", "--case", "planted.slow_program", "--case", "planted.spin")
    try:
        assert _wait_for(lambda: len(working_in(folder)) == 2, 120)
        os.kill(child.pid, signal.SIGKILL)
        assert _wait_for(lambda: not working_in(folder), 10)
        assert _wait_for(lambda: not list(folder.glob("vexlab-*")), 5)
    finally:
        child.kill()
        subprocess.run(["rm", "-rf", str(folder)])


_PROOF = """
import sys
from pathlib import Path
from vexlab.config import Settings
from vexlab.lab import Lab
from vexlab.vm import accel
from vexlab.vm.qemu import find_qemu
with Lab(Settings()) as lab:
    accel.prove("tcg", find_qemu(), lab.kernels.get("6.1").image, None)
"""


def test_a_proof_of_the_accelerator_leaves_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = Path("/tmp") / f"v{os.getpid()}p"
    folder.mkdir()
    environment = {**os.environ, "TMPDIR": str(folder)}
    child = subprocess.Popen([sys.executable, "-c", _PROOF], env=environment)
    try:
        assert _wait_for(lambda: [each for each in working_in(folder) if "console=ttyS0" in each], 60)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        assert _wait_for(lambda: not working_in(folder), 5), "QEMU is gone"
        subprocess.run(
            [sys.executable, "-c", "from vexlab import temporary; temporary.sweep()"], env=environment, check=True
        )
        assert not list(folder.glob("vexlab-*")), "so is the folder, at the next start"
    finally:
        child.kill()
        subprocess.run(["rm", "-rf", str(folder)])
