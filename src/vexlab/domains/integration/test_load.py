"""What people run before they trust a filesystem: fio with verification, stress-ng's filesystem class, dbench."""

from __future__ import annotations

import pytest

from vexlab.domains.integration.machines import MACHINE
from vexlab.domains.integration.stressors import NEEDS, STRESSORS, parse_stressors, wrong_stressors
from vexlab.domains.integration.workflow import Workflow, words_of
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("integration"),
    pytest.mark.level(2),
    pytest.mark.slow,
    pytest.mark.needs(mkfs=True),
    MACHINE,
]

_EACH_S = 1
_DBENCH_S = 10
_LARGE = 32 << 20  # bytes


@pytest.mark.needs(capabilities="mmap_write fsync truncate_up")
def test_fio_verify(workflow: Workflow) -> None:
    """Seven jobs of fio, sequential, random, mapped and odd, find every block as written, at once and after mount."""
    workflow.room(_LARGE)
    workflow.run("fio", "written", timeout=300)
    workflow.remount()
    workflow.run("fio", "again", timeout=300)


@pytest.mark.needs(capabilities="mkdir rmdir unlink truncate_up truncate_down fsync mmap_write")
def test_stress_ng(workflow: Workflow, metrics: Metrics) -> None:
    """Each of stress-ng's stressors of files and directories ends well, with its own verification."""
    workflow.room(_LARGE)
    can = workflow.post_checks.filesystem.can
    stressors = [name for name in STRESSORS if can(*NEEDS.get(name, "").split())]
    argv = ["/bin/bash", "-c", workflow.script("stress"), "stress", workflow.mountpoint, "", str(_EACH_S), *stressors]
    result = workflow.machine.exec(argv, timeout=900)
    statuses = parse_stressors(result.text)
    metrics.record("stressors_count", len(statuses))
    wrong = wrong_stressors(statuses, stressors)
    assert not wrong, f"{wrong}: {words_of(result)}"
    assert result.ok, f"the stressors did not end well: {words_of(result)}"


@pytest.mark.needs(capabilities="mkdir rmdir unlink rename rename_over utimes")
def test_dbench(workflow: Workflow) -> None:
    """Four clients of a file server, played by dbench, get the answers that were recorded."""
    workflow.room(_LARGE)
    workflow.run("dbench", str(_DBENCH_S), "4", timeout=180)
