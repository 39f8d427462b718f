"""The run of one case: under a deadline, and once more where nothing but the lab failed.

An error of the lab says nothing about the module, so the case gets a second machine. A case with a finding is never
tried again: what the kernel did, it did. What the first attempt left is kept in its folder.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
from _pytest.runner import runtestprotocol

from vexlab.errors import CaseDeadline, UsageError
from vexlab.kernels.flavours import timeout_scale
from vexlab.model.metric import measured
from vexlab.model.verdict import Verdict
from vexlab.plugin.marks import marks_of
from vexlab.plugin.options import is_worker, settings_of
from vexlab.plugin.recorder import recorder_of, renew
from vexlab.plugin.verdict import forget, result_of

_ATTEMPTS = "attempts_count"
_EARLIER = "first-attempt.txt"
_AGAIN_S = 60.0  # a case that swallows the error, or a fixture that hangs in its turn, gets this much more
_PATIENCE = 5
_COLLECT_S = 300.0
_STUCK = 70  # exit status of a process that could not be brought back from a case


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run a case; where only the lab failed, once more, and report the second attempt."""
    recorder_of(item)  # starts the case's clocks
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = _attempt(item, nextitem)
    recorder = recorder_of(item)
    error = recorder.lab_error
    verdict = result_of(reports[-1]).get("verdict")
    if error and not recorder.findings and isinstance(item, pytest.Function) and verdict == Verdict.ERROR.value:
        with contextlib.suppress(OSError):  # where nothing can be written, the first attempt has to do
            _start_over(item, error)
            reports = _attempt(item, nextitem)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


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


def _start_over(item: pytest.Function, error: str) -> None:
    recorder = renew(item)
    recorder.metrics[_ATTEMPTS] = measured(_ATTEMPTS, 2, "lower")
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
    seconds = settings_of(item.config).run.deadline(marks.level) * timeout_scale(marks.key.flavour)
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
