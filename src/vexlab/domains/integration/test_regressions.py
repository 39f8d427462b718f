"""Mistakes as the shortest workflow that shows each, so that none comes back unseen.

How to add a bug that was found: a line in ``BUGS``, with a name that says what went wrong, the capabilities that it
takes, and a script that runs in the mounted filesystem with the functions of ``workflows/prelude.sh`` and ends well
where the bug is not, within the limits of young filesystems (``within``). Say in a comment which version had it and
which commit mended it. What only shows after a mount, or in fsck, the post checks find.

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

# Each with the capabilities without which it cannot be there.
BUGS: dict[str, tuple[str, str]] = {
    # the bytes behind a cut come back when the file grows again
    "stale_bytes_after_truncate": (
        "truncate_down",
        """
        size=$(within file_sparse 20000)
        head -c $((size / 2)) /dev/zero | tr '\\0' s >file; sync
        truncate -s $((size / 4)) file; fresh; grow file $size; fresh
        is "what is behind the cut" "$(tail -c +$((size / 4 + 1)) file | tr -d '\\0' | wc -c)" 0
    """,
    ),
    # a store through a mapping into a hole of a file, without a write before it, is never given a block
    "mapped_store_into_hole": (
        "mmap_write sparse_files",
        """
        size=$(within file_sparse 1048576)
        grow file $size
        python3 -c "
import mmap, os
view = mmap.mmap(os.open('file', os.O_RDWR), $size)
for at in range(0, $size - $size % 16, $size // 16): view[at:at + 5] = b'store'
"
        fresh
        is "what was stored" "$(tr -d '\\0' <file)" "$(printf 'store%.0s' $(seq 16))"
    """,
    ),
    # a write of whole blocks into a hole, before data that are there, is lost with the page cache
    "blocks_before_data": (
        "sparse_files",
        """
        size=$(within file_sparse 65536) block=4096
        [ "$size" -gt 24000 ] || block=$((size / 8))
        grow file $size
        printf end | dd of=file bs=1 seek=$((5 * block)) conv=notrunc status=none; fresh
        head -c $((2 * block)) /dev/zero | tr '\\0' y >data
        dd if=data of=file bs=$block seek=3 conv=notrunc status=none; fresh
        is "the bytes in the hole" "$(dd if=file bs=$block skip=3 count=2 status=none | md5sum)" "$(md5sum <data)"
        is "the bytes after it" "$(dd if=file bs=1 skip=$((5 * block)) count=3 status=none)" end
    """,
    ),
    # statfs counts blocks that are freed and not yet committed a second time, so that free space grows by deleting
    "free_count_overflow": (
        "unlink statfs_blocks",
        """
        before=$(stat -f -c %f .) size=$(within file_size 8388608)
        for turn in 1 2 3 4; do head -c $size /dev/zero >"file$turn"; sync; done
        rm file?
        after=$(stat -f -c %f .)
        CHECKS=1
        [ "$after" -le "$((before + 8))" ] || fail "$before blocks were free, after making and removing $after"
    """,
    ),
    # attributes whose names begin alike are taken for each other
    "shared_attribute_block": (
        "xattr",
        """
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
    ),
}


@pytest.mark.parametrize(
    "bug", [pytest.param(bug, marks=pytest.mark.needs(capabilities=needs)) for bug, (needs, _) in BUGS.items()]
)
def test_regression(workflow: Workflow, bug: str) -> None:
    """A mistake that filesystems are prone to is not there, nor does it show on disk."""
    workflow.run_text(bug, BUGS[bug][1], timeout=120)
