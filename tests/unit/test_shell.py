"""Shell scripts are read by shellcheck, those that run in a guest among them; none stands in a string."""

from __future__ import annotations

import ast
import re
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
    "images/dev": ("bash", "SC2154"),  # variables that facts.py prints
    "images/guest": ("bash", "SC2093"),  # what follows `exec` is for where the program is missing
    "replay": ("bash", "SC2034,SC2154"),  # variables of files that are read
    "suites/guest": ("bash", ""),
    "targets": ("sh", ""),
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


# What is written for somebody else, with his words in it: a regression's folder, how a run is done again.
WRITTEN = {"fuzz/regression.py", "plugin/reproduce.py"}
_MOST_LINES = 4
# Control flow and statements of a shell, or of Python, at the beginnings of lines.
_PROGRAM = re.compile(
    r"^\s*(for \w+ in |while |if (?!\()|case |import \w|def \w+\(|set -e|\w+\(\) \{|done\b|fi\b)", re.MULTILINE
)


def _texts(file: Path) -> dict[int, str]:
    """Return the strings of a Python file by their lines, less its docstrings; what is put into one is left out."""
    tree = ast.parse(file.read_text())
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found: dict[int, str] = {}
    for node in ast.walk(tree):
        parts = node.values if isinstance(node, ast.JoinedStr) else [node]
        text = "".join(
            str(part.value) for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)
        )
        if text and id(node) not in said:
            found[node.lineno] = max(text, found.get(node.lineno, ""), key=len)  # type: ignore[attr-defined]
    return found


def test_no_program_stands_in_a_string() -> None:
    """ruff, mypy and shellcheck read files alone."""
    files = [file for file in SOURCE.rglob("*.py") if str(file.relative_to(SOURCE)) not in WRITTEN]
    programs = [
        f"{file.relative_to(SOURCE)}:{line}"
        for file in files
        for line, text in _texts(file).items()
        if text.strip().count("\n") >= _MOST_LINES and _PROGRAM.search(text)
    ]
    assert not programs
