"""What can be said of the module without running it: its source as analysers see it, and what its file says."""

from __future__ import annotations

import pytest

from vexlab.errors import BuildError
from vexlab.lab import Lab
from vexlab.model.kernel import Kernel
from vexlab.model.subresult import SubVerdict
from vexlab.model.target import ModuleArtifact, Target
from vexlab.plugin.fixtures import Metrics, SubResults
from vexlab.targets.analysers import ANALYSERS, BY_NAME
from vexlab.targets.checks import analysed
from vexlab.targets.modinfo import faults
from vexlab.targets.remarks import BASELINE, known_remarks

pytestmark = [pytest.mark.domain("kernel_module"), pytest.mark.level(1)]

_SHOWN = 30


@pytest.mark.needs(source=True)
@pytest.mark.parametrize(
    "analyser",
    [
        pytest.param(each.name, marks=[] if each.quick else [pytest.mark.level(2), pytest.mark.slow])
        for each in ANALYSERS
    ],
)
def test_analysis(
    lab: Lab,
    build: ModuleArtifact | BuildError,
    target: Target,
    kernel: Kernel,
    metrics: Metrics,
    subresults: SubResults,
    analyser: str,
) -> None:
    """Compilers and analysers remark nothing on the source beyond what ``remarks.toml`` beside target.toml lists.

    Without that file remarks are listed, and fail nothing.
    """
    if isinstance(build, BuildError):
        pytest.skip("the module does not build; kernel_module.build has the compiler's words")
    baseline = target.file.parent / BASELINE
    known = [each for each in known_remarks(baseline) if each.by == analyser]
    checked, remarks = analysed(BY_NAME[analyser], lab.analysis_inputs(target, kernel), known)
    if checked.ok is None:
        pytest.skip(checked.words)
    metrics.record("remarks_count", len(remarks))
    metrics.record("new_remarks_count", len(checked.details))
    for line in checked.details:
        place, _, words = line.partition(": ")
        subresults.record(place, SubVerdict.FAILED if baseline.exists() else SubVerdict.SKIPPED, words)
    shown = "\n".join(checked.details[:_SHOWN])
    if not checked.ok and not baseline.exists():  # style is no reason to distrust a module that nobody looked at so
        pytest.skip(f"{checked.words}, and no {BASELINE} says which may stay: `vexlab check --accept` does\n{shown}")
    assert checked.ok, f"{checked.words}; `vexlab check --accept` writes those that may stay to {BASELINE}\n{shown}"


@pytest.mark.quick
@pytest.mark.needs(source=True)
def test_modinfo(artifact: ModuleArtifact, target: Target, kernel: Kernel) -> None:
    """The module's file names a free license, the alias by which mount loads it, and the kernel that it is made for."""
    assert artifact.path is not None
    found = faults(artifact.path.read_bytes(), fstype=target.fstype, release=kernel.release)
    assert not found, "; ".join(found)
