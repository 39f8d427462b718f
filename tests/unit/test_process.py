"""Host commands end in time, with their children, and say what went wrong."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from vexlab import process
from vexlab.deadline import Deadline
from vexlab.errors import DeadlineError, InfraError


def test_streams_and_status() -> None:
    done = process.run(["sh", "-c", "cat; echo err >&2; exit 3"], timeout=10, input=b"in")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"in", b"err\n")


def test_a_missing_program_points_to_doctor() -> None:
    with pytest.raises(InfraError) as caught:
        process.run(["no-such-program"], timeout=1)
    assert "doctor" in caught.value.hint
    assert caught.value.exit_code == 3


def test_check_carries_the_last_words() -> None:
    with pytest.raises(InfraError, match="the reason"):
        process.run(["sh", "-c", "echo the reason >&2; exit 1"], timeout=10, check=True)


def test_a_timeout_takes_the_children_along(tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    with pytest.raises(InfraError, match="did not end within"):
        process.run(["sh", "-c", f"(sleep 1; touch {mark}) & wait"], timeout=0.2)
    time.sleep(1.3)
    assert not mark.exists()


def test_output_can_go_to_a_file(tmp_path: Path) -> None:
    process.run(["echo", "x"], timeout=10, stdout=tmp_path / "f")
    assert (tmp_path / "f").read_text() == "x\n"


def test_deadline() -> None:
    deadline = Deadline.after(0.05)
    assert 0 < deadline.remaining <= 0.05
    rounds = sum(1 for _ in deadline.poll())
    assert rounds > 1
    assert deadline.expired
    with pytest.raises(DeadlineError, match="booting"):
        deadline.check("booting")
    assert Deadline.after(10).sooner(1).remaining <= 1
