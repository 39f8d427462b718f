"""Which commit brought a problem: the odds, the search, git, and the whole with a case that is a coin."""

from __future__ import annotations

import dataclasses
import json
import random
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from vexlab import process
from vexlab.bisect.bisection import Answer, Bisection
from vexlab.bisect.history import History
from vexlab.bisect.odds import confidence_of, missed, runs_needed, steps_of
from vexlab.bisect.search import Looked, Mark, culprit, following
from vexlab.cli.bisect import CaseRuns
from vexlab.errors import InfraError, UsageError
from vexlab.model.case import CaseResult, PlannedCase, RunInfo
from vexlab.model.key import CaseKey
from vexlab.model.request import Request
from vexlab.model.target import Target
from vexlab.model.verdict import Verdict
from vexlab.results.store import Store

PASSED = dataclasses.replace(
    PlannedCase(key=CaseKey(domain="d", name="a", kernel="6.1"), node="a", level=1).undecided(""),
    verdict=Verdict.PASSED,
)


def test_a_third_of_red_needs_fifteen_runs() -> None:
    assert runs_needed(0.3, 0.95, 10) == 15
    assert runs_needed(1.0, 0.95, 10) == 1
    assert runs_needed(0.001, 0.95, 10) == 200
    assert missed(0.3, 15) < 0.005
    assert 0.95 < confidence_of(0.3, [15] * 10) < 0.96
    assert (steps_of(1), steps_of(1000)) == (1, 10)
    with pytest.raises(ValueError, match="cannot be looked for"):
        runs_needed(0, 0.95, 3)


REVISIONS = tuple("abcdefgh")


def _search(bad_from: str, skipped: str = "") -> tuple[tuple[str, ...], int]:
    looked = {"h": Looked(mark=Mark.BAD)}
    while revision := following(REVISIONS, looked):
        mark = Mark.SKIPPED if revision in skipped else Mark.BAD if revision >= bad_from else Mark.GOOD
        looked[revision] = Looked(mark=mark)
    return culprit(REVISIONS, looked, "good").suspects, len(looked) - 1


@pytest.mark.parametrize("first", REVISIONS)
def test_each_first_bad_revision_is_found_in_three_looks(first: str) -> None:
    suspects, looks = _search(first)
    assert suspects == (first,)
    assert looks <= 3


def test_what_cannot_be_looked_at_leaves_suspects() -> None:
    assert _search("e", "de")[0] == ("d", "e", "f")
    assert _search("e", "bg")[0] == ("e",)


def _git(folder: Path, *words: str) -> str:
    argv = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(folder), *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def history(tmp_path: Path) -> tuple[History, list[str]]:
    """Return ten commits of a target; from the seventh on its source holds `bug`, the fourth does not build."""
    repository = tmp_path / "repository"
    (repository / "fs" / "module").mkdir(parents=True)
    source = repository / "fs" / "module" / "a.c"
    lines = [f"line {number}" for number in range(40)]
    _git(tmp_path, "init", "-q", "repository")
    (repository / "fs" / "target.toml").write_text('name = "x"\nfstype = "x"\nsource = "module"\n')
    made = []
    for number in range(10):
        lines[number * 4] = f"changed {number}" + (" broken" if number == 3 else "")
        if number == 4:
            lines[12] = "changed again"
        if number == 6:
            lines[number * 4] += " bug"
        source.write_text("\n".join(lines) + "\n")
        _git(repository, "add", "-A")
        _git(repository, "commit", "-qm", f"change {number}")
        made.append(_git(repository, "rev-parse", "HEAD"))
    (repository / "README").write_text("elsewhere\n")
    _git(repository, "add", "-A")
    _git(repository, "commit", "-qm", "elsewhere")
    target = Target(name="x", fstype="x", module="x", file=repository / "fs" / "target.toml")
    return History(target, tmp_path / "state"), made


def test_only_commits_that_touch_the_target_are_looked_at(history: tuple[History, list[str]]) -> None:
    repository, made = history
    assert repository.between(made[0], repository.revision("HEAD")) == tuple(made[1:])
    with pytest.raises(UsageError, match="no ancestor"):
        repository.between(made[5], made[2])
    with pytest.raises(UsageError):
        repository.revision("nonesuch")


class Coin:
    """A case that shows the problem with some chance where the source has the bug."""

    def __init__(self, rate: float, *, other: bool = False, lab: int = 0) -> None:
        self._random = random.Random(7)
        self.rate, self.other, self.lab = rate, other, lab
        self.runs = 0

    def __call__(self, target: Path, most: int) -> tuple[CaseResult | None, int]:
        text = (target.parent / "module" / "a.c").read_text()
        if "broken" in text:
            return None, 0
        if self.lab:
            self.lab -= 1
            return dataclasses.replace(PASSED, verdict=Verdict.ERROR, reason="no memory"), 1
        for count in range(1, most + 1):
            self.runs += 1
            if "bug" in text and self._random.random() < self.rate:
                return dataclasses.replace(PASSED, verdict=Verdict.FAILED, reason="the file is gone"), count
            if self.other and self._random.random() < 0.2:
                return dataclasses.replace(PASSED, verdict=Verdict.FAILED, reason="mount took 12 s"), count
        return PASSED, most


def _found(history: tuple[History, list[str]], coin: Coin, folder: Path, **more: str) -> Answer:
    repository, made = history
    say: Callable[[str], None] = lambda _words: None  # noqa: E731
    return Bisection(
        repository, coin, folder, case="d.a", good=made[0], bad="HEAD", confidence=0.95, say=say, **more
    ).find()  # fmt: skip


@pytest.mark.parametrize("rate", [1.0, 0.3])
def test_the_culprit_is_found_and_proved(history: tuple[History, list[str]], tmp_path: Path, rate: float) -> None:
    answer = _found(history, Coin(rate), tmp_path / "state")
    assert answer.culprit.found == history[1][6]
    assert answer.proved, answer.proof
    assert answer.title == "the file is gone"
    assert answer.confidence >= 0.95


def test_another_problem_is_not_taken_for_it(history: tuple[History, list[str]], tmp_path: Path) -> None:
    first = _found(history, Coin(1.0), tmp_path / "one")
    key = (tmp_path / "one" / "bisect.json").read_text()
    assert "gone" in key
    answer = _found(history, Coin(0.5, other=True), tmp_path / "two", problem=_key(tmp_path / "one"))
    assert answer.culprit == first.culprit


def _key(folder: Path) -> str:
    return str(json.loads((folder / "bisect.json").read_text())["problem"])


def test_errors_of_the_lab_count_as_nothing(history: tuple[History, list[str]], tmp_path: Path) -> None:
    assert _found(history, Coin(1.0, lab=2), tmp_path / "state").culprit.found == history[1][6]


def test_a_run_without_a_result_counts_as_nothing(history: tuple[History, list[str]], tmp_path: Path) -> None:
    coin, failing = Coin(1.0), [3]

    def runs(target: Path, most: int) -> tuple[CaseResult | None, int]:
        failing[0] -= 1
        if failing[0] in (0, -1):
            raise InfraError("no memory")
        return coin(target, most)

    repository, made = history
    answer = Bisection(
        repository, runs, tmp_path / "s", case="d.a", good=made[0], bad="HEAD", confidence=0.95, say=lambda _w: None
    ).find()  # fmt: skip
    assert answer.culprit.found == made[6]


def test_an_earlier_runs_result_is_never_taken_for_this_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ends before it begins, for want of memory say, leaves no result; the one before it left one."""
    statuses = iter((0, 3))
    run = RunInfo(id="1", target="x", kernels=("6.1",), accelerator="tcg", started="2026-11-28T00:00:00")

    def ended(argv: list[str], **more: object) -> process.Completed:
        status = next(statuses)
        results = Path(argv[argv.index("--results") + 1])
        if not status:
            with closing(Store(results)) as store:
                store.begin(run, str(results))
                store.save(run.id, PASSED)
        return process.Completed(argv=tuple(argv), returncode=status, stdout=b"", stderr=b"only 7 MiB are available")

    monkeypatch.setattr("vexlab.cli.bisect.process.run", ended)
    runs = CaseRuns(Request(cases=(PASSED.id,)), tmp_path)
    assert runs(tmp_path, 1)[0] == PASSED
    with pytest.raises(InfraError, match="has 0 results, not one: only 7 MiB"):
        runs(tmp_path, 1)


def test_a_second_start_runs_nothing_again(history: tuple[History, list[str]], tmp_path: Path) -> None:
    first = _found(history, Coin(1.0), tmp_path / "state")
    again = Coin(1.0)
    assert _found(history, again, tmp_path / "state").culprit == first.culprit
    assert again.runs <= first.runs, "only the revert, which is no revision, is looked at again"


def test_a_problem_that_is_not_there_is_said(history: tuple[History, list[str]], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not show the problem"):
        _found(history, Coin(0.0), tmp_path / "state")


def test_the_users_repository_is_left_alone(history: tuple[History, list[str]], tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    before = (_git(repository, "rev-parse", "HEAD"), _git(repository, "status", "--porcelain"))
    _found(history, Coin(1.0), tmp_path / "state")
    assert (_git(repository, "rev-parse", "HEAD"), _git(repository, "status", "--porcelain")) == before
    assert _git(repository, "worktree", "list").count("\n") == 0
