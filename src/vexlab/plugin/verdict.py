"""From pytest's three phases to one verdict: the worse of outcome and findings, crash first."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping

import msgspec
import pytest

from vexlab.errors import BuildError, GuestTimeout, MachineLost, VexlabError
from vexlab.model.case import CaseResult
from vexlab.model.verdict import Outcome, Verdict, judge
from vexlab.plugin.evidence import write_evidence
from vexlab.plugin.marks import marks_of
from vexlab.plugin.recorder import Recorder, is_the_labs, recorder_of

# Report attribute that carries the case's result, as plain data, from a worker to the main process.
RESULT = "vexlab_case"
_OUTCOMES = pytest.StashKey[list[tuple[Outcome, str]]]()
_WORDS = pytest.StashKey[list[str]]()
_RANK = (Outcome.PASSED, Outcome.SKIPPED, Outcome.ERROR, Outcome.FAILED)
_RED = (Verdict.FAILED, Verdict.CRASHED)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge after each phase; after the last, hand over the case's result and its evidence."""
    report = yield
    recorder = recorder_of(item)
    outcomes = item.stash.setdefault(_OUTCOMES, [])
    error = call.excinfo.value if call.excinfo else None
    recorder.observe(error)
    outcomes.append((_outcome(report, error), _reason(report, error)))
    if error is not None and not report.skipped:  # whole, as it is meant to be read, then where it was raised
        item.stash.setdefault(_WORDS, []).append(f"{error}\n\n{report.longreprtext}\n")
    outcome, reason = max(outcomes, key=lambda each: _RANK.index(each[0]))
    verdict = judge(outcome, recorder.findings)
    if verdict in _RED and recorder.findings:
        reason = "; ".join(dict.fromkeys(finding.title for finding in recorder.findings))
        reason += f" ({recorder.during})" if recorder.during else ""
        if report.outcome != "failed" and call.when != "setup":
            report.outcome = "failed"
            report.longrepr = "\n\n".join(finding.text or finding.title for finding in recorder.findings)
    if call.when == "teardown":
        result = _result(item, recorder, verdict, reason)
        words = item.stash.setdefault(_WORDS, [])
        write_evidence(item, recorder, result, "\n".join(words))
        setattr(report, RESULT, msgspec.to_builtins(result))
    return report


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
    if is_the_labs(error):
        return Outcome.ERROR
    if isinstance(error, (AssertionError, BuildError, GuestTimeout, MachineLost)):
        return Outcome.FAILED
    if isinstance(error, VexlabError) or report.when != "call":
        return Outcome.ERROR
    return Outcome.FAILED


def _reason(report: pytest.TestReport, error: BaseException | None) -> str:
    if error is None:
        return ""
    if report.skipped and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    if isinstance(error, pytest.FixtureLookupError):
        return " ".join(error.formatrepr().errorstring.split("\n")[:2])
    words = str(error).strip() or type(error).__name__
    if isinstance(error, AssertionError):
        words = words.partition("\nassert ")[0]
    return words[:2000]


def _result(item: pytest.Item, recorder: Recorder, verdict: Verdict, reason: str) -> CaseResult:
    marks = marks_of(item)
    callspec = getattr(item, "callspec", None)
    return CaseResult(
        id=marks.id,
        node=item.nodeid,
        domain=marks.domain,
        level=marks.level,
        scenario=marks.scenario,
        safety=marks.safety,
        kernel=str(callspec.params.get("kernel", "")) if callspec else "",
        verdict=verdict,
        reason=reason,
        started=recorder.started,
        duration_s=round(time.perf_counter() - recorder.began, 3),
        overhead_s=round(time.process_time() - recorder.cpu_began, 4),
        findings=tuple(recorder.findings),
        metrics=dict(recorder.metrics),
        evidence=str(recorder.folder),
    )
