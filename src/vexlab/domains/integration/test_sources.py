"""A developer's day: a source tree is built on the filesystem, and its history kept there."""

from __future__ import annotations

import hashlib

import pytest

from vexlab.domains.integration.machines import MACHINE
from vexlab.domains.integration.workflow import Workflow, tar_of
from vexlab.workloads import WORKLOADS

pytestmark = [
    pytest.mark.domain("integration"),
    pytest.mark.level(1),
    pytest.mark.needs(mkfs=True),
    MACHINE,
]

_STEP_S = 240.0
_PROGRAM = 2 << 20  # bytes, more than a program and less than there is room for


@pytest.mark.needs(capabilities="mkdir rmdir unlink mmap_private mtime")
def test_build(workflow: Workflow) -> None:
    """A source tree is unpacked and built; what was built runs; make does again exactly what changed, also later."""
    workflow.room(_PROGRAM)
    machine = workflow.machine
    machine.push(tar_of(WORKLOADS.source), "/tmp/source.tar")
    files = sorted(path for path in WORKLOADS.source.rglob("*.[ch]") if path.is_file())
    sums = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(WORKLOADS.source)}" for path in files)
    machine.push("".join(f"{line}\n" for line in sums).encode(), "/tmp/source.sums")
    for step in ("made", "nothing", "one"):
        workflow.run("build", step, timeout=_STEP_S)
    workflow.remount()
    for step in ("nothing", "works", "one"):
        workflow.run("build", step, timeout=_STEP_S)


@pytest.mark.level(2)
@pytest.mark.slow
@pytest.mark.needs(capabilities="mkdir rmdir unlink rename rename_over symlink chmod mmap_private fsync mtime")
def test_git(workflow: Workflow) -> None:
    """Commits, branches, checkouts, clones, garbage collection and a worktree; git's own checksums hold, also later."""
    workflow.room(_PROGRAM)
    for step in ("commits", "checkouts", "clones", "packed"):
        workflow.run("git", step, timeout=_STEP_S)
    workflow.remount()
    workflow.run("git", "kept", timeout=_STEP_S)
