"""The shipped targets really run; what a kernel lacks is skipped with its reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.machines.conftest import Run
from vexlab.lab import Lab

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


def test_a_kernel_given_by_its_path(vexlab: Callable[..., Run], lab: Lab, tmp_path: Path) -> None:
    kernel = lab.kernels.get("6.1")
    for folder in ("boot", "lib/modules"):
        (tmp_path / folder).mkdir(parents=True)
    image = tmp_path / "boot" / f"vmlinuz-{kernel.release}"
    image.symlink_to(kernel.image)
    image.with_name(f"config-{kernel.release}").symlink_to(kernel.config)
    (tmp_path / "lib" / "modules" / kernel.release).symlink_to(kernel.modules)
    run = vexlab("--target", "xfs", "--kernel", str(image), "--case", "kernel_module.load")
    assert set(run.verdicts.values()) == {"passed"}, run.stderr
    assert run.case("kernel_module.load")["kernel"] == str(image)
