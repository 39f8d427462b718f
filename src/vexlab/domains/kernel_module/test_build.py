"""The module builds against the kernel."""

from __future__ import annotations

import re

import pytest

from vexlab.errors import BuildError
from vexlab.model.kernel import Kernel
from vexlab.model.target import ModuleArtifact, Target
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("kernel_module"),
    pytest.mark.level(1),
    pytest.mark.scenario(1),
    pytest.mark.quick,
]


@pytest.mark.needs(source=True)
def test_build(build: ModuleArtifact | BuildError, target: Target, kernel: Kernel, metrics: Metrics) -> None:
    """The source compiles against the kernel, and the module says it is made for that kernel."""
    if isinstance(build, BuildError):
        raise build
    metrics.record("warnings_count", len(build.warnings))
    assert build.path is not None
    image = build.path.read_bytes()
    metrics.record("module_bytes", len(image))
    vermagic = re.search(rb"\0vermagic=([^\0]*)", b"\0" + image)
    assert vermagic, f"{build.path.name} carries no vermagic: is it a module?"
    release = vermagic[1].decode().split(" ")[0]
    assert release == kernel.release, f"the module is made for {release}, not for {kernel.release}"
    name = re.search(rb"\0name=([^\0]*)", image)
    assert name, f"{build.path.name} carries no name: is it a module?"
    assert name[1].decode() == target.module, f"the module calls itself {name[1].decode()}, not {target.module}"
