"""A case for each suite of the table; a suite whose tests want a machine each has a case for each of its tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vexlab.model.request import suites_of
from vexlab.plugin.fixtures import Metrics, SubResults
from vexlab.plugin.options import request_of
from vexlab.suites import all_suites, find_suite, function_of
from vexlab.suites.adapter import Suite
from vexlab.suites.cases.running import Bench, found_by, selection_of
from vexlab.targets.load import find_target

pytestmark = [pytest.mark.domain("suites"), pytest.mark.level(2), pytest.mark.slow]

_SUITE = "vexlab_suite"  # of a case's function: the name of its suite


def _case(suite: Suite) -> Callable[..., None]:
    def case(suite_bench: Bench, subresults: SubResults, metrics: Metrics) -> None:
        suite_bench.run(subresults, metrics)

    case.__doc__ = f"{suite.name}: {suite.about}."
    setattr(case, _SUITE, suite.name)
    return case


# Functions of a module's, as pytest wants them: the table may hold suites of other packages.
globals().update({function_of(suite.name): _case(suite) for suite in all_suites().values()})


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a suite with a machine for each test a case for each test."""
    suite = find_suite(getattr(metafunc.function, _SUITE))
    asked = request_of(metafunc.config)
    if suite.name not in suites_of(asked):  # pytest asks for each function of the module
        return
    tests = suite.list(found_by(suite, metafunc.config), selection_of(asked), find_target(asked.target))
    if tests:
        metafunc.parametrize("suite_test", tests, indirect=True)
