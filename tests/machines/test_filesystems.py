"""Filesystems of the kernel that nobody here wrote: a target is drafted, and a run comes to verdicts."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.filesystems import QUICK, outcome

pytestmark = [pytest.mark.machine, pytest.mark.long]  # an image with the filesystem's programs, a probe, a quick run

FOUR = ("exfat", "f2fs", "nilfs2", "vfat")  # `python -m bench.filesystems` tries all


@pytest.mark.parametrize("name", FOUR)
def test_a_run_comes_to_verdicts(name: str, tmp_path: Path) -> None:
    found = outcome(name, tmp_path, "6.1-amd64", QUICK)
    assert found.ran, found
    assert found.capabilities["works"] > 20, found
