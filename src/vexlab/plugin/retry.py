"""An error of the lab says nothing about the module, so the case gets a second machine; a finding never does."""

from __future__ import annotations

import pytest
from _pytest.runner import runtestprotocol

from vexlab.model.verdict import Verdict
from vexlab.plugin.recorder import recorder_of, renew
from vexlab.plugin.verdict import forget, result_of

_EARLIER = "first-attempt.txt"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run a case; where only the lab failed, once more, and report the second attempt."""
    recorder_of(item)  # starts the case's clocks
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    error = recorder_of(item).lab_error
    if error and isinstance(item, pytest.Function) and result_of(reports[-1]).get("verdict") == Verdict.ERROR.value:
        _start_over(item, error)
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _start_over(item: pytest.Function, error: str) -> None:
    recorder = renew(item)
    recorder.metrics["attempts_count"] = 2
    recorder.folder.mkdir(parents=True, exist_ok=True)
    (recorder.folder / _EARLIER).write_text(f"{error}\n")
    forget(item)
    item._initrequest()  # noqa: SLF001 - fixtures anew; pytest has no public name for it
