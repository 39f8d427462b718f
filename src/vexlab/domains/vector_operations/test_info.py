"""What is told of collections and of the filesystem besides vectors: their form, and what was done since the mount."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.program import run_program
from vexlab.model.target import Target
from vexlab.workloads import SCRIPTS

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs(mkfs=True, vectors=True),
    pytest.mark.single_thread_tcg,
]

_PROGRAM = SCRIPTS / "vector_info.py"


@pytest.mark.usefixtures("store")
def test_info(target: Target, mounted: GuestFilesystem) -> None:
    """A collection's form and metadata are told as they were made; the filesystem counts what is done to vectors."""
    if target.vectors != "vexctl":
        pytest.skip("these calls and numbers are VexFS's own")
    told_in = f"/sys/fs/{target.fstype}/{PurePosixPath(mounted.device).name}"
    outcome = run_program(mounted.machine, _PROGRAM, mounted.mountpoint, told_in, timeout=60)
    assert not outcome.wrong, str(outcome)
