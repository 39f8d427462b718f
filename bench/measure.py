"""The measurements. Each returns rows for one table; times come from one run and are compared within it."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable

from bench.cases.test_thirty import ORDER
from bench.row import Row
from bench.running import ROOT, VEXFS, run_vexlab
from vexlab.config import Settings
from vexlab.kernels.flavours import least_memory
from vexlab.lab import BOOT_S, Lab, Order
from vexlab.model.key import DISTRO
from vexlab.targets.load import find_target
from vexlab.vm.machine import Machine

PLANTED = ROOT / "tests" / "planted"

# What is promised of a fresh machine with an instrumented kernel: seconds, or this part of its boot in the same run.
_INSTRUMENTED_S, _INSTRUMENTED_PART = 1.5, 15
_INSTRUMENTED_WORDS = f"≤ {_INSTRUMENTED_S} s or 1/{_INSTRUMENTED_PART} of a boot"

# In these cases the kernel or the machine is lost; "sound" ones pass.
EXPECTED = {"sound": "passed", "panic": "crashed", "wait": "crashed", "spin": "crashed", "agent": "crashed"}


def fresh_machine(rounds: int = 15, boots: int = 3) -> list[Row]:
    """From the request for a fresh machine to its first command's result, and a boot beside it."""
    with Lab(Settings()) as lab:
        target, kernel = find_target(str(PLANTED)), lab.kernels.get("6.1")
        order = Order(target=target, kernel=kernel, artifact=lab.artifact(target, kernel), memory=256)
        started, booted = _starts(lab, order, rounds, boots)
        restored = _restores(lab, order)
    median, ratio = statistics.median(started), statistics.median(booted) / statistics.median(started)
    return [
        Row(f"fresh machine to first result, median of {rounds}", f"{median:.2f} s", "≤ 0.6 s", median <= 0.6),
        Row(f"the same, slowest of {rounds}", f"{max(started):.2f} s"),
        Row(f"boot to first result, median of {boots}", f"{statistics.median(booted):.2f} s"),
        Row("boot / fresh machine", f"{ratio:.1f}", "≥ 8", ratio >= 8),
        Row("restore in the running process to first result", f"{restored:.2f} s"),
    ]


def instrumented(rounds: int = 5, boots: int = 1) -> list[Row]:
    """Measure the same with each kernel that was built here in another flavour; a build takes a quarter of an hour."""
    rows: list[Row] = []
    with Lab(Settings()) as lab:
        for listed in lab.kernels.list():
            if listed.flavour == DISTRO or not listed.release:
                continue
            target, kernel = find_target(str(PLANTED)), lab.kernels.get(listed.name)
            memory = max(256, least_memory(kernel.flavour))
            order = Order(target=target, kernel=kernel, artifact=lab.artifact(target, kernel), memory=memory)
            started, booted = map(statistics.median, _starts(lab, order, rounds, boots))
            kept = started <= _INSTRUMENTED_S or started <= booted / _INSTRUMENTED_PART
            rows += [
                Row(f"{kernel.name}: fresh machine to first result", f"{started:.2f} s", _INSTRUMENTED_WORDS, kept),
                Row(f"{kernel.name}: boot to first result", f"{booted:.1f} s, {booted / started:.1f} times as long"),
            ]
    return rows or [Row("instrumented kernels", "none is built here: `vexlab kernels build kasan`")]


def _starts(lab: Lab, order: Order, rounds: int, boots: int) -> tuple[list[float], list[float]]:
    """Return the seconds to a first result of so many fresh machines, and of so many that boot."""
    _, spec = lab.snapshot(order)

    def start() -> Machine:
        return lab.machine(order)

    def boot() -> Machine:
        machine = Machine.launch(spec, lab.session.new_folder())
        machine.wait_ready(BOOT_S)
        return machine

    return [_until_first_result(start) for _ in range(rounds)], [_until_first_result(boot) for _ in range(boots)]


def runs() -> list[Row]:
    """Whole runs of the reference target on 6.1 with a warm cache."""
    for selection in (("--level", "1", "--quick"), ("--domain", "kernel_module")):
        run_vexlab("--target", str(VEXFS), "--jobs", "2", *selection)  # warms the cache
    quick, quick_s = run_vexlab("--target", str(VEXFS), "--level", "1", "--quick")
    domain, domain_s = run_vexlab("--target", str(VEXFS), "--domain", "kernel_module")
    _, pair_s = run_vexlab("--target", str(VEXFS), "--domain", "kernel_module", "--jobs", "2")
    begin = time.time()
    first, _ = run_vexlab("--target", str(VEXFS), "--case", "kernel_module.build")
    start = min(case["started"] for case in first["cases"]) - begin
    overheads = [case["overhead_s"] for case in domain["cases"]]
    overhead = statistics.mean(overheads)
    ratio = pair_s / domain_s
    return [
        Row("start and collection, to the first case", f"{start:.2f} s", "< 1.5 s", start < 1.5),
        Row(f"run --level 1 --quick ({len(quick['cases'])} cases)", f"{quick_s:.1f} s", "< 60 s", quick_s < 60),
        Row(f"domain kernel_module ({len(domain['cases'])} cases)", f"{domain_s:.1f} s", "< 300 s", domain_s < 300),
        Row("vexlab's own time a case, mean", f"{overhead * 1000:.0f} ms", "< 50 ms", overhead < 0.05),
        Row("two jobs / one job", f"{ratio:.2f}", "≤ 0.65", ratio <= 0.65),
    ]


def thirty() -> list[Row]:
    """Thirty cases with five panics, three hangs and two killed agents: thirty right verdicts."""
    with tempfile.TemporaryDirectory(prefix="b", dir="/tmp") as folder:  # short: sockets are made below it
        document, seconds = run_vexlab("--target", str(PLANTED), str(ROOT / "bench" / "cases"), TMPDIR=folder)
        counted = subprocess.run(
            ["pgrep", "-fc", f"qemu-system.*{folder}/"], check=False, capture_output=True, text=True
        )
    verdicts = {case["id"].partition("[")[2].strip("]"): case["verdict"] for case in document["cases"]}
    right = sum(_verdict_of(verdicts, number) == EXPECTED[kind] for number, kind in enumerate(ORDER))
    left = counted.stdout.strip()
    return [
        Row("30 cases, 10 of them fatal: right verdicts", f"{right} of 30", "30", right == 30),
        Row("the same, time", f"{seconds:.1f} s"),
        Row("QEMU processes left", left, "0", left == "0"),
    ]


def _verdict_of(verdicts: dict[str, str], number: int) -> str:
    return next((value for key, value in verdicts.items() if str(number) in key.split("-")), "none")


def _until_first_result(make: Callable[[], Machine]) -> float:
    begin = time.perf_counter()
    with make() as machine:
        assert machine.exec(["/bin/true"]).ok
        return time.perf_counter() - begin


def _restores(lab: Lab, order: Order, rounds: int = 5) -> float:
    seconds = []
    with lab.machine(order) as machine:
        machine.snapshot("bench")
        for _ in range(rounds):
            begin = time.perf_counter()
            machine.restore("bench")
            assert machine.exec(["/bin/true"]).ok
            seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)
