"""What the domain integration decides outside the guest: what a script measured, what stressors' statuses mean."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from vexlab.domains.integration.stressors import STRESSORS, parse_stressors, wrong_stressors
from vexlab.domains.integration.workflow import SCRIPTS, parse_metrics, script_of, tar_of, words_of
from vexlab.model.machine import CommandResult

FINE = dict.fromkeys(STRESSORS, 0)


def result(stdout: bytes = b"", stderr: bytes = b"", status: int = 1) -> CommandResult:
    return CommandResult(argv=("bash",), status=status, signal=0, stdout=stdout, stderr=stderr, duration=1.0)


def test_metrics_of_one_name_are_added() -> None:
    text = "metric checks_count 3\nnoise metric x_count 1\nmetric size_bytes 10.5\nmetric checks_count 2\n"
    assert parse_metrics(text) == {"checks_count": 5, "size_bytes": 10.5}


def test_words_of_a_failure_are_its_last() -> None:
    assert words_of(result(stderr=b"x" * 5000 + b" the end")).endswith("the end")
    assert words_of(result(stdout=b"said", stderr=b" \n")) == "said"
    assert words_of(result(status=9)) == "it ended with status 9"


def test_the_failing_programs_words_come_before_the_command_that_failed() -> None:
    said = "a warning\nfatal: cannot write: Input/output error\nline 12 of git: `git commit` ended with status 128\n"
    more = 'line 30 of git: `"$STEP"` ended with status 128\n'
    assert words_of(result(stderr=(said + more).encode())).splitlines() == [
        "fatal: cannot write: Input/output error",
        "line 12 of git: `git commit` ended with status 128",
        "a warning",
    ]


# Readers find all the money; of the writers the second fails after a moment.
_SQLITE = """#!/bin/bash
if [ "${!#}" = "SELECT sum(money) FROM account" ]; then echo 40000; exec sleep 0.1; fi
if [ $# = 4 ]; then
    read -r first
    case $first in PRAGMA*) sleep 0.5; echo "Error: stepping, disk I/O error (10)" >&2; exit 1 ;; esac
    cat >/dev/null
    exit
fi
echo "$JOURNAL"
"""


def test_a_workflow_ends_soon_after_a_writer_has_failed(tmp_path: Path) -> None:
    """Readers that nobody tells to stop would hold the script's output, and whoever waits for it, for ever."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "tmp").mkdir()
    (tmp_path / "bin/sqlite3").write_text(_SQLITE)
    (tmp_path / "bin/sqlite3").chmod(0o755)
    script = script_of("database").replace("/tmp/", f"{tmp_path}/tmp/")
    done = subprocess.run(
        ["bash", "-c", script, "database", tmp_path, "load", "wal"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "JOURNAL": "wal"},
    )
    assert done.returncode == 1
    assert "writer1 failed with status 1: Error: stepping, disk I/O error (10)" in done.stderr
    assert "metric checks_count 1" in done.stdout


def test_tar_holds_files_of_root_in_order(tmp_path: Path) -> None:
    for name in ("b/two", "a", "build/left", "b/__pycache__/left"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    with tarfile.open(fileobj=io.BytesIO(tar_of(tmp_path))) as tar:
        assert [(member.name, member.uid) for member in tar] == [("a", 0), ("b/two", 0)]


def test_stressors_that_ended_well() -> None:
    assert parse_stressors("stressor copy-file 0\nstressor dir 2\nnoise\n") == {"copy-file": 0, "dir": 2}
    assert wrong_stressors(FINE) == ""
    assert wrong_stressors(FINE | {"handle": 4}) == ""


@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        (dict(list(FINE.items())[:-1]), f"no result of {STRESSORS[-1]}"),
        (FINE | {"link": 2}, "failed: link (2)"),
        (FINE | {"link": 124}, "failed: link (124)"),
        (dict.fromkeys(STRESSORS, 4), "too many"),
    ],
)
def test_stressors_that_did_not(statuses: dict[str, int], words: str) -> None:
    assert words in wrong_stressors(statuses)


def test_every_script_is_a_workflow_that_some_case_runs() -> None:
    cases = "".join(file.read_text() for file in SCRIPTS.parent.glob("test_*.py"))
    names = {file.stem for file in SCRIPTS.glob("*.sh")} - {"prelude"}
    assert names == set(re.findall(r'(?:run|script)\("(\w+)"', cases))
    for name in names:
        assert script_of(name).startswith("# SPDX-License-Identifier: Apache-2.0")
