"""The provider's own tests, with pools, volumes and a machine on a real libvirt."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.infra.conftest import CODE, Libvirt
from vexlab.config import Settings
from vexlab.lab import Lab

pytestmark = [pytest.mark.infra, pytest.mark.long]


def test_the_provider_on_a_real_libvirt(libvirt: Libvirt, tmp_path: Path) -> None:
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    with Lab(Settings()) as lab:
        kernel = lab.kernels.get("6.1").image
    program = tmp_path / "provider.test"
    source = CODE / "terraform" / "provider"
    build = ["go", "test", "-c", "-o", str(program), "."]
    subprocess.run(build, cwd=source, env={**os.environ, "CGO_ENABLED": "0"}, check=True, timeout=900)
    env = {**os.environ, "VEXLAB_LIBVIRT_SOCKET": str(libvirt.socket), "VEXLAB_TEST_KERNEL": str(kernel)}
    done = subprocess.run(
        [str(program), "-test.v"], cwd=source, env=env, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "--- PASS: TestARealLibvirt" in done.stdout
    assert not libvirt.virsh("list", "--all", "--name").strip()
