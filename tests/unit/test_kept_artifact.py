"""A module that is kept for cases to run with: never another one than was built."""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.errors import InfraError
from vexlab.model.kernel import Kernel
from vexlab.model.target import ModuleArtifact, Target
from vexlab.targets.kept import keep_artifact, kept_artifact


def _artifact(folder: Path, data: bytes) -> ModuleArtifact:
    file = folder / "x.ko"
    file.write_bytes(data)
    return ModuleArtifact(target="x", kernel="6.1", path=file, digest=data.hex())


def test_it_is_read_back_and_kept_once(tmp_path: Path) -> None:
    kernel = Kernel(name="k", release="1", version="1", image=tmp_path, modules=tmp_path, config=tmp_path)
    for _ in range(2):
        keep_artifact(_artifact(tmp_path, b"one"), tmp_path / "kept")
    found = kept_artifact(tmp_path / "kept", Target(name="x", fstype="x", module="x", file=tmp_path), kernel)
    assert found.path
    assert (found.path.read_bytes(), found.digest) == (b"one", b"one".hex())


def test_what_a_debugger_needs_is_kept_without_a_second_copy(tmp_path: Path) -> None:
    artifact = _artifact(tmp_path, b"one")
    (tmp_path / "x.debug.ko").write_bytes(b"symbols")
    keep_artifact(artifact, tmp_path / "kept")
    assert (tmp_path / "kept" / "x.debug.ko").read_bytes() == b"symbols"
    assert (tmp_path / "x.debug.ko").stat().st_nlink == 2


def test_another_one_in_its_place_is_refused(tmp_path: Path) -> None:
    keep_artifact(_artifact(tmp_path, b"one"), tmp_path / "kept")
    with pytest.raises(InfraError, match="holds another module than this one"):
        keep_artifact(_artifact(tmp_path, b"two"), tmp_path / "kept")
    assert (tmp_path / "kept" / "x.ko").read_bytes() == b"one"
