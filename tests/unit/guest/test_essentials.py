"""The programs for what young filesystems get wrong and for limits, on a filesystem of this host; their reader."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vexlab.guest.essentials import ESSENTIALS, LIMITS, Found, found
from vexlab.workloads import LIBRARY


def _run(program: Path, *words: str) -> Found:
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY[0].parent)}  # nothing is known here of what works
    argv = [sys.executable, str(program), *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr
    return found(done.stdout)


@pytest.mark.parametrize("check", ["append", "write_nothing"])
def test_a_sound_filesystem_does_nothing_wrong(tmp_path: Path, check: str) -> None:
    assert _run(ESSENTIALS, check, str(tmp_path), "writes") == Found()


@pytest.mark.parametrize("resource", ["descriptors", "file_size"])
def test_a_sound_filesystem_lives_with_limits(tmp_path: Path, resource: str) -> None:
    assert _run(LIMITS, resource, str(tmp_path)) == Found()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Found()),
        ("skip: 7 inodes are free\n", Found(skipped="7 inodes are free")),
        ("mkdir says EIO\nonly 3 bytes\n", Found(wrong=("mkdir says EIO", "only 3 bytes"))),
    ],
)
def test_what_is_wrong_is_told_from_what_is_skipped(text: str, expected: Found) -> None:
    assert found(text) == expected
