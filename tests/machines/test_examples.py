"""The shipped targets really run; what a kernel lacks is skipped with its reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.machines.conftest import Run

pytestmark = pytest.mark.machine

CASES = ("kernel_module.load", "kernel_module.concurrent_files", "kernel_module.error_unload_busy")


def _run(vexlab: Callable[..., Run], target: str, kernel: str = "6.1") -> Run:
    wanted = [word for case in CASES for word in ("--case", case)]
    return vexlab("--target", target, "--kernel", kernel, *wanted)


@pytest.mark.parametrize("target", ["xfs", "btrfs"])
def test_module_of_the_distribution(vexlab: Callable[..., Run], target: str) -> None:
    run = _run(vexlab, target)
    assert set(run.verdicts.values()) == {"passed"}, run.stderr
    assert run.status == 0


def test_built_in_filesystem(vexlab: Callable[..., Run]) -> None:
    run = _run(vexlab, "ext4")
    assert set(run.verdicts.values()) == {"skipped"}
    assert "built into kernel 6.1" in run.stderr
    assert run.status == 4


@pytest.mark.long
@pytest.mark.parametrize("target", ["ext4", "minix"])
def test_modules_of_the_general_flavour(vexlab: Callable[..., Run], target: str) -> None:
    run = _run(vexlab, target, "6.1-amd64")
    assert set(run.verdicts.values()) == {"passed"}, run.stderr
