"""From two revisions and a case to the commit that brought the problem, its proof, and how sure that is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Protocol

from vexlab.bisect.history import History
from vexlab.bisect.odds import confidence_of, runs_needed, steps_of
from vexlab.bisect.search import Culprit, Looked, Mark, culprit, following
from vexlab.errors import InfraError, UsageError
from vexlab.model.case import CaseResult
from vexlab.model.problem import distinct
from vexlab.model.trend import wilson
from vexlab.model.verdict import Verdict

_STATE = "bisect.json"
_TRIES = 3  # of a run that only the lab made fail
_FIRST_RUNS = 12  # by which the rate is measured at the bad revision
_ENOUGH = 4  # shown so often, the rate is known well enough
_RED = (Verdict.FAILED, Verdict.CRASHED)


class Runs(Protocol):
    """Runs the case against a target, each time in a fresh machine, at most so often, until it does not pass.

    Returns its result and how often it ran; ``None`` where the module does not build. Raises ``InfraError`` where there
    is no result of this very run.
    """

    def __call__(self, target: Path, most: int) -> tuple[CaseResult | None, int]:
        """Run it."""


@dataclass(slots=True, kw_only=True)
class State:
    """What is kept, so that a second start goes on: ``asked`` tells what for."""

    asked: dict[str, str]
    problem: str = ""
    title: str = ""
    rate: float = 0.0
    looked: dict[str, Looked] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was found; ``proof`` are sentences, ``confidence`` the chance that no revision was called good wrongly."""

    culprit: Culprit
    title: str
    rate: float
    runs: int
    confidence: float
    proof: tuple[str, ...] = ()
    proved: bool = False


class Bisection:
    """A search; ``folder`` keeps what is known. Raises ``UsageError`` where the two revisions do not differ as said."""

    def __init__(
        self, history: History, runs: Runs, folder: Path, *, case: str, good: str, bad: str, confidence: float,
        say: Callable[[str], None], problem: str = "",
    ) -> None:  # fmt: skip
        self._history, self._runs, self._say = history, runs, say
        self._good, self._bad = history.revision(good), history.revision(bad)
        self._confidence = confidence
        self._file = folder / _STATE
        self._revisions = history.between(self._good, self._bad)
        asked = {"case": case, "good": self._good, "bad": self._bad, "problem": problem}
        self._state = _loaded(self._file, asked)
        self._state.problem = self._state.problem or problem

    def find(self) -> Answer:
        """Return where the problem begins."""
        self._measure()
        rate = self._state.rate
        needed = runs_needed(rate, self._confidence, steps_of(len(self._revisions)) + 2)
        self._say(f"it shows in about {rate:.0%} of the runs: {needed} that pass make a revision good")
        if self._look(self._good, needed).mark is not Mark.GOOD:
            raise UsageError(f"the good revision is not: {self._state.looked[self._good].words}")
        while revision := following(self._revisions, self._state.looked):
            self._look(revision, needed)
        found = culprit(self._revisions, self._state.looked, self._good)
        good = [each.runs for each in self._state.looked.values() if each.mark is Mark.GOOD]
        answer = Answer(
            culprit=found,
            title=self._state.title,
            rate=rate,
            runs=needed,
            confidence=confidence_of(rate, good),
        )
        return self._proved(answer, needed) if found.found else answer

    def _measure(self) -> None:
        """Find out which problem it is, and how often it shows, at the bad revision."""
        known = self._state.looked.get(self._bad)
        if known and known.mark is Mark.BAD and self._state.rate:
            return
        target = self._history.at(self._bad)
        ran = shown = 0
        while ran < _FIRST_RUNS and shown < _ENOUGH:
            result, count = self._tried(target, _FIRST_RUNS - ran)
            if result is None:
                raise UsageError("the bad revision cannot be looked at: it does not build, or the lab fails")
            ran += count
            shown += self._shows(result, learn=True)
        if not shown:
            raise UsageError(f"the case does not show the problem at the bad revision in {ran} runs")
        low, _ = wilson(shown, ran)
        self._state.rate = shown / ran if ran >= _FIRST_RUNS else max(low, shown / (ran + 1))
        self._note(self._bad, Looked(mark=Mark.BAD, runs=ran, shown=shown))

    def _look(self, revision: str, needed: int) -> Looked:
        known = self._state.looked.get(revision)
        if known and (known.mark is not Mark.GOOD or known.runs >= needed):
            return known
        self._say(f"looking at {self._history.subject(revision)}")
        return self._note(revision, self._judged(self._history.at(revision), needed))

    def _judged(self, target: Path, needed: int) -> Looked:
        ran, others = 0, set()
        while ran < needed:
            result, count = self._tried(target, needed - ran)
            if result is None:
                return Looked(mark=Mark.SKIPPED, runs=ran, words="it does not build, or the lab fails")
            ran += count
            if self._shows(result):
                return Looked(mark=Mark.BAD, runs=ran, shown=1, words=result.reason.partition("\n")[0])
            if result.verdict in _RED:
                others |= {problem.title.partition("\n")[0] for problem in distinct([result])}
            elif result.verdict is not Verdict.PASSED:
                return Looked(
                    mark=Mark.SKIPPED, runs=ran, words=f"{result.verdict}: {result.reason.partition(chr(10))[0]}"
                )
        words = f"another problem: {'; '.join(sorted(others))}" if others else ""
        return Looked(mark=Mark.GOOD, runs=ran, words=words)

    def _tried(self, target: Path, most: int) -> tuple[CaseResult | None, int]:
        """Run the case; what only the lab made fail is tried again, and counts as nothing."""
        for _ in range(_TRIES):
            try:
                result, count = self._runs(target, most)
            except InfraError as error:
                self._say(f"the lab failed: {error.message}")
                continue
            if result is None or result.verdict not in (Verdict.ERROR, Verdict.UNDECIDED):
                return result, count
            self._say(f"the lab failed: {result.reason.partition(chr(10))[0]}")
        return None, 0

    def _shows(self, result: CaseResult, *, learn: bool = False) -> bool:
        """Whether the result shows the problem; ``learn`` takes the first one that is seen for it."""
        if result.verdict not in _RED:
            return False
        found = {problem.key: problem for problem in distinct([result])}
        if learn and not self._state.problem and found:
            self._state.problem = next(iter(found))
        if self._state.problem in found:
            self._state.title = found[self._state.problem].title.partition("\n")[0]
            return True
        return False

    def _note(self, revision: str, looked: Looked) -> Looked:
        self._state.looked[revision] = looked
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(asdict(self._state), indent=1))
        more = f": {looked.words}" if looked.words else ""
        self._say(f"  {revision[:12]} {looked.mark} ({looked.shown} of {looked.runs} runs show it){more}")
        return looked

    def _proved(self, answer: Answer, needed: int) -> Answer:
        """Look at the culprit against its parent, and at the bad revision without it."""
        found = answer.culprit.found
        proof = [f"{found[:12]} shows it, {self._state.looked.get(found, Looked(mark=Mark.BAD)).shown} time"]
        parent = self._look(self._history.parent(found), needed)
        proof.append(
            f"its parent does not, in {parent.runs} runs"
            if parent.mark is Mark.GOOD
            else f"its parent is {parent.mark}"
        )
        target = self._history.without(found, self._bad)
        if target is None:
            proof.append("it cannot be reverted on the bad revision without a conflict")
            return replace(answer, proof=tuple(proof))
        self._say("looking at the bad revision without it")
        reverted = self._judged(target, needed)
        gone = reverted.mark is Mark.GOOD
        proof.append(
            f"without it the bad revision does not, in {reverted.runs} runs"
            if gone
            else f"without it the bad revision is {reverted.mark}: {reverted.words}"
        )
        return replace(answer, proof=tuple(proof), proved=gone and parent.mark is Mark.GOOD)


def _loaded(file: Path, asked: dict[str, str]) -> State:
    if not file.exists():
        return State(asked=asked)
    data = json.loads(file.read_text())
    if data["asked"] != asked:
        raise UsageError(f"{file.parent} holds another bisection", hint="name another folder with --state")
    looked = {name: Looked(**{**each, "mark": Mark(each["mark"])}) for name, each in data["looked"].items()}
    return State(asked=asked, problem=data["problem"], title=data["title"], rate=data["rate"], looked=looked)
