"""What the real-machine tests share: the command line as a user calls it, and proof that nothing survives."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from vexlab.config import Settings
from vexlab.lab import Lab, Order
from vexlab.targets.load import find_target

HERE = Path(__file__).parent
PLANTED = HERE.parent / "planted"
CASES = PLANTED / "cases"


@dataclass(frozen=True)
class Run:
    """How ``vexlab run`` ended; ``verdicts`` maps case names (without the kernel) to verdicts."""

    status: int
    document: dict[str, Any]
    stderr: str

    @property
    def verdicts(self) -> dict[str, str]:
        return {case["id"].partition("[")[0]: case["verdict"] for case in self.document["cases"]}

    def metrics(self, name: str) -> dict[str, float]:
        return {metric["name"]: metric["value"] for metric in self.case(name)["metrics"]}

    def case(self, name: str) -> dict[str, Any]:
        return next(case for case in self.document["cases"] if case["id"].startswith(name))


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """A shell that puts the tests into the background lets them ignore SIGINT, and so would all that they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def vexlab(tmp_path: Path) -> Callable[..., Run]:
    """Return a function that runs ``vexlab run`` with the given arguments in an empty folder."""

    def call(*argv: str, timeout: float = 300) -> Run:
        file = tmp_path / "result.json"
        command = [
            sys.executable,
            "-m",
            "vexlab",
            "run",
            "--no-probe",
            "--json",
            str(file),
            "--results",
            str(tmp_path / "r"),
            *argv,
        ]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=timeout)
        document = json.loads(file.read_text()) if file.exists() else {"cases": []}
        return Run(status=done.returncode, document=document, stderr=done.stderr)

    return call


def working_in(folder: Path) -> list[str]:
    """Return the command lines of QEMU processes that name ``folder``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if "qemu-system" in command and f"{folder}/" in command:
            found.append(command)
    return found


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Return a lab on the warm cache."""
    with Lab(Settings()) as lab:
        yield lab


@pytest.fixture(scope="module")
def order(lab: Lab) -> Order:
    """Return an order for the planted module on 6.1."""
    target, kernel = find_target(str(PLANTED)), lab.kernels.get("6.1")
    return Order(target=target, kernel=kernel, artifact=lab.artifact(target, kernel))
