"""A domain as a folder: cases are functions, and what they need comes as fixtures."""

from __future__ import annotations

import pytest

from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.plugin.fixtures import Metrics

pytestmark = pytest.mark.needs(mkfs=True)

_LINES = 2000

# Four writers, each with lines of its own; O_APPEND makes each write(2) land whole at the end (POSIX.1-2017 write()).
_APPEND = """
cd {0} && for writer in 1 2 3 4; do
    (for line in $(seq {1}); do echo "$writer-$line"; done >>log) &
done; wait
sort -u log | wc -l; wc -l <log
"""


def test_appended_by_four(mounted: GuestFilesystem, post_checks: PostChecks, metrics: Metrics) -> None:
    """Lines that four writers append at once are all there, each once, also after the filesystem was mounted again."""
    result = mounted.machine.shell(_APPEND.format(mounted.mountpoint, _LINES), timeout=60)
    metrics.record("append_s", result.duration)
    assert result.text.split() == [str(4 * _LINES)] * 2, f"lines are missing or there twice: {result}"
    post_checks.again()
    kept = mounted.machine.shell(f"wc -l <{mounted.mountpoint}/log").text
    assert kept == str(4 * _LINES), f"{kept} of {4 * _LINES} lines are left after mounting again"
