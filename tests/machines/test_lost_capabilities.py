"""A capability that is gone is a failure of its own, however cleanly it is refused: ten of VexFS, one at a time."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.machine, pytest.mark.long]  # a build and a probe for each

VEXFS = Path(__file__).parents[2] / "targets" / "vexfs"
_RUN_S = 1800.0

# What is left out of the build (YOUNG), the capability that is lost by it, and what the case then says of it.
LOST = {
    "no_link": ("link", "is refused now (EPERM)"),
    "no_symlink": ("symlink", "is refused now (EPERM)"),
    "no_xattr": ("xattr", "is refused now (EOPNOTSUPP)"),
    "no_tmpfile": ("tmpfile", "is refused now (EOPNOTSUPP)"),
    "no_mmap_write": ("mmap_write", "is refused now (EINVAL)"),
    "no_truncate_up": ("truncate_up", "is refused now (EPERM)"),
    "no_rename_over": ("rename_over", "is broken now: wrong errno"),  # EEXIST is no refusal that POSIX knows
    "no_fsync": ("fsync", "is refused now (EINVAL)"),
    "no_freeze": ("freeze", "is refused now (EOPNOTSUPP)"),
    "small_files": ("file_sparse", "49152 bytes now, "),
}


def _run(folder: Path, *options: str) -> tuple[int, dict[str, Any]]:
    """Return the exit status of a run of the cases about the profile, and its results."""
    file = folder / "run.json"
    argv = [sys.executable, "-m", "vexlab", "run", "--target", str(VEXFS), "--kernel", "6.1", "--accept-refusals"]
    argv += ["--results", str(folder / "results"), "--json", str(file), *options]
    argv += ["--case", "filesystem_operations.capabilities_kept", "--case", "filesystem_operations.refusals"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_RUN_S, check=False)
    assert file.exists(), done.stderr
    return done.returncode, json.loads(file.read_text())


def _kept(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in document["cases"] if "capabilities_kept" in each["id"])
    return found


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the results of a run of all that VexFS can do."""
    folder = tmp_path_factory.mktemp("before")
    status, document = _run(folder)
    assert _kept(document)["verdict"] == "skipped", "an earlier run is known, and there is none"
    assert status == 0
    return folder


def test_nothing_is_lost_without_a_change(before: Path, tmp_path: Path) -> None:
    shutil.copytree(before, tmp_path, dirs_exist_ok=True)
    status, document = _run(tmp_path)
    assert (status, _kept(document)["verdict"]) == (0, "passed")


@pytest.mark.parametrize("word", LOST)
def test_a_lost_capability_is_named(before: Path, tmp_path: Path, word: str) -> None:
    capability, said = LOST[word]
    shutil.copytree(before, tmp_path, dirs_exist_ok=True)
    status, document = _run(tmp_path, "--build-arg", f"YOUNG={word}")
    assert status == 1
    kept = _kept(document)
    assert kept["verdict"] == "failed"
    lines = [line for line in kept["reason"].splitlines() if f"{capability}: " in line]
    assert lines, kept["reason"]
    assert said in lines[0]
    others = [each["id"] for each in document["cases"] if each["verdict"] == "failed" and each is not kept]
    assert others == [], "it would have been noticed anyway"
