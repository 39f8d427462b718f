"""The template of the development image is one that Packer takes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.infra.conftest import CODE
from vexlab.images.recipe import find_recipe

pytestmark = [pytest.mark.infra, pytest.mark.long]
FOLDER = CODE / "packer"


def _packer(verb: str, given: dict[str, str]) -> subprocess.CompletedProcess[str]:
    if shutil.which("packer") is None:
        pytest.skip("Packer is not installed: apt-get install packer")
    words = [word for name, value in given.items() for word in ("-var", f"{name}={value}")]
    env = {**os.environ, "CHECKPOINT_DISABLE": "1"}
    argv = ["packer", verb, *words, str(FOLDER / "vexfs.pkr.hcl")]
    return subprocess.run(argv, capture_output=True, text=True, timeout=300, env=env)


def _given(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "base.qcow2").touch()
    argv = ["ssh-keygen", "-q", "-t", "rsa", "-m", "PEM", "-N", "", "-f", str(tmp_path / "key")]
    subprocess.run(argv, check=True, timeout=60)
    return {
        "base_image": str(tmp_path / "base.qcow2"),
        "base_checksum": "none",
        "source_path": str(tmp_path),
        "ssh_key_path": str(tmp_path / "key"),
        "accelerator": "tcg",
    }


def test_the_template_is_valid(tmp_path: Path) -> None:
    done = _packer("validate", _given(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_accelerator_is_refused(tmp_path: Path) -> None:
    done = _packer("validate", {**_given(tmp_path), "accelerator": "magic"})
    assert done.returncode != 0


def test_the_recipe_is_one() -> None:
    assert "gcc" in find_recipe(str(FOLDER / "development.toml")).packages
