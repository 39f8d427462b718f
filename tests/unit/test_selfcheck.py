"""Catalogues of defects are read strictly, chosen from the same way every time, and what was found is counted once."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import msgspec
import pytest

from vexlab.cli.selfcheck import stored_cases
from vexlab.cli.values import duration, levels
from vexlab.errors import UsageError
from vexlab.model.case import CaseResult, PlannedCase, RunInfo
from vexlab.model.key import CaseKey
from vexlab.model.request import Request
from vexlab.model.verdict import Verdict
from vexlab.results.store import Store
from vexlab.selfcheck.defects import load_defects, named, sample, visible_on
from vexlab.selfcheck.detection import Detection, figures, without_false_alarms
from vexlab.selfcheck.trial import Trial, Trials, _undecided, cause, judged

SHIPPED = Path(__file__).parents[2] / "targets" / "vexfs" / "defects.toml"
ENTRY = """
[[defect]]
name = "x"
class = "leak"
description = "d"
where = "f.c"
flavour = ["kasan"]
expected = "e"
"""


def _file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "defects.toml"
    file.write_text(text)
    return file


def test_the_shipped_catalogue() -> None:
    defects = load_defects(SHIPPED)
    assert len(defects) >= 36
    assert len({defect.name for defect in defects}) == len(defects)
    assert 0 < len(visible_on(defects, ["distro"])) <= len(defects)


def test_a_sample_is_spread_and_repeatable() -> None:
    defects = load_defects(SHIPPED)
    assert sample(defects, 5) == sample(defects, 5)
    assert len(set(sample(defects, 5))) == 5
    assert sample(defects, 0) == defects


def test_flavours_and_names(tmp_path: Path) -> None:
    defects = load_defects(_file(tmp_path, ENTRY))
    assert visible_on(defects, ["distro"]) == ()
    assert named(defects, ("x",)) == defects
    with pytest.raises(UsageError, match="no defect `y`"):
        named(defects, ("y",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[defect]", "cannot be read"),
        (ENTRY + 'naem = "y"\n', "unknown key `naem`"),
        ("[[defect]]\nname = 3\n", "defects.toml"),
    ],
)
def test_a_wrong_catalogue_is_explained(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_defects(_file(tmp_path, text))
    assert said in caught.value.message


def _detection(name: str, *by: str, error: str = "") -> Detection:
    return Detection(
        name=name,
        found=bool(by),
        found_by=by,
        findings=tuple(f"{case} broke" for case in by),
        duration_s=1,
        error=error,
    )


def test_a_false_alarm_finds_nothing() -> None:
    clean = _detection("clean", "a.flaky")
    found = without_false_alarms([_detection("x", "a.flaky"), _detection("y", "a.flaky", "b.real")], clean.found_by)
    assert [each.found for each in found] == [False, True]
    assert found[1].found_by == ("b.real",)
    assert found[1].findings == ("b.real broke",)
    counted = figures([clean], found)
    assert (counted.rate, counted.missed, counted.false_alarms) == (0.5, ("x",), 1)
    assert not counted.flawless


def test_what_was_not_tried_is_not_missed() -> None:
    counted = figures([_detection("clean")], [_detection("x", "b.real"), _detection("y", error="does not build")])
    assert (counted.rate, counted.tried, counted.not_tried) == (1.0, 1, ("y",))
    assert not counted.flawless
    assert not figures([_detection("clean", error="no QEMU")], [_detection("x", "b.real")]).flawless
    assert figures([_detection("clean")], [_detection("x", "b.real")]).flawless


def _trials(
    folder: Path, *, jobs: int = 1, cases: tuple[str, ...] = ("a", "b", "c"), sources: str = "abc", stop: bool = True,
    budget: float = 0, program: Sequence[str] = ("false",)
) -> Trials:  # fmt: skip
    request = Request(kernels=("6.1",), jobs=jobs)
    return Trials(folder, request, cases, sources=sources, stop=stop, kept=_kept, budget=budget, program=program)


def test_trials_of_other_options_are_refused(tmp_path: Path) -> None:
    _trials(tmp_path, jobs=1)
    _trials(tmp_path, jobs=1, cases=("c", "b", "a"), budget=60)
    with pytest.raises(UsageError, match="other options"):
        _trials(tmp_path, jobs=2)
    with pytest.raises(UsageError, match="other options"):
        _trials(tmp_path, jobs=1, cases=("a", "b"))
    with pytest.raises(UsageError, match="sources changed"):
        _trials(tmp_path, jobs=1, sources="changed")


def test_two_do_not_work_in_one_folder(tmp_path: Path) -> None:
    first = _trials(tmp_path)
    with pytest.raises(UsageError, match="another selfcheck"):
        _trials(tmp_path)
    del first
    _trials(tmp_path)


# Stands for `vexlab run`: keeps what a plan says of each case it is given, in order, and counts it. A case that the
# plan lets last long ends by the signal, as a run does.
_RUN = r"""
import json, signal, sys, time
from pathlib import Path

signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
words = sys.argv[1:]
here = Path(__file__).parent
plan = json.loads((here / "plan.json").read_text())
status = 0
results = Path(words[words.index("--results") + 1])
if "--no-probe" not in words and "--profile" not in words:
    (results / "run").mkdir(exist_ok=True)
    (results / "run" / "profile.json").write_text("[]")
(here / "words.txt").write_text(" ".join(words))
for case in (words[at + 1] for at, word in enumerate(words) if word == "--case"):
    verdict, seconds = plan[case]
    with (here / "ran.txt").open("a") as ran:
        print(case, file=ran)
    time.sleep(seconds)
    reason = "2 of 5 checks failed:\nf.x (cite): the cause\nf.y: another" if verdict == "failed" else ""
    result = {"key": {"domain": "", "name": case, "kernel": ""}, "node": case, "level": 1, "verdict": verdict,
              "reason": reason, "duration_s": 1.5}
    with (results / "cases").open("a") as kept:
        print(json.dumps(result), file=kept)
    if verdict == "failed":
        status = 1
        if "--first-failure" in words:
            break
    if verdict == "error":
        status = 3
sys.exit(status)
"""
_LONG = 30.0  # seconds


def _kept(results: Path) -> list[CaseResult]:
    file = results / "cases"
    lines = file.read_text().splitlines() if file.exists() else []
    return [msgspec.json.decode(line, type=CaseResult) for line in lines]


class _FakeRun:
    """A program in the place of `vexlab run`, and which cases it was told to run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "run.py").write_text(_RUN)

    def plan(self, **cases: tuple[str, float]) -> None:
        (self.folder / "plan.json").write_text(json.dumps(cases))

    @property
    def program(self) -> tuple[str, ...]:
        return (sys.executable, str(self.folder / "run.py"))

    def ran(self) -> list[str]:
        file = self.folder / "ran.txt"
        ran = file.read_text().split() if file.exists() else []
        file.unlink(missing_ok=True)
        return ran


@pytest.fixture
def fake(tmp_path: Path) -> _FakeRun:
    return _FakeRun(tmp_path)


A_B = CaseKey(domain="a", name="b")
DEFECT = Trial(name="x", target="t", defect="x")
QUIET = ("passed", 0.0)


def test_cases_of_all_runs_of_a_folder_are_read_the_oldest_first(tmp_path: Path) -> None:
    assert stored_cases(tmp_path) == []
    assert not list(tmp_path.iterdir()), "reading made a store"
    case = CaseResult(key=A_B, node="n", level=1, verdict=Verdict.ERROR)
    store = Store(tmp_path)
    for number, verdict in enumerate((Verdict.ERROR, Verdict.PASSED)):
        run = RunInfo(id=str(number), target="t", kernels=("6.1",), accelerator="tcg", started=f"2026-01-0{number + 1}")
        store.begin(run, str(tmp_path))
        store.save(run.id, replace(case, verdict=verdict, started=float(number)))
    store.close()
    assert [each.verdict for each in stored_cases(tmp_path)] == [Verdict.ERROR, Verdict.PASSED]


def test_the_cause_is_kept_and_not_only_its_announcement(fake: _FakeRun, tmp_path: Path) -> None:
    fake.plan(a=QUIET, b=("failed", 0), c=QUIET)
    found = _trials(tmp_path / "state", program=fake.program).result(DEFECT, ("b", "a", "c"))
    assert found.findings == ("2 of 5 checks failed: f.x (cite): the cause",)
    assert fake.ran() == ["b"]
    assert (tmp_path / "state" / "x" / "cases").exists(), "the evidence of what was found is gone"


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("", ""),
        ("it does not unmount: busy\nmore", "it does not unmount: busy"),
        (
            "3 of 9 checks failed:\nio.sizes (POSIX): wrong\nio.other: x",
            "3 of 9 checks failed: io.sizes (POSIX): wrong",
        ),
        ("outer:\n\n  inner:\nthe cause\nmore", "outer: inner: the cause"),
        ("nothing follows:", "nothing follows:"),
        ("x" * 999, "x" * 300),
    ],
)
def test_a_reason_on_one_line(reason: str, said: str) -> None:
    assert cause(reason) == said


def test_an_interrupted_trial_goes_on_where_it_was(fake: _FakeRun, tmp_path: Path) -> None:
    fake.plan(a=QUIET, b=("passed", _LONG), c=QUIET)
    state = tmp_path / "state"
    killed = _interrupted(state, fake)
    assert killed == ["a", "b"]
    fake.plan(a=QUIET, b=QUIET, c=QUIET)
    detection = _trials(state, program=fake.program).result(DEFECT, ("a", "b", "c"))
    assert fake.ran() == ["b", "c"]
    assert not detection.found
    assert not detection.error
    assert sorted(detection.took) == ["a", "b", "c"]
    assert not (state / "x").exists(), "of a trial that found nothing the evidence is kept"
    assert _trials(state, program=fake.program).result(DEFECT) == detection
    assert fake.ran() == []


def _interrupted(state: Path, fake: _FakeRun) -> list[str]:
    """Start a trial in a process of its own, end it when its second case runs; return the cases that it came to."""
    script = (
        "import sys; from pathlib import Path; from tests.unit.test_selfcheck import DEFECT, _trials; "
        "_trials(Path(sys.argv[1]), program=sys.argv[2:]).result(DEFECT, ('a', 'b', 'c'))"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", script, str(state), *fake.program], cwd=root) as selfcheck:
        until = time.monotonic() + 60
        while not (fake.folder / "ran.txt").exists() or len((fake.folder / "ran.txt").read_text().split()) < 2:
            assert time.monotonic() < until, "the second case does not begin"
            assert selfcheck.poll() is None, "the trial ended by itself"
            time.sleep(0.05)
        selfcheck.terminate()
    return fake.ran()


def test_what_was_found_before_an_interruption_is_found(fake: _FakeRun, tmp_path: Path) -> None:
    fake.plan(a=("failed", 0), b=("error", 0), c=QUIET)
    state = tmp_path / "state"
    first = _trials(state, program=fake.program, stop=False)
    assert first.result(DEFECT, ("a", "b", "c")).error, "a run that the lab failed has decided"
    assert fake.ran() == ["a", "b", "c"]
    fake.plan(b=QUIET)
    del first
    again = _trials(state, program=fake.program, stop=False).result(DEFECT, ("a", "b", "c"))
    assert fake.ran() == ["b"], "only what the lab failed is run again"
    assert again.found_by == ("a",)


def test_a_budget_ends_a_trial_undecided(fake: _FakeRun, tmp_path: Path) -> None:
    fake.plan(a=QUIET, b=("passed", _LONG), c=("failed", 0))
    state = tmp_path / "state"
    begin = time.monotonic()
    trials = _trials(state, program=fake.program, budget=2)
    short = trials.result(DEFECT, ("a", "b", "c"))
    assert time.monotonic() - begin < _LONG
    assert short.undecided == "not found within 2 s: 1 of 3 cases ran"
    assert (short.found, short.error) == (False, "")
    assert fake.ran() == ["a", "b"]
    assert trials.result(DEFECT, ("a", "b", "c")).undecided, "a budget that is used up is used up"
    assert fake.ran() == []
    counted = figures([_detection("clean")], [short, _detection("y", "b.real")])
    assert (counted.rate, counted.tried, counted.missed, counted.undecided) == (0.5, 2, (), ("x",))
    assert not counted.flawless
    del trials
    fake.plan(b=QUIET, c=("failed", 0))
    longer = _trials(state, program=fake.program, budget=600).result(DEFECT, ("a", "b", "c"))
    assert longer.found_by == ("c",)
    assert fake.ran() == ["b", "c"], "with a larger budget it goes on"


def test_what_the_clean_target_can_do_is_taken_for_the_defective_ones(fake: _FakeRun, tmp_path: Path) -> None:
    fake.plan(a=QUIET, b=QUIET, c=QUIET)
    trials = _trials(tmp_path / "state", program=fake.program)
    trials.result(DEFECT)
    assert "--no-probe" in (tmp_path / "words.txt").read_text(), "nothing is known: everything is tried"
    trials.result(Trial(name="clean-t", target="t", probed=True))
    trials.result(Trial(name="y", target="t", defect="y"))
    assert f"--profile {tmp_path / 'state' / 'profile.json'}" in (tmp_path / "words.txt").read_text()


def test_a_clean_trial_has_no_budget(fake: _FakeRun, tmp_path: Path) -> None:
    fake.plan(a=QUIET, b=("passed", 2), c=QUIET)
    clean = _trials(tmp_path / "state", program=fake.program, budget=0.5).result(Trial(name="clean-t", target="t"))
    assert sorted(clean.took) == ["a", "b", "c"]
    assert fake.ran() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [("1", (1,)), ("1-2", (1, 2)), ("3,1", (1, 3)), ("1,2-3", (1, 2, 3)), ("2-2", (2,))],
)
def test_levels(words: str, expected: tuple[int, ...]) -> None:
    assert levels(words) == expected


@pytest.mark.parametrize("words", ["", "0", "4", "2-1", "1-", "1,,2", "one", "1-2-3", "\u0661"])
def test_what_is_no_level_is_refused(words: str) -> None:
    with pytest.raises(click.BadParameter, match="names no levels"):
        levels(words)


@pytest.mark.parametrize(("words", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400)])
def test_durations(words: str, seconds: float) -> None:
    assert duration(words) == seconds


@pytest.mark.parametrize("words", ["", "10", "0m", "-1m", "m", "10 m", "1w", "nan"])
def test_what_is_no_duration_is_refused(words: str) -> None:
    with pytest.raises(click.BadParameter, match="is no time"):
        duration(words)


@pytest.mark.parametrize("status", [2, 3, 4, 130, -15])
def test_a_run_that_did_not_end_shows_nothing(status: int) -> None:
    passed = CaseResult(key=A_B, node="n", level=1, verdict=Verdict.PASSED)
    assert not judged("x", 0, [passed], words="", seconds=1).error
    cut_short = judged("x", status, [passed], words="interrupted", seconds=1)
    assert cut_short.error == "interrupted"
    assert figures([_detection("clean")], [cut_short]).not_tried == ("x",)
    assert figures([cut_short], [_detection("y", "b.real")]).not_tried == ("x",)


def test_a_run_in_which_nothing_ran_shows_nothing() -> None:
    skipped = CaseResult(key=A_B, node="n", level=1, verdict=Verdict.SKIPPED)
    assert judged("x", 0, [skipped], words="", seconds=1).error
    assert judged("x", 0, [], words="", seconds=1).error


def test_a_case_that_never_came_has_not_run() -> None:
    planned = PlannedCase(key=CaseKey(domain="d", name="a", kernel="6.1"), node="a", level=1)
    ran = replace(planned.undecided(""), verdict=Verdict.PASSED)
    told = _undecided("x", [ran, planned.undecided("the time was over")], budget=120, of=2, seconds=121.0)
    assert told.undecided == "not found within 2 min: 1 of 2 cases ran"
