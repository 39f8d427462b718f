"""From pytest's three phases to one verdict: the worse of outcome and findings, crash first."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Mapping
from pathlib import Path

import msgspec
import pytest

from vexlab.errors import BuildError, GuestTimeout, InfraError, MachineLost, VexlabError
from vexlab.model.case import CaseResult
from vexlab.model.verdict import Outcome, Verdict, judge
from vexlab.plugin.evidence import write_evidence
from vexlab.plugin.marks import planned
from vexlab.plugin.recorder import Recorder, evidence_lost, is_the_labs, recorder_of

# Report attribute that carries the case's result, as plain data, from a worker to the main process.
RESULT = "vexlab_case"
_OUTCOMES = pytest.StashKey[list[tuple[Outcome, str]]]()
_WORDS = pytest.StashKey[list[str]]()
_RANK = (Outcome.PASSED, Outcome.SKIPPED, Outcome.ERROR, Outcome.FAILED)
_RED = (Verdict.FAILED, Verdict.CRASHED)
# What speaks about the module; whatever else a case raises is a fault of the case, or of ours.
_OF_THE_MODULE = (AssertionError, pytest.fail.Exception, BuildError, GuestTimeout, MachineLost)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge after each phase; after the last, hand over the case's result and its evidence."""
    report = yield
    recorder = recorder_of(item)
    outcomes = item.stash.setdefault(_OUTCOMES, [])
    error = call.excinfo.value if call.excinfo else None
    _observe(recorder, error, report, outcomes)
    if error is not None and not report.skipped:  # whole, as it is meant to be read, then where it was raised
        item.stash.setdefault(_WORDS, []).append(f"{error}\n\n{report.longreprtext}\n")
    outcome, reason = max(outcomes, key=lambda each: _RANK.index(each[0]))
    verdict = judge(outcome, recorder.findings)
    if verdict in _RED and recorder.findings:
        reason = _with_findings(reason, recorder)
        if report.outcome != "failed" and call.when != "setup":
            report.outcome = "failed"
            report.longrepr = "\n\n".join(finding.text or finding.title for finding in recorder.findings)
    if call.when == "teardown":
        result = _result(item, recorder, verdict, reason)
        result = _with_evidence(item, recorder, result)
        setattr(report, RESULT, msgspec.to_builtins(result))
    return report


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
    except Exception as ours:  # noqa: BLE001 - the boundary of a worker: a case is judged, the run goes on
        outcomes.append((outcome, reason))
        outcomes.append((Outcome.ERROR, f"the machine cannot be judged: {type(ours).__name__}: {ours}"))


def _with_findings(reason: str, recorder: Recorder) -> str:
    """Return the case's own words and what the kernel said; first what says more of what was being done."""
    titles = "; ".join(dict.fromkeys(finding.title for finding in recorder.findings))
    titles += f" ({recorder.during})" if recorder.during else ""
    if not reason or recorder.echo:
        return titles
    return f"{reason}\nkernel: {titles}"


def _with_evidence(item: pytest.Item, recorder: Recorder, result: CaseResult) -> CaseResult:
    """Write the case's folder. A pass that nobody can check is none; what is red stays so."""
    said: list[str] = item.stash.setdefault(_WORDS, [])
    try:
        write_evidence(item, recorder, result, "\n".join(said))
    except (OSError, InfraError) as error:
        words = str(evidence_lost(error) if isinstance(error, OSError) else error)
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
    if report.skipped:
        return Outcome.SKIPPED
    if not is_the_labs(error) and isinstance(error, _OF_THE_MODULE):
        return Outcome.FAILED
    return Outcome.ERROR


def _reason(report: pytest.TestReport, error: BaseException | None) -> str:
    if error is None:
        return ""
    if report.skipped and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    if isinstance(error, pytest.FixtureLookupError):
        return " ".join(error.formatrepr().errorstring.split("\n")[:2])
    words = str(error).strip()
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
        findings=tuple(recorder.findings),
        metrics=dict(recorder.metrics),
        evidence=str(recorder.folder),
        attempts=recorder.attempts,
    )
