"""Searching, listing and counting while vectors are added: each call sees all vectors of an add, or none."""

from __future__ import annotations

import pytest

from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.program import run_program
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics
from vexlab.workloads import SCRIPTS

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs(mkfs=True, vectors=True),
]

_DIM, _AT_ONCE, _ADDS, _ADDERS = 64, 400, 12, 2

_PROGRAM = SCRIPTS / "vector_concurrent.py"


@pytest.mark.usefixtures("post_checks")
def test_concurrent_reads(mounted: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """While two add, each search, list and count sees all vectors of an add or none, and finds the nearest."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    words = (f"{mounted.mountpoint}/meanwhile", *map(str, (_DIM, _AT_ONCE, _ADDS, _ADDERS)))
    outcome = run_program(mounted.machine, _PROGRAM, *words, timeout=150)
    assert not outcome.wrong, f"while vectors are added: {outcome}"
    told = outcome.counts
    for name in ("search", "listing", "info", "get"):
        assert metrics.record(f"{name}_count", told[name]), f"no {name} came to its end"
        assert told[f"{name}_between"], f"each {name} came before all adds, or after them"
    assert told["live"] == _AT_ONCE * _ADDS * _ADDERS, f"{told['live']} vectors are there in the end"


_BESIDE = SCRIPTS / "vector_beside_add.py"
_ROUNDS = 16
_PAIR_S = 60.0


@pytest.mark.usefixtures("post_checks")
def test_call_beside_add(mounted: GuestFilesystem, target: Target) -> None:
    """Each kind of call returns that is made while one add is under way, though nothing comes afterwards."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    words = (f"{mounted.mountpoint}/pairs", *map(str, (_DIM, _AT_ONCE, _ROUNDS)))
    outcome = run_program(mounted.machine, _BESIDE, *words, timeout=_PAIR_S)
    assert not outcome.wrong, f"beside an add: {outcome}"
    assert outcome.counts == dict.fromkeys(("info", "search", "list", "get", "add", "delete"), _ROUNDS)
