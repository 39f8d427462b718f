"""Calls at random beside a model of what they promise: vectors with metadata, deleted, listed, counted and searched."""

from __future__ import annotations

import os
import random

import pytest

from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.guest.program import run_program
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics
from vexlab.workloads import SCRIPTS

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs(mkfs=True, vectors=True),
    pytest.mark.single_thread_tcg,
]

_SEED = "VEXLAB_SEED"  # environment variable: do the calls of an earlier run again
_SEEDS = 1 << 31
_STEPS = 150

_PROGRAM = SCRIPTS / "vector_model.py"


@pytest.mark.usefixtures("post_checks")
def test_program(mounted: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """Random calls answer as the interface promises, metadata and all, and go on so after mount where they ended."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    seed = int(os.environ.get(_SEED) or random.randrange(_SEEDS))
    metrics.record("seed", seed)
    for part in range(3):
        words = (f"{mounted.mountpoint}/program", str(seed + part), str(_STEPS))
        outcome = run_program(mounted.machine, _PROGRAM, *words, timeout=120)
        assert not outcome.wrong, f"part {part} of 3 (do it again with {_SEED}={seed}): {outcome}"
        PostChecks(mounted).again()
