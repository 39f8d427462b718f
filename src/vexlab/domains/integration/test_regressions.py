"""Mistakes as the shortest workflow that shows each, so that none comes back unseen.

How to add a bug that was found: a line in ``BUGS``, with a name that says what went wrong, the capabilities that it
takes, and a script of ``workloads/scripts`` that runs in the mounted filesystem with the functions of
``workflows/prelude.sh`` and ends well where the bug is not, within the limits of young filesystems (``within``). Say at
its head which version had it and which commit mended it. What only shows after a mount, or in fsck, the post checks
find.

Those that stand here so far are mistakes which filesystems are prone to, not bugs of a certain version.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.domains.integration.machines import MACHINE
from vexlab.domains.integration.workflow import Workflow
from vexlab.guest.program import put
from vexlab.workloads import SCRIPTS, script

pytestmark = [
    pytest.mark.domain("integration"),
    pytest.mark.level(1),
    pytest.mark.needs(mkfs=True),
    MACHINE,
]

_STORE = SCRIPTS / "store_mapped.py"
# Each with the capabilities without which it cannot be there, the script, and what that runs.
BUGS: dict[str, tuple[str, str, tuple[Path, ...]]] = {
    "stale_bytes_after_truncate": ("truncate_down", "bug_stale_bytes_after_truncate.sh", ()),
    "mapped_store_into_hole": ("mmap_write sparse_files", "bug_mapped_store_into_hole.sh", (_STORE,)),
    "blocks_before_data": ("sparse_files", "bug_blocks_before_data.sh", ()),
    "free_count_overflow": ("unlink statfs_blocks", "bug_free_count_overflow.sh", ()),
    "shared_attribute_block": ("xattr", "bug_shared_attribute_block.sh", ()),
}


@pytest.mark.parametrize(
    "bug", [pytest.param(bug, marks=pytest.mark.needs(capabilities=needs)) for bug, (needs, *_) in BUGS.items()]
)
def test_regression(workflow: Workflow, bug: str) -> None:
    """A mistake that filesystems are prone to is not there, nor does it show on disk."""
    _, name, programs = BUGS[bug]
    for program in programs:
        put(workflow.machine, program)
    workflow.run_text(bug, script(name), timeout=120)
