"""The edit loop: what its screen says of each round, and cases in a process that is forked for them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.reports.made import case

from vexlab.model.request import Request
from vexlab.model.verdict import Verdict
from vexlab.watch.session import Phase, Round, Screen, lines
from vexlab.watch.warm import Ended, Planned, WarmRun

SCREEN = Screen(target="x", kernel="6.1")
RED = Round(
    number=1,
    changed=("super.c",),
    build_s=0.8,
    first_s=1.9,
    planned=3,
    cases=(case("one"), case("two", Verdict.CRASHED, "BUG: x\nin y"), case("three", Verdict.FAILED, "lost\nmore")),
)


def _text(screen: Screen) -> str:
    return "\n".join(line for line, _ in lines(screen))


def test_the_first_failure_is_shown_whole_and_others_in_a_line() -> None:
    text = _text(SCREEN.after(RED))
    assert "CRASHED filesystem_operations.two[6.1]\n  BUG: x\n  in y" in text
    assert "FAILED filesystem_operations.three[6.1]: lost\n" in text
    assert "3 of 3 cases, 1 passed" in text
    assert "1. 2 red            build 0.8 s, first case after 1.9 s  super.c" in text


def test_a_build_that_fails_shows_the_compilers_words() -> None:
    screen = SCREEN.after(Round(number=1, build_error="x does not build\na.c:1:2: error: y"))
    assert "a.c:1:2: error: y" in _text(screen)
    assert "does not build" in _text(screen)


def test_history_stays_and_is_bounded() -> None:
    screen = SCREEN
    for number in range(1, 21):
        screen = screen.after(Round(number=number, cases=(case("one"),)))
    text = _text(screen)
    assert " 20. 1 passed" in text
    assert " 12. " not in text


def test_a_round_in_which_nothing_ran_is_no_pass() -> None:
    assert Round(number=1).word == "nothing ran"
    assert Round(number=1, error="no memory", cases=(case("one"),)).word == "lab error"
    assert Screen(target="x", kernel="6.1", phase=Phase.BUILDING).phase == "building"


CASES = """
def test_a(): assert False, "told"
def test_b():
    import os
    os._exit(9)
"""


def test_cases_in_a_forked_process_are_told_and_cannot_end_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "test_own.py").write_text(CASES)
    (tmp_path / "src").mkdir()
    (tmp_path / "target.toml").write_text('name = "x"\nfstype = "x"\nsource = "src"\n')
    monkeypatch.chdir(tmp_path)
    request = Request(target=str(tmp_path / "target.toml"), kernels=("6.1",), paths=(str(tmp_path / "own"),))
    said: list[Planned | Ended] = []
    with WarmRun(request, tmp_path / "round") as running:
        assert not list(running.said(0.5)), "it waits for the module"
        running.go()
        while running.running:
            said += running.said(1.0)
    assert said[0] == Planned(count=2)
    (ended,) = [each for each in said if isinstance(each, Ended)]
    assert (ended.case.verdict, ended.case.reason) == (Verdict.FAILED, "told")
    assert running.status == 9


def test_cases_that_nobody_wants_any_more_do_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "test_own.py").write_text(f"def test_a(): open({str(tmp_path / 'ran')!r}, 'w')")
    (tmp_path / "src").mkdir()
    (tmp_path / "target.toml").write_text('name = "x"\nfstype = "x"\nsource = "src"\n')
    monkeypatch.chdir(tmp_path)
    request = Request(target=str(tmp_path / "target.toml"), kernels=("6.1",), paths=(str(tmp_path / "own"),))
    with WarmRun(request, tmp_path / "round") as running:
        pass
    assert not running.running
    assert not (tmp_path / "ran").exists()
