"""The interface of VexFS, read from its header once."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest

from vexlab import process
from vexlab.fuzz.header import interface_of
from vexlab.fuzz.layout import Interface
from vexlab.model.target import Target
from vexlab.targets.load import find_target

VEXFS = Path(__file__).parents[3] / "targets" / "vexfs"


@pytest.fixture(scope="session")
def target() -> Target:
    return find_target(str(VEXFS))


@pytest.fixture(scope="session")
def interface(target: Target) -> Interface:
    for program in ("gcc", "pahole", "objcopy"):
        if not process.find(program):
            pytest.skip(f"there is no {program}")
    return interface_of(target)


# A busy host is slow at drawing; that says nothing of what is drawn.
hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("busy")
