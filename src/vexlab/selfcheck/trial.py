"""One trial: a run against a target, clean or with one defect built in, kept so that a second start goes on."""

from __future__ import annotations

import fcntl
import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from vexlab import process
from vexlab.errors import InfraError, UsageError
from vexlab.model.case import CaseResult, RunResult
from vexlab.model.verdict import Verdict
from vexlab.selfcheck.detection import Detection

_RED = (Verdict.FAILED, Verdict.CRASHED)
_ENDED = (0, 1)  # nothing found, something found: of any other status the run did not come to its end
_LONGEST_S = 4 * 3600
_OF = "made-with.json"
_LOCK = ".lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """``name`` is the table's word and the file's name; ``defect`` is empty for a clean target."""

    name: str
    target: str
    defect: str = ""


class Trials:
    """The trials of one set of options; ``folder`` keeps each that ended, and the evidence of what was found.

    Raise ``UsageError`` where ``folder`` holds trials made with other options or other sources: their results would
    stand in this table as if they were its own. So it does where another selfcheck is at work in it.
    """

    def __init__(self, folder: Path, options: Sequence[str], *, sources: str, stop: bool) -> None:
        self._folder = folder.absolute()
        self._options = (*options, "--ci")
        self._stop = stop
        made_with = {"options": list(options), "sources": sources, "stop": stop}
        note = self._folder / _OF
        if note.exists() and json.loads(note.read_text()) != made_with:
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
        detection = self._run(trial, order)
        if not detection.error:
            draft = file.with_suffix(".draft")
            draft.write_bytes(msgspec.json.encode(detection))
            draft.rename(file)
        return detection

    def _run(self, trial: Trial, order: Sequence[str]) -> Detection:
        evidence = self._folder / trial.name
        shutil.rmtree(evidence, ignore_errors=True)  # left by a start that was interrupted
        evidence.mkdir()
        report = evidence / "result.json"
        argv = [sys.executable, "-m", "vexlab", "run", "--target", trial.target, *self._options]
        argv += ["--results", str(evidence), "--json", str(report)]
        if trial.defect:
            argv += ["--build-arg", f"DEFECT={trial.defect}"]
        if trial.defect and self._stop:
            places = evidence / "order.txt"
            places.write_text("".join(f"{case}\n" for case in order))
            argv += ["--first-failure", "--order", str(places)]
        begin = time.monotonic()
        try:
            # Its machines are to end with us, however we end.
            done = process.run([process.require("setpriv"), "--pdeathsig", "TERM", *argv], timeout=_LONGEST_S)
            status, words = done.returncode, done.error_text.strip()[-500:]
        except InfraError as late:
            status, words = InfraError.exit_code, late.message
        cases: tuple[CaseResult, ...] = ()
        if report.exists():
            cases = msgspec.convert(json.loads(report.read_text()), RunResult).cases
        detection = judged(trial.name, status, cases, words=words, seconds=round(time.monotonic() - begin, 1))
        if not detection.found and not detection.error:
            shutil.rmtree(evidence)
        return detection


def judged(name: str, status: int, cases: Sequence[CaseResult], *, words: str, seconds: float) -> Detection:
    """Return what a run that ended with ``status`` showed.

    A run that was interrupted or that the lab failed has kept the cases it came to; that none of those is red says
    nothing of the others, so it was not tried. ``words`` are its last ones.
    """
    red = [case for case in cases if case.verdict in _RED]
    took = {case.id: round(case.duration_s, 1) for case in cases if case.verdict is not Verdict.SKIPPED}
    error = "" if status in _ENDED and took else words or f"the run ended with status {status}"
    return Detection(
        name=name,
        found=bool(red) and not error,
        found_by=() if error else tuple(case.id for case in red),
        findings=() if error else tuple(case.reason.partition("\n")[0][:300] for case in red),
        duration_s=seconds,
        took=took,
        error=error,
    )
