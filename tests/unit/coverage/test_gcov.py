"""Counters become counts of lines: by gcov, which is given what a guest wrote."""

from __future__ import annotations

import io
import tarfile
import zlib
from pathlib import Path

import pytest
from tests.unit.coverage.made import KERNEL, counted_build, counted_run, counters

from vexlab.coverage import text
from vexlab.coverage.gcov import Noted, Unreadable
from vexlab.coverage.reasons import Reason
from vexlab.coverage.run import has_coverage, read_coverage, source_of
from vexlab.errors import OddAnswer, UsageError
from vexlab.model.coverage import RUN_FOLDER, Share, added, lines_of, shares, spans
from vexlab.observe.gcov import unpacked
from vexlab.targets.counted import keep_notes, known_counters


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    counted_build(folder)
    return folder


@pytest.fixture
def run(tmp_path: Path, build: Path) -> Path:
    """Return a run in which one case reached ``small``, one ``twice``, and the machine of a third crashed."""
    cases = {"small": counters(build, 1, 2), "twice": counters(build, 5), "crash": None}
    return counted_run(tmp_path / "run", build, cases)


def test_cases_are_added_up_and_told_apart(run: Path) -> None:
    found = read_coverage(run, "off", progress=lambda _: None)
    assert set(found.files) == {"chosen.c", "twice.h"}, "no header of the system"
    chosen = found.files["chosen.c"]
    calls = {each.name: each.calls for each in chosen.functions}
    assert calls == {"small": 2, "never": 0, "chosen": 3}
    assert chosen.lines[17] == 2, "the second `if`, which only the smaller numbers come to"
    assert chosen.lines[10] == 0
    assert shares(found.files.values()).functions == Share(reached=3, of=4)
    assert shares([chosen]).branches.of == 4
    assert list(found.reaching("twice.h", [3])) == [f"d.twice[{KERNEL}]"]
    assert set(found.reaching("chosen.c", [15])) == {f"d.twice[{KERNEL}]", f"d.small[{KERNEL}]"}
    assert list(found.unread) == [f"d.crash[{KERNEL}]"]


def test_what_was_read_is_kept_until_more_comes(run: Path, build: Path) -> None:
    said: list[str] = []
    first = read_coverage(run, "off", progress=said.append)
    assert len(said) == 1
    assert read_coverage(run, "off", progress=said.append) == first
    assert len(said) == 1
    counted_run(run.parent / "more", build, {"negative": counters(build, -1)})
    (run.parent / "more" / "cases" / "case-0").rename(run / "cases" / "case-3")
    assert read_coverage(run, "off", progress=said.append).files["chosen.c"].lines[10] == 1


def test_counters_of_another_build_are_told_of_and_not_counted(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    counted_build(other, "int added(int n) { return n ? 1 : 2; }\nint chosen(int n) { return added(n); }\n")
    counted_run(tmp_path / "more", other, {"other": counters(other, 1)})
    (tmp_path / "more" / "cases" / "case-0").rename(run / "cases" / "case-3")
    found = read_coverage(run, "off", progress=lambda _: None)
    assert "mismatch" in found.unread[f"d.other[{KERNEL}]"]
    assert f"d.other[{KERNEL}]" not in found.cases


@pytest.mark.parametrize("data", [b"", b"adcg", b"\xff" * 5000])
def test_what_is_no_counters_is_refused(build: Path, tmp_path: Path, data: bytes) -> None:
    counted_run(tmp_path, build, {})
    with pytest.raises(Unreadable):
        Noted(tmp_path / RUN_FOLDER / KERNEL, "off").counts({"chosen": data})


def test_gcov_runs_in_the_sandbox_where_there_is_one(build: Path, tmp_path: Path) -> None:
    counted_run(tmp_path, build, {})
    found = Noted(tmp_path / RUN_FOLDER / KERNEL, "auto").counts({"chosen": counters(build, 1)})
    assert found["chosen.c"].lines[5] == 1


def test_text_names_what_is_missed_and_who_reaches_a_line(run: Path) -> None:
    found = read_coverage(run, "off", progress=lambda _: None)
    source = source_of(run)

    def read(path: str) -> str:
        return (source / path).read_text()

    assert list(text.missed(found, read)) == [
        "chosen.c:8: never is never called",
        "chosen.c:18 (chosen): return never(n);",
    ]
    reasons = (Reason(why="no disk fails here", function="never"), Reason(why="", line="return *"))
    assert list(text.missed(found, read, reasons)) == [
        "chosen.c:8: never is never called -- no disk fails here",
        "chosen.c:18 (chosen): return never(n);",
        "3 lines not reached, 1 of them without a reason",
    ]
    told = list(text.line(found, "chosen.c", 16, read))
    assert told[0] == "chosen.c:16 in chosen: return twice(n);"
    assert told[2:] == [f"  d.twice[{KERNEL}]"]
    assert "no code" in list(text.line(found, "chosen.c", 2, read))[1]
    rows = "\n".join(text.table(found, functions=True))
    assert "never" in rows
    assert "of 1 case something is missing" in rows


def test_a_run_that_did_not_count_is_told_what_to_do(tmp_path: Path) -> None:
    assert not has_coverage(tmp_path)
    with pytest.raises(UsageError, match="did not count") as caught:
        read_coverage(tmp_path)
    assert "--coverage" in caught.value.hint


def test_a_build_without_notes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("")
    with pytest.raises(UsageError, match="no object of it counts"):
        keep_notes(tmp_path, tmp_path / "kept", lambda made, to: to.write_bytes(made.read_bytes()))


def test_counters_are_known_by_the_end_of_their_paths() -> None:
    found = {
        "./tmp/vexlab-build-x/source/super.gcda": b"1",
        "./tmp/vexlab-build-x/source/sub/super.gcda": b"2",
        "./etc/passwd": b"3",
        "../../../evil.gcda": b"4",
    }
    assert known_counters(found, ["super", "sub/super", "dir"]) == {"super": b"1", "sub/super": b"2"}


def _packed(files: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    packer = zlib.compressobj(wbits=31)
    return packer.compress(held.getvalue()) + packer.flush()


def test_what_the_guest_packed_is_read() -> None:
    names = b"./a.gcda\n./b.gcda\n./cut.gcda\n"
    assert unpacked(_packed({"./names": names, "./1": b"x", "./2": b"y"})) == {"./a.gcda": b"x", "./b.gcda": b"y"}


@pytest.mark.parametrize("data", [b"", b"no archive", _packed({"1": b"x"})[:-9], _packed({"1": bytes(65 << 20)})])
def test_what_is_no_archive_or_too_large_is_refused(data: bytes) -> None:
    with pytest.raises(OddAnswer):
        unpacked(data)


def test_spans() -> None:
    assert spans([3, 4, 5, 9, 1]) == "1,3-5,9"
    assert lines_of("1,3-5,9") == {1, 3, 4, 5, 9}
    assert lines_of(spans([])) == frozenset()


def test_a_sum_of_nothing_is_nothing() -> None:
    assert added([]) == {}
