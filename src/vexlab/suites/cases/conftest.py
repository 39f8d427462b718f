"""The machine in which a suite runs, and what it is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from vexlab.lab import Lab
from vexlab.model.kernel import Kernel
from vexlab.model.target import ModuleArtifact, Target
from vexlab.plugin.capabilities import demand
from vexlab.plugin.marks import marks_of
from vexlab.plugin.options import profile_on
from vexlab.plugin.recorder import recorder_of
from vexlab.suites import find_suite
from vexlab.suites.cases.running import Bench, found_by, order_of
from vexlab.targets.in_tree import why_not_loadable


@pytest.fixture
def suite_test(request: pytest.FixtureRequest) -> str:
    """Return the test that the case runs; empty for the whole suite."""
    return str(getattr(request, "param", ""))


@pytest.fixture
def suite_bench(
    request: pytest.FixtureRequest,
    lab: Lab,
    target: Target,
    kernel: Kernel,
    artifact: ModuleArtifact,
    suite_test: str,
) -> Iterator[Bench]:
    """Return a fresh machine with the suite in it, the filesystem made and mounted where the suite wants that."""
    suite = find_suite(request.function.vexlab_suite)
    profile = profile_on(request.config, marks_of(request.node).key)
    absent = why_not_loadable(kernel, target)
    if absent and "built into" not in absent:
        pytest.skip(absent)
    if not target.mkfs:
        pytest.skip(f"{target.name} names no mkfs command")
    demand(profile, ("mkfs", "mount", *suite.needs))
    installed = found_by(suite, request.config)
    order = order_of(suite, installed, lab, target, kernel, artifact, profile)
    recorder = recorder_of(request.node)
    bench = Bench(suite, order, recorder, request.config, suite_test, loads=not absent)
    bench.check()
    order = bench.order(lab)
    with lab.machine(order) as machine:
        recorder.attach(machine, order)
        try:
            bench.prepare(machine)
            yield bench
        finally:
            recorder.detach()
