"""One trial: a run against a target, clean or with one defect built in, kept so that a second start goes on."""

from __future__ import annotations

import fcntl
import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from vexlab import process
from vexlab.errors import InfraError, UsageError
from vexlab.model.case import CaseResult
from vexlab.model.profile import RUN_FILE
from vexlab.model.request import Request, command_line
from vexlab.model.verdict import Verdict
from vexlab.selfcheck.detection import Detection

_RED = (Verdict.FAILED, Verdict.CRASHED)
_ENDED = (0, 1)  # nothing found, something found: of any other status the run did not come to its end
_STOPPED = 124  # of timeout(1), which ended the run
_STOP_S = 120  # that a run has to end its machines and to keep its cases
_LONGEST_S = 4 * 3600
_LONGEST_WORDS = 300
_OF = "made-with.json"
_SPENT = "spent.json"
_LOCK = ".lock"
_PROGRAM = (sys.executable, "-m", "vexlab")

Kept = Callable[[Path], Sequence[CaseResult]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """``name`` is the table's word and the file's name; ``defect`` is empty for a clean target.

    What the ``probed`` one can do is taken for what those with a defect can.
    """

    name: str
    target: str
    defect: str = ""
    probed: bool = False


class Trials:
    """The trials of one request and its cases; ``folder`` keeps each that ended, and the evidence of what was found.

    A trial that was interrupted, or whose ``budget`` (seconds that its runs may take together, 0: no limit) was used
    up, goes on with the cases that it has not come to: what is done stands in its folder. ``kept`` returns the cases
    of the runs in a results folder, the oldest first, also of runs that were killed. ``program`` is the command that
    runs cases.

    Raise ``UsageError`` where ``folder`` holds trials made with other options or other sources: their results would
    stand in this table as if they were its own. So it does where another selfcheck is at work in it.
    """

    def __init__(
        self,
        folder: Path,
        request: Request,
        cases: Sequence[str],
        *,
        sources: str,
        stop: bool,
        kept: Kept,
        budget: float = 0,
        program: Sequence[str] = _PROGRAM,
    ) -> None:
        self._folder = folder.absolute()
        self._request = request
        self._cases = tuple(cases)
        self._stop = stop
        self._kept = kept
        self._budget = budget
        self._program = tuple(program)
        made_with = {"request": msgspec.to_builtins(request), "cases": sorted(cases), "sources": sources, "stop": stop}
        note = self._folder / _OF
        if note.exists() and json.loads(note.read_text()) != json.loads(json.dumps(made_with)):
            raise UsageError(
                f"{folder} holds trials made with other options, or before sources changed",
                hint="name another folder with --state, or remove this one",
            )
        self._folder.mkdir(parents=True, exist_ok=True)
        self._alone = (self._folder / _LOCK).open("w")
        try:
            fcntl.flock(self._alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            hint = "wait for it, or name another folder with --state"
            raise UsageError(f"another selfcheck is at work in {folder}", hint=hint) from error
        note.write_text(json.dumps(made_with))

    def result(self, trial: Trial, order: Sequence[str] = ()) -> Detection:
        """Return what was found: of an earlier start where it ended there, else of a run now, cases in ``order``."""
        file = self._folder / f"{trial.name}.json"
        if file.exists():
            return msgspec.json.decode(file.read_bytes(), type=Detection)
        evidence = self._folder / trial.name
        evidence.mkdir(exist_ok=True)
        detection = self._go_on(trial, order or self._cases, evidence)
        if not detection.error and not detection.undecided:
            _replace(file, msgspec.json.encode(detection))
            if not detection.found:
                shutil.rmtree(evidence)
        return detection

    def _go_on(self, trial: Trial, order: Sequence[str], evidence: Path) -> Detection:
        """Run what was not run yet, and return what all runs showed together."""
        done = _merged(self._kept(evidence))
        spent = _spent(evidence)
        left = [case for case in order if case not in done]
        found = any(case.verdict in _RED for case in done.values())
        if not left or (found and self._stops(trial)):
            return judged(trial.name, 0, tuple(done.values()), words="", seconds=spent)
        remaining = self._budget - spent if self._budget and trial.defect else _LONGEST_S
        begin = time.monotonic()
        status, words = _STOPPED, ""
        if remaining > 0:
            try:
                status, words = self._run(trial, left, evidence, remaining)
            finally:  # the time counts however this ends
                spent = round(spent + time.monotonic() - begin, 1)
                _replace(evidence / _SPENT, json.dumps({"spent_s": spent}).encode())
        cases = tuple(_merged(self._kept(evidence)).values())
        red = any(case.verdict in _RED for case in cases)
        if status == _STOPPED and self._budget and trial.defect and not red:
            return _undecided(trial.name, cases, budget=self._budget, of=len(order), seconds=spent)
        if red and self._stops(trial):  # what was found stays found, however the run ended after it
            status = _ENDED[-1]
        return judged(trial.name, status, cases, words=words, seconds=spent)

    def _stops(self, trial: Trial) -> bool:
        return self._stop and bool(trial.defect)

    def _run(self, trial: Trial, cases: Sequence[str], evidence: Path, limit: float) -> tuple[int, str]:
        """Run ``cases`` in order, for at most ``limit`` seconds; return the run's status and its last words."""
        # What the target has not got, declared or not, is no defect of a trial.
        request = replace(self._request, target=trial.target, cases=tuple(cases), accept_refusals=True)
        if trial.defect:
            # What the clean one can do is known: no defect costs a probe of its own.
            profile = self._folder / RUN_FILE
            known = {"profile": str(profile)} if profile.exists() else {"probe": False}
            request = replace(request, build_args=(*request.build_args, f"DEFECT={trial.defect}"), **known)
        if self._stops(trial):
            places = evidence / "order.txt"
            places.write_text("".join(f"{case}\n" for case in cases))
            request = replace(request, first_failure=True, order=str(places))
        argv = [*self._program, "run", *command_line(request), "--results", str(evidence), "--ci"]
        # Its machines are to end with us, however we end; a run that is told to end keeps its cases.
        ends = [process.require("setpriv"), "--pdeathsig", "TERM", process.require("timeout")]
        ends += ["--signal=TERM", f"--kill-after={_STOP_S}", f"{limit:.1f}"]
        try:
            done = process.run([*ends, *argv], timeout=limit + 2 * _STOP_S)
        except InfraError as late:
            return InfraError.exit_code, late.message
        if trial.probed:
            for profile in evidence.glob(f"*/{RUN_FILE}"):
                shutil.copyfile(profile, self._folder / RUN_FILE)
        return done.returncode, done.error_text.strip()[-500:]


def _merged(cases: Sequence[CaseResult]) -> dict[str, CaseResult]:
    """Return the last word on each case; one that the lab failed has none."""
    return {case.id: case for case in cases if case.verdict is not Verdict.ERROR}


def _spent(evidence: Path) -> float:
    note = evidence / _SPENT
    return float(json.loads(note.read_text())["spent_s"]) if note.exists() else 0.0


def _replace(file: Path, content: bytes) -> None:
    draft = file.with_suffix(".draft")
    draft.write_bytes(content)
    draft.rename(file)


def _took(cases: Sequence[CaseResult]) -> Mapping[str, float]:
    return {case.id: round(case.duration_s, 1) for case in cases if case.verdict is not Verdict.SKIPPED}


def _undecided(name: str, cases: Sequence[CaseResult], *, budget: float, of: int, seconds: float) -> Detection:
    within = f"{budget / 60:g} min" if budget >= 60 else f"{budget:g} s"
    ran = sum(case.verdict is not Verdict.UNDECIDED for case in cases)
    return Detection(
        name=name,
        found=False,
        found_by=(),
        findings=(),
        duration_s=seconds,
        took=_took(cases),
        undecided=f"not found within {within}: {ran} of {of} cases ran",
    )


def judged(name: str, status: int, cases: Sequence[CaseResult], *, words: str, seconds: float) -> Detection:
    """Return what a run that ended with ``status`` showed.

    A run that was interrupted or that the lab failed has kept the cases it came to; that none of those is red says
    nothing of the others, so it was not tried. ``words`` are its last ones.
    """
    red = [case for case in cases if case.verdict in _RED]
    took = _took(cases)
    error = "" if status in _ENDED and took else words or f"the run ended with status {status}"
    return Detection(
        name=name,
        found=bool(red) and not error,
        found_by=() if error else tuple(case.id for case in red),
        findings=() if error else tuple(cause(case.reason) for case in red),
        duration_s=seconds,
        took=took,
        error=error,
    )


def cause(reason: str) -> str:
    """Return a case's reason on one line: its first line, and where that only announces others, the first of those.

    "2 of 26 checks failed:" says nothing without the line that follows it.
    """
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    kept = lines[:1]
    while kept and kept[-1].endswith(":") and len(kept) < len(lines):
        kept.append(lines[len(kept)])
    return " ".join(kept)[:_LONGEST_WORDS]
