"""The tools, built once: with sanitizers for the tests, and as they are shipped."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the suite is run from the repository's top, by path

from vexfs_image import Tools, make_collection, make_index, populate

SOURCE = Path(__file__).parent.parent / "tools"


def build(factory: pytest.TempPathFactory, name: str, *options: str) -> Tools:
    """Builds into a folder that parallel workers share; the first of them does the work."""
    if shutil.which("make") is None or shutil.which("cc") is None:
        pytest.skip("no C compiler on this host")
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"tools-{name}"
    folder.mkdir(exist_ok=True)
    command = ["make", "-j2", "-C", str(SOURCE), f"O={folder}", *options]
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    return Tools(folder=folder)


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """Built with the address, leak and undefined behaviour sanitizers."""
    return build(tmp_path_factory, "sanitized", "SANITIZE=1", "CFLAGS=-O1 -g")


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """Built as for users: optimized, static."""
    return build(tmp_path_factory, "shipped")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return populate(tmp_path_factory.mktemp("source") / "tree")


@pytest.fixture(scope="session")
def master(shipped: Tools, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean image with something of every kind; never written to."""
    path = tmp_path_factory.mktemp("master") / "image"
    made = shipped.mkfs(path, "-q", "-s", "8M", "-N", "320", "-d", folder)
    assert made.status == 0, made.err
    make_index(shipped, path, "/index", make_collection(shipped, path, "/vectors"))
    checked = shipped.fsck(path, "-n")
    assert checked.status == 0, checked.out
    path.chmod(0o400)
    return path


@pytest.fixture
def image(master: Path, tmp_path: Path) -> Path:
    """A copy of the master to damage."""
    path = tmp_path / "image"
    subprocess.run(["cp", "--sparse=always", str(master), str(path)], check=True)
    path.chmod(0o600)
    return path
