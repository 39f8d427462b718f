"""Mistakes as the shortest workflow that shows each, so that none comes back unseen.

How to add a bug that was found: a line in ``BUGS``, with a name that says what went wrong, and a script that runs in
the mounted filesystem with the functions of ``workflows/prelude.sh`` and ends well where the bug is not. Say in a
comment which version had it and which commit mended it. What only shows after a mount, or in fsck, the post checks
find.

Those that stand here so far are mistakes which filesystems are prone to, not bugs of a certain version.
"""

from __future__ import annotations

import pytest

from vexlab.domains.integration.machines import MACHINE
from vexlab.domains.integration.workflow import Workflow

pytestmark = [
    pytest.mark.domain("integration"),
    pytest.mark.level(1),
    pytest.mark.needs(mkfs=True),
    MACHINE,
]

BUGS: dict[str, str] = {
    # the bytes behind a cut come back when the file grows again
    "stale_bytes_after_truncate": """
        head -c 10000 /dev/zero | tr '\\0' s >file; sync
        truncate -s 5000 file; fresh; truncate -s 20000 file; fresh
        is "what is behind the cut" "$(tail -c +5001 file | tr -d '\\0' | wc -c)" 0
    """,
    # a store through a mapping into a hole of a file, without a write before it, is never given a block
    "mapped_store_into_hole": """
        truncate -s 1M file
        python3 -c "
import mmap, os
view = mmap.mmap(os.open('file', os.O_RDWR), 1 << 20)
for at in range(0, 1 << 20, 65536): view[at:at + 5] = b'store'
"
        fresh
        is "what was stored" "$(tr -d '\\0' <file)" "$(printf 'store%.0s' $(seq 16))"
    """,
    # a write of whole blocks into a hole, before data that are there, is lost with the page cache
    "blocks_before_data": """
        truncate -s 64K file
        printf end | dd of=file bs=1 seek=20480 conv=notrunc status=none; fresh
        head -c 8192 /dev/zero | tr '\\0' y >data; dd if=data of=file bs=4096 seek=3 conv=notrunc status=none; fresh
        is "the bytes in the hole" "$(dd if=file bs=4096 skip=3 count=2 status=none | md5sum)" "$(md5sum <data)"
        is "the bytes after it" "$(dd if=file bs=1 skip=20480 count=3 status=none)" end
    """,
    # statfs counts blocks that are freed and not yet committed a second time, so that free space grows by deleting
    "free_count_overflow": """
        before=$(stat -f -c %f .)
        for turn in 1 2 3 4; do head -c 8M /dev/zero >"file$turn"; sync; done
        rm file?
        after=$(stat -f -c %f .)
        CHECKS=1
        [ "$after" -le "$((before + 8))" ] || fail "$before blocks were free, after making and removing $after"
    """,
    # attributes whose names begin alike are taken for each other
    "shared_attribute_block": """
        echo x >file
        setfattr -n user.abc -v long file
        refused "No such attribute" getfattr --only-values -n user.ab file
        setfattr -n user.ab -v short file
        setfattr -n user.a -v shortest file
        is "the attributes" "$(getfattr -d file | grep user | sort | tr '\\n' ' ')" \
            'user.a="shortest" user.ab="short" user.abc="long" '
        setfattr -x user.a file
        is "the others" "$(getfattr -d file | grep user | sort | tr '\\n' ' ')" 'user.ab="short" user.abc="long" '
    """,
}


@pytest.mark.parametrize("bug", list(BUGS))
def test_regression(workflow: Workflow, bug: str) -> None:
    """A mistake that filesystems are prone to is not there, nor does it show on disk."""
    workflow.run_text(bug, BUGS[bug], timeout=120)
