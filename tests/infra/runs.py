"""``vexlab run --cluster`` and the parts of a cluster, on hosts in namespaces of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.infra.namespaces import Host, until
from tests.machines.conftest import CASES, PLANTED, Run

VEXLAB = (sys.executable, "-m", "vexlab")
PORT = 8786


@dataclass(frozen=True)
class Scheduler:
    """A ``dask scheduler``; ``file`` is what it writes for others."""

    process: subprocess.Popen[bytes]
    address: str
    file: Path


def scheduler(host: Host, folder: Path) -> Scheduler:
    """Start a scheduler on a host, and wait till it listens."""
    file = folder / "scheduler.json"
    file.unlink(missing_ok=True)
    words = ["--host", host.address, "--port", str(PORT), "--no-dashboard", "--scheduler-file", str(file)]
    log = folder / "scheduler.log"
    # as `dask scheduler`: the program is not on the path where the environment is not active
    process = host.start(sys.executable, "-m", "distributed.cli.dask_scheduler", *words, log=log)
    until(lambda: file.exists() or process.poll() is not None, 120, "no scheduler")
    assert process.poll() is None, log.read_text()
    return Scheduler(process, f"tcp://{host.address}:{PORT}", file)


class Started:
    """``vexlab run`` on a host, in the background; ``names`` are planted cases."""

    def __init__(
        self,
        host: Host,
        folder: Path,
        *argv: str,
        names: tuple[str, ...] = (),
        results: str = "r",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.file = folder / "result.json"
        self.file.unlink(missing_ok=True)
        chosen = [word for name in names for word in ("--case", name)]
        words = [
            "run",
            "--no-probe",
            "--target",
            str(PLANTED),
            "--json",
            str(self.file),
            "--results",
            results,
        ]
        self.log = folder / "run.log"
        self.log.unlink(missing_ok=True)
        self.process = host.start(*VEXLAB, *words, *argv, *chosen, str(CASES), log=self.log, env=env)

    def journal(self) -> str:
        """Return the events of every run so far."""
        return "".join(file.read_text() for file in self.folder.glob("*/*/events.jsonl"))

    def hosts(self) -> set[str]:
        """Return the hosts on which machines of its cases came up."""
        events = [json.loads(line) for line in self.journal().splitlines() if '"MachineChanged"' in line]
        return {event["machine"].partition("/")[0] for event in events}

    def said(self) -> str:
        """Return what it printed so far."""
        return self.log.read_text(errors="replace")

    def end(self, seconds: float) -> Run:
        """Wait for its end."""
        self.process.wait(seconds)
        document = json.loads(self.file.read_text()) if self.file.exists() else {"cases": []}
        return Run(status=self.process.returncode, document=document, stderr=self.said())


def worker(host: Host, folder: Path, address: str, *, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Have a host take part with one machine."""
    words = ("worker", address, "--name", host.name, "--machines", "1")
    return host.start(*VEXLAB, *words, log=folder / f"{host.name}.log", env=env)


def left_on(host: Host) -> list[str]:
    """Return the workers and machines that are on a host."""
    lines = host.run("ps", "-e", "-o", "args").splitlines()
    return [line for line in lines if "vexlab worker" in line or "qemu-system" in line]


def finished_cases(run: Started) -> int:
    """Return how many cases are decided so far."""
    return run.journal().count('"CaseFinished"')
