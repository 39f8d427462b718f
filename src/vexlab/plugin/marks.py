"""Marks, and what they say of a case."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from vexlab.model.case import PlannedCase

MARKS = {
    "domain(name)": "the bounded context the case belongs to (default: the name of its folder)",
    "level(n)": "1 basic validation, 2 VM mount operations, 3 ultimate stress (default 1)",
    "scenario(n)": "the scenario the case is a phase of",
    "safety(word)": "safe, risky or dangerous for the machine it runs in (default safe)",
    "quick": "belongs to the shortest useful subset of its level",
    "slow": "takes far longer than its neighbours; started first where machines run side by side",
    "single_thread_tcg(yes=True)": (
        "does one thing at a time: the machine's emulated CPUs may take turns in one thread, which is faster where "
        "machines run side by side. Not for cases about races: there two CPUs must really run at once"
    ),
    "needs(*options, source=False, mkfs=False, loadable=False, fields=False, vectors=False, capabilities='', ...)": (
        "kernel options (`KASAN`, without CONFIG_), or a property of the target (also `options`, "
        "`statistics`), without which the case is skipped; capabilities of the probed profile, separated by blanks: "
        "it is skipped where one is refused, and blocked where one is broken"
    ),
    "vm(**order)": (
        "machine of another shape: memory=MiB, cpus=N, disks=(...), append='...', recipe='name'; a function gives the "
        "value for a target"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseMarks:
    """What a case's marks amount to; ``id`` is ``domain.name[parameters]``."""

    id: str
    domain: str
    level: int
    scenario: int
    safety: str
    quick: bool
    single_thread_tcg: bool


def marks_of(item: pytest.Item) -> CaseMarks:
    """Return the marks of ``item``, with defaults."""
    in_one = item.get_closest_marker("single_thread_tcg")
    domain = str(_argument(item, "domain", Path(item.path).parent.name))
    return CaseMarks(
        id=f"{domain}.{item.name.removeprefix('test_')}",
        domain=domain,
        level=int(str(_argument(item, "level", 1))),
        scenario=int(str(_argument(item, "scenario", 0))),
        safety=str(_argument(item, "safety", "safe")),
        quick=item.get_closest_marker("quick") is not None,
        single_thread_tcg=in_one is not None and bool(in_one.kwargs.get("yes", True)),
    )


def planned(item: pytest.Item) -> PlannedCase:
    """Return what is known of a case before it runs."""
    marks = marks_of(item)
    callspec = getattr(item, "callspec", None)
    return PlannedCase(
        id=marks.id,
        node=item.nodeid,
        domain=marks.domain,
        level=marks.level,
        kernel=str(callspec.params.get("kernel", "")) if callspec else "",
        scenario=marks.scenario,
        safety=marks.safety,
    )


def _argument(item: pytest.Item, name: str, default: object) -> object:
    mark = item.get_closest_marker(name)
    return mark.args[0] if mark and mark.args else default
