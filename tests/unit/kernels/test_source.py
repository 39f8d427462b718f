"""Kernel source: where it may come from, what stands for its content, and the copy that is built in."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import cast

import pytest

from vexlab import process
from vexlab.apt import Apt
from vexlab.errors import UsageError
from vexlab.kernels.source import base_name, given, unpack, version_of

NO_APT = cast("Apt", None)
MAKEFILE = "# SPDX\nVERSION = 6\nPATCHLEVEL = 9\nSUBLEVEL = 0\nEXTRAVERSION = -rc1\nNAME = Hurr\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "linux"
    (folder / "kernel").mkdir(parents=True)
    (folder / "Kconfig").write_text("")
    (folder / "Makefile").write_text(MAKEFILE)
    (folder / "kernel/fork.c").write_text("int x;\n")
    (folder / "link").symlink_to("Makefile")
    return folder


def _git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    return process.run(["git", "-C", str(folder), *identity, *words], timeout=20, check=True).text


@pytest.fixture
def repository(tree: Path) -> Path:
    _git(tree, "init", "-q")
    _git(tree, "add", ".")
    _git(tree, "commit", "-q", "-m", "one")
    return tree


def test_a_folder_is_copied_and_its_digest_follows_its_content(tree: Path, tmp_path: Path) -> None:
    source = given(tree)
    assert given(tree).digest == source.digest
    unpack(source, NO_APT, tmp_path / "copy")
    assert (tmp_path / "copy/kernel/fork.c").read_text() == "int x;\n"
    assert (tmp_path / "copy/link").is_symlink()
    (tree / "kernel/fork.c").write_text("int x, y;\n")
    assert given(tree).digest != source.digest


def test_a_repository_is_taken_as_it_lies_there_or_at_a_commit(repository: Path, tmp_path: Path) -> None:
    clean = given(repository)
    head = given(repository, "HEAD")
    (repository / "kernel/fork.c").write_text("int changed;\n")
    changed = given(repository)
    (repository / "new.c").write_text("int new;\n")
    assert len({clean.digest, changed.digest, given(repository).digest}) == 3
    assert given(repository, "HEAD").digest == head.digest
    unpack(head, NO_APT, tmp_path / "head")
    assert (tmp_path / "head/kernel/fork.c").read_text() == "int x;\n"
    unpack(given(repository), NO_APT, tmp_path / "now")
    assert (tmp_path / "now/kernel/fork.c").read_text() == "int changed;\n"
    assert (tmp_path / "now/new.c").exists()
    assert not (tmp_path / "now/.git").exists()


def test_an_archive_with_one_folder_at_its_top_is_unpacked(tree: Path, tmp_path: Path) -> None:
    file = tmp_path / "linux-6.9-rc1.tar.gz"
    with tarfile.open(file, "w:gz") as tar:
        tar.add(tree, "linux-6.9-rc1")
    unpack(given(file), NO_APT, tmp_path / "copy")
    assert version_of(tmp_path / "copy") == "6.9.0-rc1"


@pytest.mark.parametrize(
    ("make", "ref", "words"),
    [
        (lambda tree: (tree / "Kconfig").unlink(), "", "is no kernel source"),
        (lambda tree: None, "v6.9", "is no git repository"),
    ],
)
def test_what_is_no_source_is_refused(tree: Path, make: object, ref: str, words: str) -> None:
    make(tree)  # type: ignore[operator]
    with pytest.raises(UsageError, match=words):
        given(tree, ref)


def test_a_commit_that_is_not_there_is_refused(repository: Path) -> None:
    with pytest.raises(UsageError, match="has no commit v9"):
        given(repository, "v9")
    with pytest.raises(UsageError, match="has no commit --help"):
        given(repository, "--help")


def test_an_archive_without_a_kernel_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    file = tmp_path / "other.tar"
    with tarfile.open(file, "w") as tar:
        tar.add(tmp_path / "a", "a")
    with pytest.raises(UsageError, match="holds no kernel source"):
        unpack(given(file), NO_APT, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert not list(tmp_path.glob("unpack-*"))


def test_a_makefile_without_a_version_is_refused(tree: Path) -> None:
    (tree / "Makefile").write_text("all:\n")
    with pytest.raises(UsageError, match="states no kernel version"):
        version_of(tree)


@pytest.mark.parametrize(
    ("path", "ref", "name"),
    [
        ("/src/linux-6.9-rc1.tar.xz", "", "linux-6.9-rc1"),
        ("/src/Linux", "v6.9", "linux-v6.9"),
        ("/src/my tree", "topic/x_y", "my-tree-topic-x-y"),
    ],
)
def test_a_kernel_is_called_after_its_source(path: str, ref: str, name: str) -> None:
    assert base_name(Path(path), ref) == name
