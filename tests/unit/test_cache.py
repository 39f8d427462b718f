"""The cache keeps whole entries only, notices damage, and says when it cannot write."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from vexlab.cache import Cache, Kind, digest_once, file_digest, key_of
from vexlab.errors import CacheError, InfraError


def _write(text: str, calls: list[str] | None = None):  # type: ignore[no-untyped-def]
    def build(draft: Path) -> None:
        if calls is not None:
            calls.append(text)
        (draft / "file").write_text(text)

    return build


def test_an_entry_is_built_once(tmp_path: Path) -> None:
    cache, calls = Cache(tmp_path), list[str]()
    for _ in range(2):
        entry = cache.make(Kind.TOOLS, "key", _write("x", calls))
    assert (entry / "file").read_text() == "x"
    assert calls == ["x"]


@pytest.mark.parametrize("damage", ["truncate", "change", "delete", "manifest"])
def test_a_damaged_entry_is_made_anew(tmp_path: Path, damage: str) -> None:
    cache = Cache(tmp_path)
    entry = cache.make(Kind.TOOLS, "key", _write("sound"))
    if damage == "truncate":
        os.truncate(entry / "file", 1)
    elif damage == "change":
        (entry / "file").write_text("SOUND")
    elif damage == "delete":
        (entry / "file").unlink()
    else:
        (entry / ".manifest.json").write_text("{")
    assert cache.get(Kind.TOOLS, "key") is None
    assert (cache.make(Kind.TOOLS, "key", _write("sound")) / "file").read_text() == "sound"


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    def fail(draft: Path) -> None:
        (draft / "half").write_text("x")
        raise KeyError("stop")

    cache = Cache(tmp_path)
    with pytest.raises(KeyError):
        cache.make(Kind.TOOLS, "key", fail)
    assert list((tmp_path / Kind.TOOLS).iterdir()) == []
    assert cache.get(Kind.TOOLS, "key") is None


def test_two_at_once_build_once(tmp_path: Path) -> None:
    calls = list[str]()
    workers = [threading.Thread(target=Cache(tmp_path).make, args=("k", "x", _write("x", calls))) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert calls == ["x"]


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError) as caught:
        Cache(tmp_path / "file" / "below").make(Kind.TOOLS, "key", _write("x"))
    assert "VEXLAB_CACHE" in caught.value.hint


def test_keys_differ_with_every_part() -> None:
    keys = {key_of("a", "b"), key_of("ab"), key_of("a", "b", ""), key_of("a", 1), key_of("a", "1")}
    assert len(keys) == 5


def test_trimming_removes_what_was_longest_unused(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for age, key in ((3, "old"), (2, "used"), (1, "young")):
        entry = cache.make(Kind.TOOLS, key, lambda draft: _fill(draft / "file", 1 << 16))
        _age(entry, hours=age)
    assert cache.get(Kind.TOOLS, "used")
    _fill(tmp_path / Kind.TOOLS / ".dead-draft" / "half", 1 << 16)
    _age(tmp_path / Kind.TOOLS / ".dead-draft", hours=9)
    cache.trim(Kind.TOOLS, 3 << 16)
    assert sorted(entry.name for entry in (tmp_path / Kind.TOOLS).iterdir()) == ["used", "young"]


def test_trimming_keeps_what_is_in_use_and_counts_no_holes(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.make(Kind.TOOLS, "now", lambda draft: _fill(draft / "file", 1 << 16))
    sparse = cache.make(Kind.TOOLS, "sparse", lambda draft: _fill(draft / "file", 0, hole=1 << 30))
    _age(sparse, hours=2)
    cache.trim(Kind.TOOLS, 1 << 20)
    assert cache.get(Kind.TOOLS, "sparse")
    cache.trim(Kind.TOOLS, 0)
    assert cache.get(Kind.TOOLS, "now")


def _fill(file: Path, size: int, *, hole: int = 0) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"x" * size)
    os.truncate(file, size + hole)


def _age(entry: Path, *, hours: int) -> None:
    then = time.time() - 3600 * hours
    for path in (*entry.glob(".manifest.json"), entry):
        os.utime(path, (then, then))


def test_an_error_of_the_builder_says_what_it_was(tmp_path: Path) -> None:
    def build(draft: Path) -> None:
        (draft / "missing" / "file").touch()

    with pytest.raises(InfraError, match="FileNotFoundError") as caught:
        Cache(tmp_path).make(Kind.TOOLS, "key", build)
    assert not isinstance(caught.value, CacheError)
    assert "space" not in caught.value.hint


def test_a_full_disk_is_told_as_one(tmp_path: Path) -> None:
    def build(draft: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(draft / "file"))

    with pytest.raises(InfraError, match="No space left") as caught:
        Cache(tmp_path).make(Kind.TOOLS, "key", build)
    assert "free some space" in caught.value.hint


def test_drafts_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    (tmp_path / Kind.TOOLS / ".dead-abc").mkdir(parents=True)
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "tools-dead").touch()

    def build(_: Path) -> None:
        Cache(tmp_path).prepare()
        assert len(list((tmp_path / Kind.TOOLS).glob(".*"))) == 1, "our own, which is being made"

    cache.make(Kind.TOOLS, "living", build)
    assert not (tmp_path / Kind.TOOLS / ".dead-abc").exists()


def test_entries_are_listed_the_longest_unused_first_and_removed(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for key, age in (("new", 0.0), ("old", 7200.0), ("older", 9000.0)):
        entry = cache.make(Kind.SNAPSHOTS, key, _write("x" * 5000))
        moment = time.time() - age
        for file in (entry, entry / ".manifest.json"):
            os.utime(file, (moment, moment))
    listed = cache.entries()
    assert [entry.key for entry in listed] == ["older", "old", "new"]
    assert all(entry.kind is Kind.SNAPSHOTS and entry.size >= 5000 for entry in listed)
    assert [cache.remove(entry) for entry in listed] == [True, True, False], "a machine may be about to start from it"
    assert [entry.key for entry in cache.entries()] == ["new"]


def test_a_digest_is_made_again_only_where_the_file_changed(tmp_path: Path) -> None:
    file = tmp_path / "program"
    file.write_bytes(b"one")
    first = digest_once(file)
    assert first == digest_once(file) == file_digest(file)
    file.write_bytes(b"other")
    assert digest_once(file) == file_digest(file) != first
    other = tmp_path / "new"
    other.write_bytes(b"third")
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    other.replace(file)
    assert digest_once(file) == file_digest(file)
