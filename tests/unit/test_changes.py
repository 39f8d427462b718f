"""What changed in a target's source, and which domains that concerns."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from vexlab.errors import UsageError
from vexlab.model.target import Target, Tool
from vexlab.targets.changes import changed_files, concern, text_at


def _target(folder: Path) -> Target:
    tool = Tool(source=folder / "tools", outputs=("mkfs.x",))
    return Target(
        name="x", fstype="x", module="x", file=folder / "target.toml", source=folder / "module", tools=(tool,)
    )


@pytest.mark.parametrize(
    ("files", "domains", "everything"),
    [
        (("module/journal.c",), ("safety_validation",), False),
        (("module/vector.c", "README.md"), ("vector_operations",), False),
        (("module/dir.c", "module/recovery.c"), ("filesystem_operations", "integration", "safety_validation"), False),
        (("tools/mkfs.c",), (), True),
        (("module/Kbuild",), (), True),
        (("module/quux.c",), (), True),
    ],
)
def test_rules_on_files(tmp_path: Path, files: tuple[str, ...], domains: tuple[str, ...], *, everything: bool) -> None:
    found = concern(files, _target(tmp_path))
    assert (found.domains, found.everything) == (domains, everything)
    assert files[0] in found.why


@pytest.mark.parametrize("files", [(), ("docs/a.md",), ("tests/test_a.py", "README.md")])
def test_nothing_that_runs_changed(tmp_path: Path, files: tuple[str, ...]) -> None:
    assert concern(files, _target(tmp_path)).nothing


def test_changed_and_new_files_are_found(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=tmp_path, check=True)

    (tmp_path / "module").mkdir()
    (tmp_path / "module" / "dir.c").write_text("int a;\n")
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "first")
    target = _target(tmp_path)
    assert changed_files(target) == ()
    (tmp_path / "module" / "dir.c").write_text("int b;\n")
    (tmp_path / "module" / "new.c").write_text("")
    assert changed_files(target) == ("module/dir.c", "module/new.c")
    with pytest.raises(UsageError, match="cannot be told"):
        changed_files(target, "nonesuch")


def test_before_the_first_commit_everything_is_new(tmp_path: Path) -> None:
    (tmp_path / "module").mkdir()
    (tmp_path / "module" / "dir.c").write_text("int a;\n")
    (tmp_path / "README.md").write_text("")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "module"], cwd=tmp_path, check=True)
    assert changed_files(_target(tmp_path)) == ("README.md", "module/dir.c")
    assert text_at(_target(tmp_path), "HEAD", "module/dir.c") == ""


def test_outside_a_repository_it_cannot_be_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be told"):
        changed_files(_target(tmp_path))
