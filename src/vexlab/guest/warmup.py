"""Programs that cases run, read into the guest's page cache before its template is saved.

A fresh machine then starts them without reading its disk. The pages are clean: a guest short of memory drops them.
"""

from __future__ import annotations

from collections.abc import Iterable

from vexlab.vm.machine import Machine
from vexlab.workloads import script

_TIMEOUT_S = 120.0

_RUN = script("warm_up.sh")
_READ = script("read_programs.sh")


def warm_up(machine: Machine) -> None:
    """Run what most cases run."""
    machine.ash(_RUN, timeout=_TIMEOUT_S)


def read_programs(machine: Machine, programs: Iterable[str]) -> None:
    """Read ``programs``, paths or names, and the libraries they are linked with."""
    machine.ash(_READ, *dict.fromkeys(programs), timeout=_TIMEOUT_S)
