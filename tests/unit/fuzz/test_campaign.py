"""A campaign survives its process, goes on where it was, and notes each crash once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from vexlab.errors import InfraError, MachineLost, UsageError
from vexlab.fuzz.campaign import Campaign, Plan, RoundFinding, RoundResult
from vexlab.fuzz.crash import Crash, Mode
from vexlab.fuzz.folder import Asked, Folder, Logged, State, campaigns, find_campaign
from vexlab.model.report import Severity
from vexlab.model.verdict import Finding

ASKED = Asked(mode=Mode.IOCTL, target="x", kernel="6.1", seed=7)
BUG = Finding(title="BUG in f", type="BUG", severity=Severity.CRASH, frame="f", text="the whole report")


class _Rounds:
    """Gives what it was told to, round for round; then nothing more happens. Notes seeds and corpora."""

    def __init__(self, *did: RoundResult | BaseException) -> None:
        self.did = list(did)
        self.seen: list[tuple[int, str]] = []

    def __call__(self, state: State, corpus: str, seconds: float, keep: Callable[[Finding], Path]) -> RoundResult:
        del seconds, keep
        self.seen.append((state.asked.seed + state.rounds, corpus))
        did = self.did.pop(0) if self.did else RoundResult(programs=1, calls=1, guest_seconds=0.1)
        if isinstance(did, BaseException):
            raise did
        return did


class _Shows:
    """Shows every crash again."""

    def parts(self, text: str) -> list[str]:
        return text.splitlines()

    def text(self, parts: Sequence[str]) -> str:
        return "".join(f"{part}\n" for part in parts)

    def shows(self, crash: Crash, text: str, *, times: int) -> bool:
        del crash, times
        return "bad" in text

    def fresh(self) -> None:
        pass

    def simplify(self, parts: list[str], shows: object) -> list[str]:
        del shows
        return parts


def _did(*met: RoundFinding, programs: int = 100, corpus: str = "") -> RoundResult:
    return RoundResult(programs=programs, calls=10 * programs, guest_seconds=1.0, met=met, corpus=corpus)


def _run(path: Path, rounds: _Rounds, *, first: bool = True, duration: float = 100.0) -> tuple[list[str], State]:
    said: list[str] = []
    with closing(Folder(path)) as folder:
        campaign = Campaign(folder, folder.begin(ASKED), rounds, _Shows(), said=said.append)
        campaign.run(Plan(duration_s=duration, first=first))
        return said, campaign.state


def test_a_crash_is_kept_with_its_reproducer(tmp_path: Path) -> None:
    rounds = _Rounds(_did(corpus="0 open 1 0 66\n"), _did(RoundFinding(finding=BUG, candidates=("good\nbad\n",))))
    said, state = _run(tmp_path / "c", rounds)
    (crash,) = Folder(tmp_path / "c").crashes()
    assert (crash.title, crash.programs, crash.seed) == ("BUG in f", 200, 9)
    assert (crash.verified.hits, crash.parts_before, crash.parts) == (5, 2, 1)
    place = Folder(tmp_path / "c").place(crash)
    assert (place / "program.txt").read_text() == "bad\n"
    assert (place / "finding.txt").read_text() == "the whole report"
    assert state.programs == 200
    assert rounds.seen == [(7, ""), (8, "0 open 1 0 66\n")]
    assert any("shown again 5 of 5 times" in words for words in said)


def test_the_same_crash_is_counted_and_not_kept_twice(tmp_path: Path) -> None:
    met = RoundFinding(finding=BUG, candidates=("bad\n",))
    again = RoundFinding(finding=replace(BUG, title="GPF in f"), candidates=("bad\n",))  # the same function
    other = RoundFinding(finding=replace(BUG, title="GPF in g", frame="g"), candidates=("bad\n",))
    rounds = _Rounds(_did(met), _did(again), _did(other), KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path / "c", rounds, first=False)
    found = {crash.title: crash.count for crash in Folder(tmp_path / "c").crashes()}
    assert found == {"BUG in f": 2, "GPF in g": 1}


def test_a_second_start_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with pytest.raises(KeyboardInterrupt):
        _run(path, _Rounds(_did(), _did(corpus="new\n"), KeyboardInterrupt()))
    rounds = _Rounds(_did(RoundFinding(finding=BUG, candidates=("bad\n",))))
    _, state = _run(path, rounds)
    assert rounds.seen == [(9, "new\n")], "another seed, and the corpus there was"
    assert (state.rounds, state.programs) == (3, 300)


def test_a_crash_that_nobody_came_to_settle_is_settled_first(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with closing(Folder(path)) as folder:
        folder.begin(ASKED)
        crash = Crash(title="BUG in f", type="BUG", frame="f", fingerprint="", mode=Mode.IOCTL, seconds=1, programs=5)
        folder.save_crash(crash, "good\nbad\n")
    _run(path, _Rounds())
    (settled,) = Folder(path).crashes()
    assert settled.settled
    assert settled.verified.hits == 5
    assert Folder(path).program(settled) == "bad\n"


def test_the_duration_is_that_of_all_starts(tmp_path: Path) -> None:
    with closing(Folder(tmp_path / "c")) as folder:
        folder.save(replace(folder.begin(ASKED), seconds=99.5))
    rounds = _Rounds()
    _run(tmp_path / "c", rounds)
    assert not rounds.seen


def test_a_lab_that_fails_again_and_again_is_told(tmp_path: Path) -> None:
    with pytest.raises(InfraError):
        _run(tmp_path / "c", _Rounds(*[MachineLost("gone")] * 9))
    _, state = _run(
        tmp_path / "d", _Rounds(MachineLost("gone"), _did(RoundFinding(finding=BUG, candidates=("bad\n",))))
    )
    assert state.rounds == 1


def test_only_one_process_works_in_a_folder(tmp_path: Path) -> None:
    with closing(Folder(tmp_path / "c")) as folder:
        folder.begin(ASKED)
        assert Folder(tmp_path / "c").running()
        with pytest.raises(UsageError, match="another process works"):
            Folder(tmp_path / "c").begin(ASKED)
    assert not Folder(tmp_path / "c").running()


def test_a_folder_belongs_to_one_campaign(tmp_path: Path) -> None:
    with closing(Folder(tmp_path / "c")) as folder:
        folder.save(replace(folder.begin(ASKED), rounds=1))
    with closing(Folder(tmp_path / "c")) as folder, pytest.raises(UsageError, match="with another kernel"):
        folder.begin(replace(ASKED, kernel="6.12"))
    with closing(Folder(tmp_path / "c")) as folder:
        assert folder.begin(replace(ASKED, seed=8)).asked.seed == 7


def test_a_request_to_stop_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "c"

    class _Stopped(_Rounds):
        def __call__(self, state: State, corpus: str, seconds: float, keep: Callable[[Finding], Path]) -> RoundResult:
            Folder(path).ask_to_stop()
            return super().__call__(state, corpus, seconds, keep)

    _, state = _run(path, _Stopped())
    assert state.rounds == 1
    with closing(Folder(path)) as folder:
        folder.begin(ASKED)
        assert not folder.stop_asked(), "the next start does not remember it"


def test_a_torn_line_of_the_log_is_left_out(tmp_path: Path) -> None:
    with closing(Folder(tmp_path / "c")) as folder:
        folder.begin(ASKED)
        folder.log(Logged(at=1, programs=2, calls=3, guest_seconds=4))
        with (folder.path / "rounds.jsonl").open("a") as file:
            file.write('{"at": 2, "prog')
        assert [line.programs for line in folder.logged()] == [2]


def test_a_campaign_is_found_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no campaign in"):
        find_campaign(tmp_path, "")
    with closing(Folder(tmp_path / "fuzz" / "one")) as folder:
        folder.begin(ASKED)
    assert [each.name for each in campaigns(tmp_path)] == ["one"]
    assert find_campaign(tmp_path, "").name == "one"
    with pytest.raises(UsageError, match="no campaign `on`") as error:
        find_campaign(tmp_path, "on")
    assert "did you mean `one`?" in error.value.hint


_WRITER = """
import sys
from pathlib import Path
from vexlab.fuzz.crash import Crash, Mode
from vexlab.fuzz.folder import Asked, Folder, Logged
from dataclasses import replace
folder = Folder(Path(sys.argv[1]))
state = folder.begin(Asked(mode=Mode.IOCTL, target="x", kernel="6.1", seed=7))
number = state.rounds
while True:
    number += 1
    crash = Crash(title=f"BUG {number % 9}", type="BUG", frame="", fingerprint="", mode=Mode.IOCTL, seconds=number,
                  programs=number)
    folder.save_crash(crash, "0 close 1\\n" * (number % 50))
    folder.save_corpus("0 close 1\\n" * (number % 500))
    folder.log(Logged(at=number, programs=1, calls=1, guest_seconds=1))
    folder.save(replace(state, rounds=number))
    print(number, flush=True)
"""


def test_kill_nine_loses_nothing_that_was_said(tmp_path: Path) -> None:
    last = 0
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path / "c")], stdout=subprocess.PIPE, env={**os.environ}
        ) as child:
            assert child.stdout
            until = time.monotonic() + 30
            for line in child.stdout:
                if int(line) > last + 20 or time.monotonic() > until:
                    break
            child.send_signal(signal.SIGKILL)
            rest = child.stdout.read().split()
        told = int(rest[-1]) if rest else int(line)
        state = Folder(tmp_path / "c").state()
        assert state is not None
        assert state.rounds >= told > last
        assert Folder(tmp_path / "c").crashes()
        assert all(line.programs == 1 for line in Folder(tmp_path / "c").logged())
        assert not Folder(tmp_path / "c").running()
        last = state.rounds
    assert json.loads((tmp_path / "c" / "campaign.json").read_text())["rounds"] == last


def test_options_under_which_nothing_was_done_bind_nobody(tmp_path: Path) -> None:
    wrong, right = replace(ASKED, build_args=("DEFECT=tpyo",)), ASKED
    with closing(Folder(tmp_path / "it")) as folder:
        folder.begin(wrong)
    with closing(Folder(tmp_path / "it")) as folder:
        folder.save(replace(folder.begin(right), rounds=1, programs=7))
    with (
        closing(Folder(tmp_path / "it")) as folder,
        pytest.raises(UsageError, match="with another build_args"),
    ):
        folder.begin(wrong)
