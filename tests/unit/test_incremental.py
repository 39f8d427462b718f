"""Builds that go on: only what changed is made anew, and what comes out is what a fresh build makes."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from vexlab.errors import UsageError
from vexlab.targets.incremental import refresh
from vexlab.watch.files import Saved


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.c").write_text("a")
    (folder / "sub" / "b.c").write_text("b")
    return folder


def _refresh(source: Path) -> tuple[str, ...]:
    return refresh(source, source.parent / "copy", (source,))


def test_only_what_changed_is_copied(source: Path) -> None:
    copy = source.parent / "copy"
    assert sorted(_refresh(source)) == ["a.c", "sub/b.c"]
    (copy / "a.o").write_text("object")
    before = (copy / "sub" / "b.c").stat().st_mtime_ns
    assert _refresh(source) == ()
    (source / "a.c").write_text("A")
    assert _refresh(source) == ("a.c",)
    assert (copy / "a.c").read_text() == "A"
    assert (copy / "a.o").read_text() == "object", "what make left stays"
    assert (copy / "sub" / "b.c").stat().st_mtime_ns == before


def test_a_changed_file_is_newer_than_its_object_whatever_its_own_time(source: Path) -> None:
    copy = source.parent / "copy"
    _refresh(source)
    (copy / "a.o").write_text("object")
    (source / "a.c").write_text("an older file, put back")
    os.utime(source / "a.c", (1, 1))
    _refresh(source)
    assert (copy / "a.c").stat().st_mtime >= (copy / "a.o").stat().st_mtime


def test_what_is_gone_goes_with_its_object(source: Path) -> None:
    copy = source.parent / "copy"
    _refresh(source)
    (copy / "a.o").write_text("object")
    (source / "a.c").unlink()
    assert _refresh(source) == ("a.c",)
    assert not (copy / "a.c").exists()
    assert not (copy / "a.o").exists()


def test_what_cannot_be_copied_is_refused(source: Path) -> None:
    (source / "evil").symlink_to("/etc/passwd")
    with pytest.raises(UsageError, match="leads out"):
        _refresh(source)


def test_a_copy_that_nobody_noted_is_made_anew(source: Path) -> None:
    copy = source.parent / "copy"
    copy.mkdir()
    (copy / "left.c").write_text("of a build that was killed")
    _refresh(source)
    assert not (copy / "left.c").exists()


def test_saves_are_seen(source: Path) -> None:
    saved = Saved([source])
    assert saved.changed() == ()
    time.sleep(0.01)
    (source / "a.c").write_text("longer than before")
    (source / "new.h").write_text("")
    (source / "a.o").write_text("made")
    (source / ".a.c.swp").write_text("an editor's")
    (source / "sub" / "b.c").unlink()
    assert [path.name for path in saved.changed()] == ["a.c", "new.h", "b.c"]
    assert saved.changed() == ()


def test_a_folder_that_goes_away_ends_nothing(source: Path) -> None:
    saved = Saved([source])
    shutil.rmtree(source)
    assert len(saved.changed()) == 2
