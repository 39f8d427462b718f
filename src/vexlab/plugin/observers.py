"""What looks at a machine beside its console: a table. A new observer is a function of a machine, and a line here.

Each is asked once, when its case has ended well and nothing was found; what it costs is recorded in seconds. What the
kernel prints unasked, and its taint flags, are read all the time (``plugin/watched.py``) and are no lines of the table.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from vexlab import process
from vexlab.classify import classify
from vexlab.kernels.catalogue import read_config
from vexlab.lab import Order
from vexlab.model.key import DISTRO
from vexlab.model.report import Severity
from vexlab.model.verdict import Finding, Source
from vexlab.observe import kmemleak, locks
from vexlab.plugin.findings import finding_of
from vexlab.vm.machine import Machine

_NM_S = 20.0
_KEEP = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What an observer saw: ``findings`` judge the case, ``metrics`` are recorded under the observer's name."""

    findings: tuple[Finding, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    """``needs`` are options of the kernel; ``look`` is asked at the end, and may take ``most_s`` seconds."""

    name: str
    about: str
    needs: tuple[str, ...]
    most_s: float
    look: Callable[[Machine, Order], Observed]


def _leaks(machine: Machine, order: Order) -> Observed:
    leaks = kmemleak.find_leaks(machine)
    if leaks is None or not leaks.text:
        return Observed(metrics={"objects_count": 0.0} if leaks else {})
    module = order.target.module
    text = kmemleak.with_symbols(leaks, _symbols(order), module)
    reports = classify(kmemleak.by_stack(text), target_modules=(module,))
    findings = tuple(finding_of(report, Source.KERNEL_LOG) for report in reports)
    return Observed(findings=findings, metrics={"objects_count": float(sum(kmemleak.objects(text).values()))})


def _symbols(order: Order) -> tuple[kmemleak.Symbol, ...]:
    if order.artifact.path is None or not process.find("nm"):
        return ()
    done = process.run(["nm", "-S", str(order.artifact.path)], timeout=_NM_S, keep=_KEEP)
    return kmemleak.parse_symbols(done.text)


def _locks(machine: Machine, order: Order) -> Observed:
    state = locks.read_locks(machine)
    if state is None:
        return Observed()
    module = order.target.module
    findings = tuple(
        Finding(
            title=f"lock held at the end in {each.where.partition('+')[0]}",
            type="LOCKDEP",
            severity=Severity.WARNING,
            frame=each.where.partition("+")[0],
            text=f"{each.task} holds {each.lock}, taken at {each.where} [{each.module}]",
            source=Source.CONSOLE,
        )
        for each in state.held
        if each.module.replace("-", "_") == module
    )
    return Observed(
        findings=findings, metrics={"classes_count": float(state.classes), "off_count": float(not state.looking)}
    )


_LOAD = "cat /proc/loadavg; head -n 1 /proc/stat"
# 0.52 0.13 0.04 1/98 305
_LOADS = re.compile(r"^(\d+\.\d+) (\d+\.\d+) (\d+\.\d+) ")
# cpu  512 0 1834 9120 12 0 40 0 0 0: user, nice, system, idle, iowait, irq, softirq in ticks of 10 ms (proc(5))
_TICKS = re.compile(r"^cpu +((?:\d+ ?)+)$", re.MULTILINE)


def _processor(machine: Machine, order: Order) -> Observed:  # noqa: ARG001 - of one shape with the others
    text = machine.ash(_LOAD).text
    load, ticks = _LOADS.search(text), _TICKS.search(text)
    metrics = {"load": float(load[1])} if load else {}
    if ticks:
        user, nice, system, *_ = (float(word) / 100 for word in ticks[1].split())
        metrics |= {"user_s": user + nice, "system_s": system}
    return Observed(metrics=metrics)


OBSERVERS = (
    Observer(
        name="kmemleak",
        about="objects that nobody refers to, with the stack that allocated each",
        needs=(kmemleak.OPTION,),
        most_s=12.0,
        look=_leaks,
    ),
    Observer(
        name="locks",
        about="whether lockdep still looks, and locks of the module that a task holds",
        needs=(locks.OPTION,),
        most_s=3.0,
        look=_locks,
    ),
    Observer(name="processor", about="load and processor time of the guest", needs=(), most_s=1.0, look=_processor),
)


def observe(machine: Machine, order: Order) -> Observed:
    """Ask every observer that the machine's kernel has what it needs for; each one's cost is among the metrics."""
    if order.kernel.flavour == DISTRO or not order.kernel.config.is_file():
        return Observed()  # a distribution's kernel has nothing that they read
    options = read_config(order.kernel)
    findings: list[Finding] = []
    metrics: dict[str, float] = {}
    for each in OBSERVERS:
        if not set(each.needs) <= set(options):
            continue
        begin = time.perf_counter()
        seen = each.look(machine, order)
        metrics |= {f"{each.name}_{name}": value for name, value in seen.metrics.items()}
        metrics[f"observer_{each.name}_s"] = time.perf_counter() - begin
        findings += seen.findings
    return Observed(findings=tuple(findings), metrics=metrics)
