"""The programs whose repetitions show leaks, on a filesystem of this host, and the reader of what they print."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vexlab.guest.repeat import FAILURES, OPERATIONS, unexpected
from vexlab.workloads import LIBRARY


def _run(program: Path, folder: Path, group: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY[0].parent)}  # nothing is known here of what works
    argv = [sys.executable, str(program), str(folder / "work"), group, "2"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("group", ["names", "opens", "calls"])
def test_what_must_fail_fails(tmp_path: Path, group: str) -> None:
    assert unexpected(_run(FAILURES, tmp_path, group)) == ()


def test_a_success_that_must_not_be_is_told(tmp_path: Path) -> None:
    """Calls of VexFS are refused with ENOTTY by every other filesystem."""
    told = unexpected(_run(FAILURES, tmp_path, "vectors"))
    assert told[0] == "call(1, '5I3I', (1, 0, 0, 0, 0, 0, 0, 0), 1) gave ENOTTY, not EINVAL"
    assert len(told) > 8


@pytest.mark.parametrize("group", ["names", "stat", "folders"])
def test_operations_leave_the_tree_as_it_was(tmp_path: Path, group: str) -> None:
    _run(OPERATIONS, tmp_path, group)
    before = sorted(os.walk(tmp_path / "work"))
    _run(OPERATIONS, tmp_path, group)
    assert sorted(os.walk(tmp_path / "work")) == before


def test_only_lines_of_the_program_are_read() -> None:
    text = (
        "sample 1\n"
        "mkdir('dir',) gave success, not EEXIST\n"
        "mkdir('dir',) gave success, not EEXIST\n"
        "ftruncate, pwritethe largest file gave success, not the size and the byte kept\n"
        "removexattr('file', 'user.absent') gave 524, not ENODATA\n"
        "kmalloc-64 gave up\n"
    )
    assert unexpected(text) == (
        "mkdir('dir',) gave success, not EEXIST",
        "ftruncate, pwritethe largest file gave success, not the size and the byte kept",
        "removexattr('file', 'user.absent') gave 524, not ENODATA",
    )
