"""Test suites of others behind one interface (``vexlab.suites.adapter``), and the table of them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path

from vexlab.errors import UsageError
from vexlab.suites import fsstress, fsx, ltp, packaged, pjdfstest, xfstests
from vexlab.suites.adapter import Suite
from vexlab.tables import suggest

BUILT_IN = (
    *(pjdfstest.SUITE, fsx.SUITE, xfstests.SUITE, ltp.SUITE, fsstress.SUITE),
    *(packaged.STRESS_NG, packaged.DBENCH),
)
_CASES = Path(__file__).with_name("cases") / "test_suites.py"
_NAME = re.compile(r"[a-z][a-z0-9-]*")  # stress-ng
GROUP = "vexlab.suites"  # of entry points: packages that bring a suite name a ``Suite`` there


def all_suites() -> Mapping[str, Suite]:
    """Return every suite by name; raise ``UsageError`` where two have one, or an entry point leads to none."""
    found: dict[str, Suite] = {}
    for suite in (*BUILT_IN, *_installed()):
        if suite.name in found:
            raise UsageError(f"two suites are called `{suite.name}`", hint="rename one of them")
        if not _NAME.fullmatch(suite.name):
            raise UsageError(f"`{suite.name}` is no name for a suite", hint="take small letters, digits and hyphens")
        found[suite.name] = suite
    return found


def find_suite(name: str) -> Suite:
    """Return the suite ``name``; raise ``UsageError``."""
    suites = all_suites()
    if name not in suites:
        raise UsageError(f"no suite `{name}`", hint=suggest(name, suites))
    return suites[name]


def function_of(name: str) -> str:
    """Return the name of the function that runs the suite ``name``: ``test_stress_ng``."""
    return f"test_{name.replace('-', '_')}"


def node_of(name: str) -> str:
    """Return pytest's name of the case, or cases, that run the suite ``name``."""
    return f"{_CASES}::{function_of(find_suite(name).name)}"


def given_place(name: str, tree: str, settings: Mapping[str, str]) -> str:
    """Return what the user says of where a suite is: ``--tree``, ``VEXLAB_NAME``, the settings; empty for nothing."""
    return tree or os.environ.get(f"VEXLAB_{name.upper().replace('-', '_')}", "") or settings.get(name, "")


def _installed() -> tuple[Suite, ...]:
    loaded = []
    for entry in entry_points(group=GROUP):
        try:
            suite = entry.load()
        except (ImportError, AttributeError) as error:
            raise UsageError(f"entry point `{entry.name}` of {GROUP} cannot be loaded: {error}") from error
        if not isinstance(suite, Suite):
            raise UsageError(f"entry point `{entry.name}` of {GROUP} is no Suite")
        loaded.append(suite)
    return tuple(loaded)
