"""Rounds until the time is over. Each is a run of its own, in a process of its own; what is known is kept in a file."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from vexlab import process
from vexlab.campaign.sharing import ARMS, Arm, Round, following
from vexlab.errors import InfraError, UsageError
from vexlab.model.case import CaseResult
from vexlab.model.problem import Problem, distinct
from vexlab.model.request import Request, command_line, words
from vexlab.model.verdict import Verdict

_STATE, _LOCK, RUNS = "campaign.json", ".lock", "runs"
_PROGRAM = (sys.executable, "-m", "vexlab")
_STOP_S = 120  # that a run has to end its machines and to keep its cases
_ENDED = (0, 1, 4)  # nothing found, something found, nothing ran
_FOUND_OR_NOT = (0, 1)
_NOT_HERE = 4  # nothing ran
_ENDED_BY_US = (128 + 15, 128 + 9)  # by `timeout`, before or behind the place where it is taken for Ctrl-C
_INTERRUPTED = 130
_OVERDUE, _TIME = -1, "its time was over before a case was decided"
_LEAST_S = 30.0  # a round that is shorter decides nothing
_FAILURES_MOST = 5  # rounds one after the other that the lab made fail
_DECIDED = (Verdict.PASSED, Verdict.FAILED, Verdict.CRASHED)

_FUZZ = "fuzz"
_READY_S = 60.0  # in which a fuzzer's machine comes up, and its last crash is settled
_OF_FUZZING = ("target", "kernels", "config", "accel", "memory", "cpus", "sandbox", "build_args")
_OF_OUR_OWN = ("seed", "probe")

Kept = Callable[[Path], Sequence[CaseResult]]
Seldom = Callable[[Sequence[Path]], str]
Fuzzed = Callable[[Path], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A problem and the round, counted from 1, that showed it first."""

    problem: Problem
    round: int


@dataclass(slots=True, kw_only=True)
class State:
    """What is kept, so that a second start goes on: ``asked`` tells what for, ``spent_s`` all that was used."""

    asked: dict[str, object]
    rounds: list[Round] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    spent_s: float = 0.0


class Campaign:
    """A search of ``duration_s`` seconds; ``folder`` keeps its state and the evidence of its rounds.

    ``kept`` returns the cases of the runs in a results folder, ``seldom`` the list of what runs with their evidence in
    these folders seldom asked of the filesystem, to which later rounds are steered, ``fuzzed`` the seconds that the
    campaign of ``vexlab fuzz`` in a folder has had. ``more`` are words for each
    round's command line. Raises ``UsageError`` where the folder holds another campaign, or somebody is at work in it.
    """

    def __init__(
        self,
        folder: Path,
        request: Request,
        duration_s: float,
        *,
        kept: Kept,
        seldom: Seldom = lambda _: "",
        fuzzed: Fuzzed = lambda _: 0.0,
        say: Callable[[str], None],
        arms: Sequence[Arm] = ARMS,
        more: Sequence[str] = (),
        program: Sequence[str] = _PROGRAM,
    ) -> None:
        self._folder = folder.absolute()
        self._request, self._duration_s = request, duration_s
        self._kept, self._seldom, self._fuzzed, self._say = kept, seldom, fuzzed, say
        self._arms, self._program = tuple(arms), tuple(program)
        self._more = tuple(more)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._alone = (self._folder / _LOCK).open("w")
        try:
            fcntl.flock(self._alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            hint = "wait for it, or name another folder with --state"
            raise UsageError(f"another campaign is at work in {folder}", hint=hint) from error
        self.state = self._loaded()

    def go_on(self) -> State:
        """Do rounds until the time is over, and return the state. What an interrupted round showed is kept."""
        failures = 0
        while self.left_s > _LEAST_S and failures < _FAILURES_MOST:
            done = self._round()
            failures = failures + 1 if done.error and not done.decided else 0
        if failures:
            words = self.state.rounds[-1].error
            raise InfraError(f"{failures} rounds one after the other came to nothing; the last: {words}")
        return self.state

    @property
    def left_s(self) -> float:
        """The seconds that are left of the campaign."""
        return self._duration_s - self.state.spent_s

    def _round(self) -> Round:
        rounds = self.state.rounds
        share = following(self._arms, self._request.kernels, rounds)
        arm = next(each for each in self._arms if each.name == share.arm)
        number = len(rounds) + 1
        seed = (self._request.seed or 0) + number
        evidence = self._folder / RUNS / f"{number:04}"
        self._say(f"round {number}: {arm.name} on {share.kernel}, seed {seed}; {self.left_s / 60:.0f} minutes are left")
        rare = self._steer(number)
        begin, status, words = time.monotonic(), 0, "it was interrupted"
        try:
            status, words = self._run(arm, share.kernel, seed, rare, evidence)
        finally:
            took = time.monotonic() - begin
            done = self._judged(
                Round(arm=arm.name, kernel=share.kernel, seed=seed, rare=rare, seconds=took, decided=0), evidence
            )
            if arm.fuzz and status in _ENDED_BY_US:
                status, words = _OVERDUE, _TIME
            if arm.fuzz and status in (*_FOUND_OR_NOT, _OVERDUE):  # that nothing was found is a result, and no case
                done = replace(done, decided=done.decided + 1)
            if status not in _ENDED and not (status == _OVERDUE and done.decided):
                done = replace(done, error=words or f"it ended with status {status}")
            self.state.rounds.append(done)
            self.state.spent_s += took
            self._keep()
        return done

    def _run(self, arm: Arm, kernel: str, seed: int, rare: str, evidence: Path) -> tuple[int, str]:
        """Run the arm's cases; return the run's status and its last words."""
        request = replace(self._request, kernels=(kernel,), cases=arm.cases, seed=seed, inputs=True, rare=rare)
        limit = min(self.left_s, arm.minutes * 60)
        if arm.fuzz:
            argv = [*self._program, "fuzz", arm.fuzz, *self._fuzzing(arm, request, limit), "--results", str(evidence)]
        else:
            argv = [*self._program, "run", *command_line(request), "--results", str(evidence), "--ci", *self._more]
        ends = [process.require("setpriv"), "--pdeathsig", "TERM", process.require("timeout")]
        ends += ["--preserve-status", "--signal=TERM", f"--kill-after={_STOP_S}", f"{limit:.1f}"]
        done = process.run([*ends, *argv], timeout=limit + 2 * _STOP_S)
        if done.returncode == _INTERRUPTED:
            return _OVERDUE, _TIME  # what it came to is kept
        if arm.fuzz and done.returncode == UsageError.exit_code:  # a target without ioctls, for one
            self._say(f"  {done.error_text.strip()[-300:]}")
            return _NOT_HERE, ""
        return done.returncode, done.error_text.strip()[-500:]

    def _fuzzing(self, arm: Arm, request: Request, limit: float) -> list[str]:
        """Return the words by which a round goes on with its arm's campaign of ``vexlab fuzz``.

        How long that takes counts all of its starts. Making a crash small is not counted, so that ``timeout`` may end a
        round; nothing is lost by it.
        """
        folder = self._folder / _FUZZ / f"{arm.name}-{request.kernels[0]}"
        names = _OF_FUZZING if arm.fuzz == "syzkaller" else (*_OF_FUZZING, *_OF_OUR_OWN)
        given = [word for name in names for word in words(request, name)]
        seconds = self._fuzzed(folder) + max(limit - _READY_S, _LEAST_S)
        return [*given, "--campaign", str(folder), "--duration", f"{seconds:.0f}s"]

    def _steer(self, number: int) -> str:
        """Write the list of what the rounds so far seldom asked of the filesystem; return the file, "" for no list."""
        words = self._seldom(sorted((self._folder / RUNS).glob("*/*/")))
        if not words:
            return ""
        file = self._folder / RUNS / f"{number:04}.rare"  # of this round alone: it belongs to the seed
        file.parent.mkdir(exist_ok=True)
        file.write_text(words)
        return str(file)

    def _judged(self, done: Round, evidence: Path) -> Round:
        """Return the round with what its cases showed, and note what is new."""
        cases = list(self._kept(evidence)) if evidence.exists() else []
        known = {each.problem.key for each in self.state.found}
        new = [each for each in distinct(cases) if each.key not in known]
        self.state.found += [Found(problem=each, round=len(self.state.rounds) + 1) for each in new]
        decided = sum(case.verdict in _DECIDED for case in cases)
        for each in new:
            self._say(f"  new: {each.title}")
        return replace(done, decided=decided, new=tuple(each.key for each in new))

    def _loaded(self) -> State:
        asked = _asked(self._request)
        file = self._folder / _STATE
        if not file.exists():
            return State(asked=asked)
        try:
            state = msgspec.json.decode(file.read_bytes(), type=State)
        except msgspec.MsgspecError as error:
            raise UsageError(f"{file} holds no state of a campaign: {error}", hint="name another --state") from error
        if state.asked != asked:
            hint = "name another folder with --state, or remove this one"
            raise UsageError(f"{self._folder} holds a campaign with other options", hint=hint)
        return state

    def _keep(self) -> None:
        draft = self._folder / f"{_STATE}.draft"
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(self.state)))
        draft.rename(self._folder / _STATE)


def unfinished(base: Path, request: Request, duration_s: float) -> Path:
    """Return the folder of the campaign of ``request`` that is not over, ``base`` or ``base-2`` and so on; a new one.

    A folder that holds another campaign, one that is over, or anything else, is passed by.
    """
    for number in itertools.count(1):
        folder = base if number == 1 else base.with_name(f"{base.name}-{number}")
        file = folder / _STATE
        if not file.exists():
            return folder
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            state = msgspec.json.decode(file.read_bytes(), type=State)
            if state.asked == _asked(request) and duration_s - state.spent_s > _LEAST_S:
                return folder
    raise AssertionError("there are always more numbers")


def _asked(request: Request) -> dict[str, object]:
    """Return what tells one campaign from another: how long it is to take does not."""
    asked: dict[str, object] = json.loads(msgspec.json.encode(replace(request, duration_s=0.0)))
    return asked
