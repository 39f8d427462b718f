"""The hook into a pytest session through which finished cases reach the store and the screen."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from vexlab.model.case import CaseResult

# Written by vexlab.plugin.verdict; a name, so that this layer need not import that one's pytest hooks.
RESULT = "vexlab_case"


class Collector:
    """Calls ``started`` with a node id and ``finished`` with a result; keeps what pytest itself got wrong."""

    def __init__(self, started: Callable[[str], None], finished: Callable[[CaseResult], None]) -> None:
        self._started = started
        self._finished = finished
        self.errors: list[str] = []
        self.total = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Learn how many cases there are (in a session without workers)."""
        self.total = max(self.total, len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Learn how many cases there are from a worker."""
        self.total = max(self.total, len(ids))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep a file that cannot be read as tests."""
        if report.failed:
            words = [line.removeprefix("E").strip() for line in report.longreprtext.strip().splitlines()]
            self.errors.append(f"a file cannot be collected: {' · '.join(words[-4:])}")

    def pytest_internalerror(self, excrepr: object) -> None:
        """Keep an error of pytest's or of a plugin's."""
        self.errors.append(str(excrepr).strip().splitlines()[-1])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Pass on that a case begins."""
        self._started(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Pass on a case's result, which comes with the report of its last phase."""
        data = getattr(report, RESULT, None)
        if data is not None:
            self._finished(msgspec.convert(data, CaseResult))
        elif report.when not in ("setup", "call", "teardown"):  # xdist's report of a case whose worker died
            self.errors.append(f"{report.nodeid}: the worker process died")
