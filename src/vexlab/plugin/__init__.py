"""The pytest plugin: fixtures, marks, evidence, verdict. Load it with ``-p vexlab`` or ``-p vexlab.plugin``."""

from __future__ import annotations

from vexlab.plugin.domain_base import (
    DomainBase,
    TestResult,
    _domain,
    pytest_pycollect_makeitem,
    pytest_pyfunc_call,
)
from vexlab.plugin.fixtures import (
    artifact,
    build,
    filesystem,
    kernel,
    klog,
    lab,
    machine,
    metrics,
    module,
    module_image,
    mounted,
    panic_machine,
    post_checks,
    power_cycle,
    profile,
    pytest_runtest_call,
    scratch,
    step,
    subresults,
    target,
    thresholds,
)
from vexlab.plugin.options import pytest_addoption, pytest_configure, pytest_unconfigure
from vexlab.plugin.retry import pytest_collection, pytest_runtest_protocol
from vexlab.plugin.selection import (
    pytest_collection_modifyitems,
    pytest_generate_tests,
    pytest_itemcollected,
    pytest_make_collect_report,
    pytest_runtest_setup,
)
from vexlab.plugin.verdict import pytest_runtest_makereport

__all__ = [
    "DomainBase",
    "TestResult",
    "_domain",
    "artifact",
    "build",
    "filesystem",
    "kernel",
    "klog",
    "lab",
    "machine",
    "metrics",
    "module",
    "module_image",
    "mounted",
    "panic_machine",
    "post_checks",
    "power_cycle",
    "profile",
    "pytest_addoption",
    "pytest_collection",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_generate_tests",
    "pytest_itemcollected",
    "pytest_make_collect_report",
    "pytest_pycollect_makeitem",
    "pytest_pyfunc_call",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_runtest_protocol",
    "pytest_runtest_setup",
    "pytest_unconfigure",
    "scratch",
    "step",
    "subresults",
    "target",
    "thresholds",
]
