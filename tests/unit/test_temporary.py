"""What a dead process left in the temporary folder goes at the next start; what a living one works in stays."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vexlab import temporary

_OWNER = """
import sys, time
from vexlab import temporary
with temporary.folder("build") as folder:
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


def test_a_folder_goes_with_its_block(tmp_path: Path) -> None:
    with temporary.folder("proof") as folder:
        assert folder.parent == tmp_path
        temporary.sweep()
        assert folder.is_dir()
    assert not folder.exists()


def test_a_folder_of_a_killed_process_is_swept(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", _OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout
    folder = Path(owner.stdout.readline().strip())
    temporary.sweep()
    assert folder.is_dir(), "its owner lives"
    owner.kill()
    owner.communicate()
    temporary.sweep()
    assert not folder.exists()


def test_a_folder_without_a_lock_is_left_alone_while_it_is_young(tmp_path: Path) -> None:
    folder = tmp_path / "vexlab-x"
    folder.mkdir()
    (tmp_path / "other").mkdir()
    temporary.sweep()
    assert folder.exists()
    os.utime(folder, (time.time() - 3600,) * 2)
    temporary.sweep()
    assert not folder.exists()
    assert (tmp_path / "other").exists()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (tmp_path / "vexlab-link").symlink_to(precious)
    os.utime(precious, (0, 0))
    temporary.sweep()
    assert precious.exists()
