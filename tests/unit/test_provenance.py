"""Where a run comes from: the revision of a source tree in a real repository, the host."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from vexlab.config import Settings
from vexlab.model.request import Request
from vexlab.model.target import Target
from vexlab.session.provenance import provenance, read_host
from vexlab.targets.revision import source_revision


def git(folder: Path, *arguments: str) -> str:
    """Run git as somebody without settings; return what it printed."""
    names = {f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    around = {**os.environ, **names, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    done = subprocess.run(["git", *arguments], cwd=folder, env=around, capture_output=True, check=True, timeout=30)
    return done.stdout.decode().strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository with a module in its folder ``fs`` and something beside that."""
    (tmp_path / "fs" / "sub").mkdir(parents=True)
    (tmp_path / "fs" / "super.c").write_text("int super;\n")
    (tmp_path / "fs" / "sub" / "inode.c").write_text("int inode;\n")
    (tmp_path / "notes").write_text("a")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_the_revision_is_that_of_the_commit(repository: Path) -> None:
    assert source_revision(repository / "fs") == git(repository, "rev-parse", "--short", "HEAD")
    git(repository, "tag", "v1")
    assert source_revision(repository / "fs") == "v1"


@pytest.mark.parametrize("name", ["super.c", "sub/inode.c"])
def test_a_changed_file_makes_it_dirty(repository: Path, name: str) -> None:
    (repository / "fs" / name).write_text("int other;\n")
    assert source_revision(repository / "fs").endswith("-dirty")


@pytest.mark.parametrize("change", [Path.unlink, lambda file: file.chmod(0o755)])
def test_a_file_that_went_or_may_be_run_makes_it_dirty(repository: Path, change: object) -> None:
    change(repository / "fs" / "super.c")  # type: ignore[operator]
    assert source_revision(repository / "fs").endswith("-dirty")


def test_a_file_that_was_only_touched_does_not(repository: Path) -> None:
    file = repository / "fs" / "super.c"
    text = file.read_text()
    file.unlink()
    file.write_text(text)
    os.utime(file, (1, 1))
    assert not source_revision(repository / "fs").endswith("-dirty")


def test_what_lies_beside_the_source_does_not_count(repository: Path) -> None:
    (repository / "notes").write_text("b")
    (repository / "fs" / "new.o").write_text("")
    assert not source_revision(repository / "fs").endswith("-dirty")


def test_what_no_repository_tracks_has_no_revision(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (repository / "other").mkdir()
    assert source_revision(repository / "other") == ""
    assert source_revision(tmp_path_factory.mktemp("plain")) == ""


def test_nothing_that_the_repository_names_is_run(repository: Path) -> None:
    program = repository / "program"
    program.write_text("#!/bin/sh\ntouch /proc/self/cwd/../ran ran; exec cat\n")
    program.chmod(0o755)
    (repository / ".gitattributes").write_text("* filter=evil diff=evil\n")
    for name in ("core.fsmonitor", "filter.evil.clean", "filter.evil.process", "diff.evil.textconv", "diff.external",
                 "core.sshCommand", "core.pager"):  # fmt: skip
        git(repository, "config", name, str(program))
    hooks = repository / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        (hooks / hook).write_text(program.read_text())
        (hooks / hook).chmod(0o755)
    (repository / "fs" / "super.c").write_text("int other;\n")
    assert source_revision(repository / "fs").endswith("-dirty")
    assert not list(repository.rglob("ran"))


def test_the_host_is_described_and_not_named() -> None:
    host = read_host()
    assert host.cores >= 1
    assert host.memory > 100
    assert host.cpu
    assert host.name == ""
    assert read_host(named=True).name == os.uname().nodename


def test_a_run_notes_what_named_its_target(tmp_path: Path) -> None:
    target = Target(name="x", fstype="x", module="x", file=tmp_path / "target.toml")
    found = provenance(target, Request(target="my/target.toml", seed=7), Settings(), ())
    assert (found.given, found.seed, found.revision) == ("my/target.toml", 7, "")
