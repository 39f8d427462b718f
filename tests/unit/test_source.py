"""A source folder is other people's: what is no file of theirs is refused by name and at once."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest

from vexlab.errors import UsageError
from vexlab.targets.source import copy_tree, digest_tree, roots_of, tool_roots


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "target" / "source"
    (folder / "sub").mkdir(parents=True)
    (folder / "Makefile").write_text("all:\n")
    (folder / "sub" / "a.h").write_text("a")
    (tmp_path / "target" / "include").mkdir()
    (tmp_path / "target" / "include" / "b.h").write_text("b")
    (tmp_path / "secret").write_text("the key")
    return folder


def _both(source: Path, copy: Path) -> None:
    roots = roots_of(source, source.parent)
    digest_tree(source, roots)
    copy_tree(source, copy, roots)


def _special(kind: str, at: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "fifo":
        os.mkfifo(at)
    elif kind == "socket":
        monkeypatch.chdir(at.parent)  # a socket's path is short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(at.name)
    else:
        at.symlink_to(kind.replace("TARGET", str(at.parents[1])))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("fifo", "neither a file nor a folder"),
        ("socket", "neither a file nor a folder"),
        ("/dev/zero", "leads out of the target"),
        ("/etc/passwd", "leads out of the target"),
        ("TARGET/../secret", "leads out of the target"),
        ("../../secret", "leads out of the target"),
        ("..", "a link to a folder that holds it|leads out"),
        (".", "a link to a folder that holds it"),
        ("TARGET/nothing", "a link to nothing"),
        ("odd.h", "a link to nothing"),
    ],
)
def test_what_is_no_file_is_refused(
    source: Path, tmp_path: Path, kind: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _special(kind, source / "odd.h", monkeypatch)
    roots = roots_of(source, source.parent)
    if kind == "..":
        roots = (source.resolve(),)
    for call in (lambda: digest_tree(source, roots), lambda: copy_tree(source, tmp_path / "copy", roots)):
        with pytest.raises(UsageError, match=said) as caught:
            call()
        assert f"{source}/odd.h" in caught.value.message
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)


def test_a_folder_that_links_to_its_parent_through_the_target(source: Path) -> None:
    (source.parent / "include" / "back").symlink_to("../source")
    (source / "include").symlink_to("../include")
    with pytest.raises(UsageError, match="a link to a folder that holds it"):
        digest_tree(source, roots_of(source, source.parent))


def test_links_within_the_target_become_copies(source: Path, tmp_path: Path) -> None:
    (source / "include").symlink_to("../include")
    (source / "same.h").symlink_to("sub/a.h")
    _both(source, tmp_path / "copy")
    copied = {str(file.relative_to(tmp_path / "copy")) for file in (tmp_path / "copy").rglob("*")}
    assert copied == {"Makefile", "sub", "sub/a.h", "include", "include/b.h", "same.h"}
    assert not any(file.is_symlink() for file in (tmp_path / "copy").rglob("*"))
    assert (tmp_path / "copy" / "same.h").read_text() == "a"


def _shared_with(tmp_path: Path, link: str) -> tuple[Path, tuple[Path, ...]]:
    """Return ``include``, a link, beside the tools of a target in a folder of its own, and what it may lead to."""
    for folder in ("all/module/include", "all/tools", "all/young"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "all" / "module" / "include" / "c.h").write_text("c")
    shared = tmp_path / "all" / "include"
    shared.symlink_to(link)
    return shared, tool_roots(shared.parent / "tools", shared.parent / "young", shared.parent / "module")


def test_headers_in_the_source_of_the_module(tmp_path: Path) -> None:
    shared, roots = _shared_with(tmp_path, "module/include")
    assert digest_tree(shared, roots) == digest_tree(shared.resolve())
    copy_tree(shared, tmp_path / "copy", roots)
    assert (tmp_path / "copy" / "c.h").read_text() == "c"


@pytest.mark.parametrize("link", ["young", "..", "/etc", "module/.."])
def test_headers_in_a_folder_that_the_target_does_not_name(tmp_path: Path, link: str) -> None:
    shared, roots = _shared_with(tmp_path, link)
    with pytest.raises(UsageError, match="leads out of the target"):
        digest_tree(shared, roots)


def test_the_home_folder_makes_no_root(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (source / "include").symlink_to("../include")
    assert roots_of(source, source.parent) == (source.parent.resolve(),)
    monkeypatch.setenv("HOME", str(source.parent))
    assert roots_of(source, source.parent) == (source.resolve(),)
    with pytest.raises(UsageError, match="leads out"):
        digest_tree(source, roots_of(source, source.parent))


@pytest.mark.parametrize("name", ["a\nb.h", "a\x1b[2J.h", "a\udcff.h"])
def test_names_with_control_characters(source: Path, tmp_path: Path, name: str) -> None:
    (source / name).touch()
    with pytest.raises(UsageError, match="control characters") as caught:
        _both(source, tmp_path / "copy")
    assert caught.value.message.isprintable()


@pytest.mark.skipif(os.getuid() == 0, reason="root can read any file")
def test_a_file_that_cannot_be_read(source: Path, tmp_path: Path) -> None:
    (source / "sub" / "a.h").chmod(0)
    with pytest.raises(UsageError, match="not readable"):
        _both(source, tmp_path / "copy")


def test_a_file_larger_than_any_source(source: Path, tmp_path: Path) -> None:
    with (source / "large.c").open("wb") as file:
        file.truncate(5 << 30)  # a hole
    with pytest.raises(UsageError, match="4 GiB"):
        _both(source, tmp_path / "copy")


def test_folders_without_end(source: Path, tmp_path: Path) -> None:
    folder = source
    for _ in range(100):
        folder = folder / "d"
        folder.mkdir()
    with pytest.raises(UsageError, match="more than 64 folders"):
        _both(source, tmp_path / "copy")


def test_links_that_multiply(source: Path) -> None:
    # 2 to the power of 20 paths in 20 folders
    for number in range(20):
        (source / f"d{number}").mkdir()
        for name in ("x", "y"):
            (source / f"d{number}" / name).symlink_to(f"../d{number + 1}")
    (source / "d20").mkdir()
    with pytest.raises(UsageError, match="more than 1000 folders"):
        digest_tree(source, roots_of(source, source.parent))


def test_more_files_than_any_source(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vexlab.targets.source._MOST_ENTRIES", 3)
    digest_tree(source, roots_of(source, source.parent))
    (source / "fourth").touch()
    with pytest.raises(UsageError, match="more than 3 files"):
        digest_tree(source, roots_of(source, source.parent))


def test_a_digest_without_roots_takes_anything(source: Path) -> None:
    before = digest_tree(source)
    os.mkfifo(source / "fifo")
    (source / "zero").symlink_to("/dev/zero")
    assert digest_tree(source) != before
