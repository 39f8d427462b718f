"""Each installed component that a run switches on, as one case."""

from __future__ import annotations

import pytest

from vexlab.components import installed, load
from vexlab.components.results import named
from vexlab.errors import TargetFailure, UsageError
from vexlab.model.component import DOMAIN
from vexlab.model.subresult import SubVerdict
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics, SubResults
from vexlab.plugin.options import enabled_components
from vexlab.vm.machine import Machine

pytestmark = pytest.mark.domain(DOMAIN)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a case of each component that is switched on."""
    names = [name for name in enabled_components(metafunc.config) if name in installed()]
    metafunc.parametrize("component", names, ids=names)


def test_component(component: str, machine: Machine, target: Target, metrics: Metrics, subresults: SubResults) -> None:
    """The component's results all hold, and its kernel has nothing to say."""
    made = load(component)()
    made.machine, made.target, made.metrics = machine, target, metrics
    try:
        made.setup()
        made.execute()
        results = tuple(named(made.get_results()))
    finally:
        made.cleanup()
    if not results:
        raise UsageError(f"the component `{component}` has no results", hint="a component that looks at nothing fails")
    for name, result in results:
        subresults.record(name, SubVerdict.PASSED if result.passed else SubVerdict.FAILED, result.message)
        for metric, value in result.metrics.items():
            metrics.record(metric, value)
    failed = [f"{name}: {result.message}" for name, result in results if not result.passed]
    if failed:
        raise TargetFailure("; ".join(failed))
