"""What a command in a guest costs: by the command runner, and by the packaged agent beside it, in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.measure import PLANTED
from bench.row import Row
from vexlab.config import Settings
from vexlab.deadline import Deadline
from vexlab.lab import Lab, Order
from vexlab.targets.load import find_target
from vexlab.vm.agent import Agent
from vexlab.vm.files import BUSYBOX
from vexlab.vm.machine import Machine
from vexlab.vm.runner import Runner

MACHINES = 8
COMMANDS = 20
SCRIPT = [BUSYBOX, "sh", "-c", "cat /proc/mounts"]  # of the kind that cases ask most
_S = 60.0

Choose = Callable[[Machine], Runner | Agent]


@dataclass(frozen=True)
class Times:
    """Seconds on the clock, and of CPU in QEMU's process: the first command of a machine, and one of those after it."""

    first: float
    first_cpu: float
    further: float
    further_cpu: float


def commands() -> list[Row]:
    """The first command of a fresh machine, and further ones."""
    ways: dict[str, Choose] = {
        "agent": lambda machine: machine.commands.agent(Deadline.after(_S)),
        "runner": lambda machine: machine.commands.fastest(Deadline.after(_S)),
    }
    found: dict[str, list[Times]] = {name: [] for name in ways}
    with Lab(Settings()) as lab:
        target, kernel = find_target(str(PLANTED)), lab.kernels.get("6.1")
        order = Order(target=target, kernel=kernel, artifact=lab.artifact(target, kernel), memory=256)
        lab.machine(order).close()
        for _ in range(MACHINES):
            for name, choose in ways.items():
                with lab.machine(order) as machine:
                    found[name].append(_times(machine, choose))
    return [
        *_rows("first command", found, lambda t: t.first, lambda t: t.first_cpu, 0.15),
        *_rows("further command", found, lambda t: t.further, lambda t: t.further_cpu, 0.02),
    ]


def _rows(
    what: str,
    found: dict[str, list[Times]],
    wall: Callable[[Times], float],
    cpu: Callable[[Times], float],
    most: float,
) -> list[Row]:
    walls = {name: statistics.median(map(wall, times)) for name, times in found.items()}
    cpus = {name: statistics.median(map(cpu, times)) for name, times in found.items()}
    shown = {name: f"{walls[name] * 1000:.1f} ms, CPU {cpus[name] * 1000:.1f} ms" for name in found}
    return [
        Row(f"{what}, by the agent", shown["agent"]),
        Row(f"{what}, by the runner", shown["runner"], f"≤ {most * 1000:.0f} ms", walls["runner"] <= most),
        Row(f"{what}, runner / agent", f"{walls['runner'] / walls['agent']:.2f}, CPU {_ratio(cpus):.2f}"),
    ]


def _ratio(cpus: dict[str, float]) -> float:
    return cpus["runner"] / cpus["agent"] if cpus["agent"] else float("nan")


def _times(machine: Machine, choose: Choose) -> Times:
    begin, cpu = time.perf_counter(), _cpu_s(machine)
    assert choose(machine).exec(SCRIPT, Deadline.after(_S)).ok
    first, first_cpu = time.perf_counter() - begin, _cpu_s(machine) - cpu
    begin, cpu = time.perf_counter(), _cpu_s(machine)
    for _ in range(COMMANDS):
        assert choose(machine).exec(SCRIPT, Deadline.after(_S)).ok
    further, further_cpu = time.perf_counter() - begin, _cpu_s(machine) - cpu
    return Times(first, first_cpu, further / COMMANDS, further_cpu / COMMANDS)


def _cpu_s(machine: Machine) -> float:
    """Seconds of CPU that QEMU's threads have used (proc(5), schedstat)."""
    tasks = Path(f"/proc/{machine.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
