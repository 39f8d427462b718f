"""Shell scripts are read by shellcheck, those that run in a guest among them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "vexlab"
# What a folder's scripts are written for, and what is no mistake there. busybox's shell takes what bash does here.
FOLDERS = {
    # After prelude.sh in one text: it stops at the first command that fails, and reads what they set.
    "domains/integration/workflows": ("bash", "SC2010,SC2034,SC2046,SC2120,SC2154,SC2164"),
    "images/dev": ("bash", ""),
    "images/guest": ("bash", "SC2093"),  # what follows `exec` is for where the program is missing
    "replay": ("bash", "SC2034,SC2154"),  # variables of files that are read
    "suites/guest": ("bash", ""),
    "workloads": ("bash", ""),
}
_LIBRARIES = ("SC1091",)  # files of the guest's
_SCRIPTS = [file for folder in FOLDERS for file in sorted((SOURCE / folder).rglob("*")) if file.is_file()]
_OURS = [file for file in sorted((ROOT / "scripts").iterdir()) if file.read_bytes().startswith(b"#!/bin/sh\n")]


def _is_shell(file: Path) -> bool:
    first = file.read_bytes()[:30].splitlines()[:1]
    return file.suffix == ".sh" or (bool(first) and first[0].startswith(b"#!") and first[0].endswith(b"sh"))


GUEST = [file for file in _SCRIPTS if _is_shell(file)]


def test_no_folder_of_scripts_is_left_out() -> None:
    found = {file for file in SOURCE.rglob("*.sh") if "__pycache__" not in file.parts}
    assert found <= set(GUEST)
    assert len(GUEST) > 20


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed (scripts/packages-test.txt)")
@pytest.mark.parametrize("file", [*GUEST, *_OURS], ids=lambda file: str(file.relative_to(ROOT)))
def test_shellcheck_has_no_warning(file: Path) -> None:
    shell, allowed = next(
        (each for folder, each in FOLDERS.items() if file.is_relative_to(SOURCE / folder)), ("sh", "")
    )
    excluded = ",".join([*_LIBRARIES, *filter(None, [allowed])])
    argv = [
        "shellcheck",
        "--severity",
        "warning",
        "--shell",
        shell,
        "--exclude",
        excluded,
        "--format",
        "gcc",
        str(file),
    ]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
