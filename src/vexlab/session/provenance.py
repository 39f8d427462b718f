"""What is noted of a run beside its cases: the target's revision, kernels, programs, the host."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

import vexlab
from vexlab.config import Settings
from vexlab.model.provenance import Host, Provenance, UsedKernel
from vexlab.model.request import Request
from vexlab.model.target import Target
from vexlab.targets.revision import source_revision
from vexlab.vm.qemu import find_qemu

_MEMORY = Path("/proc/meminfo")
_CPU = Path("/proc/cpuinfo")


def provenance(target: Target, request: Request, settings: Settings, kernels: tuple[UsedKernel, ...]) -> Provenance:
    """Return where the results of a run come from. A module that was given as it is has no revision."""
    return Provenance(
        revision=source_revision(target.source) if target.source and not request.artifact else "",
        kernels=kernels,
        qemu=find_qemu().version,
        vexlab=vexlab.__version__,
        host=read_host(named=settings.run.host_name),
        seed=request.seed,
        configurations=request.configurations,
        given=request.target,
    )


def read_host(*, named: bool = False) -> Host:
    """Return the facts of this machine that explain a figure; its name only where ``named``."""
    # MemTotal:       16384256 kB
    memory = re.search(r"^MemTotal: +(\d+) kB$", _MEMORY.read_text(), re.MULTILINE)
    # model name	: AMD EPYC 7763 64-Core Processor
    cpu = re.search(r"^model name\s*: (.*)$", _CPU.read_text(), re.MULTILINE)
    return Host(
        cores=len(os.sched_getaffinity(0)),
        memory=int(memory[1]) >> 10 if memory else 0,
        cpu=cpu[1].strip() if cpu else platform.machine(),
        kernel=platform.release(),
        name=platform.node() if named else "",
    )
