"""From pytest's three phases to one verdict: the worse of outcome and findings, crash first."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Mapping
from pathlib import Path

import msgspec
import pytest

from vexlab.errors import Blocked, BuildError, GuestTimeout, HangAgain, InfraError, MachineLost, VexlabError
from vexlab.model.case import CaseResult
from vexlab.model.subresult import SubVerdict
from vexlab.model.verdict import NOT_COUNTED, Outcome, Verdict, judge
from vexlab.plugin.evidence import write_evidence
from vexlab.plugin.findings import with_places
from vexlab.plugin.hangs import note_hangs
from vexlab.plugin.marks import marks_of
from vexlab.plugin.options import is_worker, the_lab
from vexlab.plugin.planned import planned
from vexlab.plugin.recorder import Recorder, evidence_lost, is_the_labs, recorder_of
from vexlab.plugin.stopping import note_failure

# Report attribute that carries the case's result, as plain data, from a worker to the main process.
RESULT = "vexlab_case"
_OUTCOMES = pytest.StashKey[list[tuple[Outcome, str]]]()
_WORDS = pytest.StashKey[list[str]]()
_SHOWN = 12  # failed checks
_NO_KERNEL = "the case passed and looked at no machine, no build and no profile: ask for a fixture such as `machine`"
_RANK = (Outcome.PASSED, Outcome.SKIPPED, Outcome.BLOCKED, Outcome.ERROR, Outcome.FAILED)
_RED = (Verdict.FAILED, Verdict.CRASHED)
_BLOCKED = (Blocked, HangAgain)
# What speaks about the module; whatever else a case raises is a fault of the case, or of ours.
_OF_THE_MODULE = (AssertionError, pytest.fail.Exception, BuildError, GuestTimeout, MachineLost)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge after each phase; after the last, hand over the case's result and its evidence."""
    report = yield
    try:
        return _sendable(item, _judged(item, call, report))
    except Exception as ours:  # noqa: BLE001 - the boundary of a worker: a case is judged, the run goes on
        words = printable_words(f"the case cannot be judged: {type(ours).__name__}: {_text(ours)}")
        report.outcome, report.longrepr = "failed", words
        if call.when == "teardown":
            recorder = recorder_of(item)
            result = _result(item, recorder, judge(Outcome.ERROR, recorder.findings), words)
            setattr(report, RESULT, msgspec.to_builtins(result))
        return report


def _judged(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> pytest.TestReport:
    recorder = recorder_of(item)
    outcomes = item.stash.setdefault(_OUTCOMES, [])
    error = _telling(call.excinfo.value) if call.excinfo else None
    _observe(recorder, error, report, outcomes)
    if isinstance(error, _BLOCKED):  # no failure of its own: `--exitfirst` goes on
        report.outcome, report.longrepr = "skipped", (str(item.path), 0, f"Skipped: {error.message}")
    if error is not None and not report.skipped:  # whole, as it is meant to be read, then where it was raised
        words = printable_words(f"{_text(error)}\n\n{report.longreprtext}\n")
        item.stash.setdefault(_WORDS, []).append(words)
    if call.when == "teardown" and recorder.overdue:
        outcomes.append((Outcome.ERROR, recorder.overdue))
    if call.when == "teardown" and (told := _told_at_the_end(recorder, outcomes)):
        outcomes.append(told)
        if report.passed:
            report.outcome, report.longrepr = "failed", told[1]
    outcome, reason = max(outcomes, key=lambda each: _RANK.index(each[0]))
    verdict, reason = _weighed(item, call, report, outcome, reason)
    if call.when == "teardown":
        result = _result(item, recorder, verdict, printable_words(reason))
        result = _with_evidence(item, recorder, result)
        note_failure(item.config, result)
        note_hangs(item.config, result)
        setattr(report, RESULT, msgspec.to_builtins(result))
    return report


def _weighed(
    item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport, outcome: Outcome, reason: str
) -> tuple[Verdict, str]:
    """Return the verdict so far and its reason, and have pytest's own report of the phase agree with it."""
    recorder = recorder_of(item)
    verdict = judge(outcome, recorder.findings)
    if verdict in _RED and recorder.findings:
        reason = _with_findings(reason, recorder)
        if report.outcome != "failed" and call.when != "setup":
            report.outcome = "failed"
            report.longrepr = "\n\n".join(finding.text or finding.title for finding in recorder.findings)
    if verdict in _RED and _is_tolerated(item, recorder):
        verdict, reason = Verdict.SKIPPED, f"{NOT_COUNTED}: {reason}"
        if report.failed:
            report.outcome, report.longrepr = "skipped", (str(item.path), 0, f"Skipped: {reason}")
    return verdict, reason


def _is_tolerated(item: pytest.Item, recorder: Recorder) -> bool:
    """Whether what goes wrong is the doing of crafted images, and the target trusts images; never in the set-up."""
    trusting = recorder.order is not None and recorder.order.target.images == "trusted"
    return trusting and recorder.ran and marks_of(item).crafted_images


def _told_at_the_end(recorder: Recorder, outcomes: list[tuple[Outcome, str]]) -> tuple[Outcome, str] | None:
    """Return how the whole case ended where its steps alone do not tell; ``None`` where they do."""
    if words := _failed_checks(recorder):
        return Outcome.FAILED, words
    if not recorder.looked and all(outcome is Outcome.PASSED for outcome, _ in outcomes):
        return Outcome.ERROR, _NO_KERNEL
    return None


def _failed_checks(recorder: Recorder) -> str:
    """Return what a case with failed checks has to say, whatever it made of them itself; nothing where none failed."""
    failed = [each for each in recorder.subresults.values() if each.verdict is SubVerdict.FAILED]
    words = "\n".join(f"{each.name}: {each.words}" for each in failed[:_SHOWN])
    return f"{len(failed)} of {len(recorder.subresults)} checks failed: {words}" if failed else ""


def _sendable(item: pytest.Item, report: pytest.TestReport) -> pytest.TestReport:
    """Return a report that a worker can send: what cannot be written as UTF-8 would end it."""
    if is_worker(item.config):
        report.sections = [(printable_words(name), printable_words(text)) for name, text in report.sections]
        if report.failed:
            report.longrepr = printable_words(report.longreprtext)
        elif isinstance(report.longrepr, tuple):
            path, line, words = report.longrepr
            report.longrepr = (path, line, printable_words(words))
    return report


def printable_words(words: str) -> str:
    """Return ``words`` without what cannot be written as UTF-8: a case may raise anything."""
    return words.encode(errors="replace").decode()


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - what an exception of a case's own says is the case's business
        return f"{type(error).__name__}, whose text cannot be had"


def _telling(error: BaseException) -> BaseException:
    """Return of a group of exceptions the one that says most of what happened: the machine's end first."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    leaves = [_telling(each) for each in error.exceptions]
    kinds = ((MachineLost, GuestTimeout), InfraError, _OF_THE_MODULE, Blocked, BaseException)
    return next(each for kind in kinds for each in leaves if isinstance(each, kind))


def _observe(
    recorder: Recorder,
    error: BaseException | None,
    report: pytest.TestReport,
    outcomes: list[tuple[Outcome, str]],
) -> None:
    """Look at the machine and note how the phase ended; what goes wrong with that spoils this case, not the run."""
    outcome, reason = _outcome(report, error), _reason(report, error)
    try:
        recorder.observe(error, report.when)
        outcomes.append((outcome, recorder.explained(reason) if outcome is Outcome.FAILED else reason))
    except InfraError as labs:  # a closer look has shown that it is the host's doing
        recorder.lab_error = labs.message
        outcomes.append((Outcome.ERROR, labs.message))
    except Exception as ours:  # noqa: BLE001 - the boundary of a worker: a case is judged, the run goes on
        outcomes.append((outcome, reason))
        outcomes.append((Outcome.ERROR, f"the machine cannot be judged: {type(ours).__name__}: {ours}"))


def _with_findings(reason: str, recorder: Recorder) -> str:
    """Return the case's own words and what the kernel said; first what says more of what was being done."""
    titles = "; ".join(dict.fromkeys(finding.title for finding in recorder.findings))
    titles += f" ({recorder.step})" if recorder.step else ""
    if not reason or recorder.echo:
        return titles
    return f"{reason}\nkernel: {titles}"


def _with_evidence(item: pytest.Item, recorder: Recorder, result: CaseResult) -> CaseResult:
    """Write the case's folder. A pass that nobody can check is none; what is red stays so."""
    said: list[str] = item.stash.setdefault(_WORDS, [])
    try:
        write_evidence(item, recorder, result, "\n".join(said))
    except (OSError, InfraError) as error:
        words = _text(evidence_lost(error) if isinstance(error, OSError) else error)
        verdict = result.verdict if result.verdict in _RED else Verdict.ERROR
        reason = f"{result.reason}\n{words}" if result.reason else words
        return dataclasses.replace(result, verdict=verdict, reason=reason)
    return result


def result_of(report: pytest.TestReport) -> Mapping[str, object]:
    """Return the case's result that the report of its last phase carries, as plain data; empty for other phases."""
    data: Mapping[str, object] = getattr(report, RESULT, {})
    return data


def forget(item: pytest.Item) -> None:
    """Forget how the phases of the case ended, before it is run again."""
    del item.stash[_OUTCOMES]
    item.stash.setdefault(_WORDS, []).clear()


def _outcome(report: pytest.TestReport, error: BaseException | None) -> Outcome:
    if report.passed:
        return Outcome.PASSED
    if isinstance(error, _BLOCKED):
        return Outcome.BLOCKED
    if report.skipped:
        return Outcome.SKIPPED
    if error is None:  # pytest's own: a case passed that is marked to fail, strictly
        return Outcome.FAILED
    if not is_the_labs(error) and isinstance(error, _OF_THE_MODULE):
        return Outcome.FAILED
    return Outcome.ERROR


def _reason(report: pytest.TestReport, error: BaseException | None) -> str:
    if error is None:
        return str(report.longrepr) if report.failed else ""
    if report.skipped and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    if isinstance(error, pytest.FixtureLookupError):
        return " ".join(error.formatrepr().errorstring.split("\n")[:2])
    words = _text(error).strip()
    if isinstance(error, AssertionError):
        words = words.partition("\nassert ")[0]
        if words.startswith("assert "):  # the case says nothing itself: at least where it was
            first, *more = words.splitlines()
            words = "\n".join([f"{first}{_where(report)}", *more])
    elif not isinstance(error, (VexlabError, pytest.fail.Exception)):
        words = f"an error of the case itself: {type(error).__name__}: {words}{_where(report)}"
    return words[:2000] or type(error).__name__


def _where(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return f" ({Path(crash.path).name}:{crash.lineno})" if crash else ""


def _result(item: pytest.Item, recorder: Recorder, verdict: Verdict, reason: str) -> CaseResult:
    return dataclasses.replace(
        planned(item).undecided(reason),
        verdict=verdict,
        started=recorder.started,
        duration_s=round(time.perf_counter() - recorder.began, 3),
        overhead_s=round(time.process_time() - recorder.cpu_began, 4),
        machines=recorder.machines_used,
        findings=with_places(recorder.findings, recorder.order, the_lab(item.config)),
        metrics=tuple(recorder.metrics.values()),
        subresults=tuple(
            dataclasses.replace(each, name=printable_words(each.name), words=printable_words(each.words))
            for each in recorder.subresults.values()
        ),
        evidence=str(recorder.folder),
        attempts=recorder.attempts,
    )
