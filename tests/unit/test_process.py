"""Host commands end in time, with their children, and say what went wrong."""

from __future__ import annotations

import resource
import signal
import sys
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


def test_a_child_in_the_background_does_not_hold_us_up(tmp_path: Path) -> None:
    begin = time.monotonic()
    mark = tmp_path / "alive"
    done = process.run(["sh", "-c", f"(sleep 3; touch {mark}) & echo begun"], timeout=20)
    assert (done.returncode, done.text) == (0, "begun\n")
    assert time.monotonic() - begin < 3
    time.sleep(3.2)
    assert not mark.exists(), "it ends with the command"


def test_what_was_printed_before_the_end_is_all_there() -> None:
    done = process.run(["sh", "-c", "sleep 30 & head -c 60000 /dev/zero"], timeout=20)
    assert len(done.stdout) == 60000


def test_head_and_tail_of_long_output_are_kept() -> None:
    done = process.run(["sh", "-c", "seq 1000000; seq 1000000 >&2"], timeout=60, keep=1000)
    for text in (done.text, done.error_text):
        assert text.startswith("1\n2\n3\n")
        assert text.endswith("999999\n1000000\n")
        head, middle, tail = text.partition("\n[6887896 bytes left out]\n")
        assert middle
        assert len(head) + len(tail) == 1000


def test_output_of_the_length_that_is_kept_is_whole() -> None:
    assert process.run(["head", "-c", "1000", "/dev/zero"], timeout=10, keep=1000).stdout == bytes(1000)
    assert b"[2 bytes left out]" in process.run(["head", "-c", "1002", "/dev/zero"], timeout=10, keep=1000).stdout


def test_endless_output_fills_no_memory() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DeadlineError):
        process.run(["yes", "a line that is printed for ever"], timeout=1.5, keep=1 << 20)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 << 10  # KiB; yes prints gigabytes


def test_much_input_and_output_at_once() -> None:
    data = bytes(range(256)) * 20000
    assert process.run(["cat"], timeout=20, input=data).stdout == data
    assert process.run(["true"], timeout=20, input=data).returncode == 0


def test_an_environment_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "x")
    assert "TOKEN=x" in process.run(["env"], timeout=10).text
    assert process.run(["env"], timeout=10, env={"A": "b"}, inherit=False).text == "A=b\n"


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


_INTERRUPTS = """
import os, signal, sys
signal.signal(signal.SIGINT, lambda *_: sys.exit(7))
os.kill(os.getppid(), signal.SIGINT)
os.kill(os.getpid(), signal.SIGINT)
"""


def test_an_interrupt_is_meant_for_the_program_that_has_the_terminal() -> None:
    before = signal.getsignal(signal.SIGINT)
    assert process.hand_over([sys.executable, "-c", _INTERRUPTS]) == 7
    assert signal.getsignal(signal.SIGINT) is before


def test_what_goes_on_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    log, file = tmp_path / "log", tmp_path / "child"
    log.write_text("before\n")
    script = f"trap '' INT; sleep 300 & echo $! >{file}; echo on; wait; sleep 300"
    started = process.Started(["sh", "-c", script], log)
    assert any(file.exists() and file.read_text().strip() for _ in Deadline.after(10).poll())
    started.end(0.2)
    assert started.returncode == -9, "it took no notice of SIGINT"
    assert log.read_text() == "before\non\n"
    stat = Path(f"/proc/{file.read_text().strip()}/stat")
    assert any(not stat.exists() or ") Z " in stat.read_text() for _ in Deadline.after(5).poll())
