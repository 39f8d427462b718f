"""The run of one case: under a deadline, once more where nothing but the lab failed, often where that is asked for.

An error of the lab says nothing about the module, so the case gets another machine (``--retry``). A case with a finding
is never tried again: what the kernel did, it did. What earlier attempts left is kept in its folder. ``--stress``
repeats what passed: the first time that it does not is the case's result.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
from _pytest.runner import runtestprotocol

from vexlab.config import cache_dir
from vexlab.errors import CaseDeadline, UsageError
from vexlab.kernels.slowdown import timeout_scale
from vexlab.model.component import component_of
from vexlab.model.metric import measured
from vexlab.model.request import SECONDS, STRESS
from vexlab.model.verdict import Verdict
from vexlab.plugin.marks import marks_of
from vexlab.plugin.options import is_worker, request_of, settings_of
from vexlab.plugin.recorder import forget_recorder, recorder_of, renew
from vexlab.plugin.verdict import forget, result_of

_ATTEMPTS = "attempts_count"
_REPEATS = "repeats_count"
_EARLIER = "first-attempt.txt"
_AGAIN_S = 60.0  # a case that swallows the error, or a fixture that hangs in its turn, gets this much more
_PATIENCE = 5
_COLLECT_S = 300.0
_STUCK = 70  # exit status of a process that could not be brought back from a case


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run a case; where only the lab failed, again, and report the last attempt."""
    recorder_of(item)  # starts the case's clocks
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = _decided(item, nextitem)
    if stress := request_of(item.config).stress:
        reports = _repeated(item, nextitem, reports, stress)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _decided(item: pytest.Item, nextitem: pytest.Item | None) -> list[pytest.TestReport]:
    """Run a case until it was not the lab that failed, or as often as a run tries."""
    reports = _attempt(item, nextitem)
    for number in range(2, 2 + _retries(item)):
        recorder = recorder_of(item)
        verdict = result_of(reports[-1]).get("verdict")
        if not recorder.lab_error or recorder.findings or verdict != Verdict.ERROR.value:
            break
        if not isinstance(item, pytest.Function):
            break
        with contextlib.suppress(OSError):  # where nothing can be written, the first attempt has to do
            _start_over(item, recorder.lab_error, number)
            reports = _attempt(item, nextitem)
    return reports


def _retries(item: pytest.Item) -> int:
    settings, key = settings_of(item.config), marks_of(item).key
    own = settings.component(component_of(key.domain, key.parameters)).retry_attempts
    asked = request_of(item.config).retry
    return next(each for each in (asked, own, settings.run.retry) if each is not None)


def _repeated(
    item: pytest.Item, nextitem: pytest.Item | None, reports: list[pytest.TestReport], stress: str
) -> list[pytest.TestReport]:
    """Run a case that passed again and again, each time from the start, until it does not, or ``stress`` is over."""
    match = STRESS.fullmatch(stress)
    if match is None:
        raise UsageError(f"--stress {stress}: 20, 90s and 2h are some")
    within = int(match[1]) * SECONDS[match[2]] if match[2] else 0
    most = sys.maxsize if within else int(match[1])
    begin, count = time.monotonic(), 1
    while count < most and result_of(reports[-1]).get("verdict") == Verdict.PASSED.value:
        if (within and time.monotonic() - begin >= within) or not isinstance(item, pytest.Function):
            break
        count += 1
        start_again(item)
        recorder_of(item).metrics[_REPEATS] = measured(_REPEATS, count)
        reports = _decided(item, nextitem)
    return reports


def start_again(item: pytest.Function) -> None:
    """Prepare a case that passed for another run of it; of the last one nothing is kept."""
    forget_recorder(item)
    forget(item)
    item._initrequest()  # noqa: SLF001 - fixtures anew; pytest has no public name for it


def _attempt(item: pytest.Item, nextitem: pytest.Item | None) -> list[pytest.TestReport]:
    folder, environment = Path.cwd(), dict(os.environ)
    try:
        with _deadline(item):
            try:
                return runtestprotocol(item, log=False, nextitem=nextitem)
            except (pytest.exit.Exception, KeyboardInterrupt) as error:
                if not is_worker(item.config):  # in a session of somebody's own both mean what they say
                    raise
                # A worker is told to stop in other ways, so this is the case's doing: it ends the case, and no other.
                return [_gave_up(item, nextitem, error)]
    finally:  # what a case does to its process is not for the next one
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """End a worker in which a file of cases does not come to its end when it is imported."""
    if is_worker(session.config):
        faulthandler.dump_traceback_later(_COLLECT_S, exit=True)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


def _gave_up(item: pytest.Item, nextitem: pytest.Item | None, error: BaseException) -> pytest.TestReport:
    """End a case that tried to end the session: its fixtures are torn down, it is reported as an error of its own."""
    raised = UsageError(f"the case raised {type(error).__name__}, which would end the run: {error}")

    def fail() -> None:
        item.session._setupstate.teardown_exact(nextitem)  # noqa: SLF001 - pytest has no public name for it
        raise raised

    call = pytest.CallInfo.from_call(fail, when="teardown")
    report: pytest.TestReport = item.ihook.pytest_runtest_makereport(item=item, call=call)
    return report


def _start_over(item: pytest.Function, error: str, number: int) -> None:
    recorder = renew(item)
    recorder.metrics[_ATTEMPTS] = measured(_ATTEMPTS, number, "lower")
    recorder.folder.mkdir(parents=True, exist_ok=True)
    (recorder.folder / _EARLIER).write_text(f"{error}\n")
    forget(item)
    item._initrequest()  # noqa: SLF001 - fixtures anew; pytest has no public name for it


@contextmanager
def _deadline(item: pytest.Item) -> Iterator[None]:
    """Raise ``CaseDeadline`` in a case that does not end on the host; end the process if that does not help."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    marks = marks_of(item)
    settings = settings_of(item.config)
    own = settings.component(component_of(marks.domain, marks.key.parameters)).timeout
    scale = timeout_scale(cache_dir(settings), marks.key.kernel, marks.key.flavour)
    seconds = (own or settings.run.deadline(marks.level)) * scale
    words = f"the case did not end within {seconds:g} s on the host"
    patience = _PATIENCE

    def over(_number: int, _frame: FrameType | None) -> None:
        nonlocal patience
        patience -= 1
        recorder_of(item).overdue = words
        if not patience:
            faulthandler.dump_traceback()
            os._exit(_STUCK)
        raise CaseDeadline(words, hint="`case_s` under [run] in vexlab.toml allows more")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN_S)
    # for a case that turns the alarm off, or is in code that no signal interrupts
    faulthandler.dump_traceback_later(seconds + max(_AGAIN_S, seconds), exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
