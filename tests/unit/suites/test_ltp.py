"""LTP and fsstress: where they are found, what is run of them, and what is made of their output."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.suites.jobs import ended, job

from vexlab.cache import Cache
from vexlab.errors import UsageError
from vexlab.model.subresult import SubVerdict
from vexlab.suites import fsstress, ltp, packaged
from vexlab.suites.adapter import Search, Selection
from vexlab.suites.parts import parse_parts
from vexlab.targets.load import find_target

RUNTEST = """\
#DESCRIPTION:Filesystem stress tests
gf01 growfiles -W gf01 -d $TMPDIR

lftest01\tlftest
proc01 proc01 -m 128
read_all_dev read_all -d /dev
"""
TARGET = find_target("targets/vexfs")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return what an installation looks like."""
    (tmp_path / "runtest").mkdir()
    (tmp_path / "runtest" / "fs").write_text(RUNTEST)
    (tmp_path / "runtest" / "dio").write_text("dio01 diotest1\n")
    (tmp_path / "testcases" / "bin").mkdir(parents=True)
    for name in ("growfiles", "fsstress"):
        (tmp_path / "testcases" / "bin" / name).write_bytes(b"\x7fELF")
        (tmp_path / "testcases" / "bin" / name).chmod(0o755)
    (tmp_path / "Version").write_text("20260530\n")
    return tmp_path


def _search(given: Path | str) -> Search:
    return Search(given=str(given), cache=Cache(Path("/nonesuch")))


def test_an_installation_is_found_and_says_its_version(tree: Path) -> None:
    assert ltp.find(_search(tree)).version == "20260530"
    (tree / "testcases" / "bin" / "growfiles").unlink()
    with pytest.raises(UsageError, match="lacks testcases/bin/growfiles"):
        ltp.find(_search(tree))
    with pytest.raises(UsageError, match="is no folder"):
        ltp.find(_search(tree / "nonesuch"))


def test_tests_are_lines_of_the_lists(tree: Path) -> None:
    found = ltp.find(_search(tree))

    def listed(**asked: tuple[str, ...]) -> tuple[str, ...]:
        return ltp.list_tests(found, Selection(**asked), TARGET)

    assert listed() == ("fs/gf01", "fs/lftest01"), "what is about /proc and /dev says nothing of a filesystem"
    assert listed(groups=("dio,fs",)) == ("dio/dio01", "fs/gf01", "fs/lftest01")
    assert listed(tests=("gf*", "dio/dio01")) == ("fs/gf01", "dio/dio01")
    with pytest.raises(UsageError, match="no test `gg"):
        listed(tests=("gg01",))
    with pytest.raises(UsageError, match="no file runtest/x"):
        listed(groups=("x",))


@pytest.mark.parametrize(
    ("status", "said", "verdict", "words"),
    [
        (0, "TPASS: all is well", SubVerdict.PASSED, ""),
        (1, "a.c:9: TFAIL: open()\na.c:10: TPASS: rest", SubVerdict.FAILED, "status 1: a.c:9: TFAIL: open()"),
        (2, "a.c:3: TBROK: mount() failed", SubVerdict.FAILED, "status 2: a.c:3: TBROK: mount() failed"),
        (32, "a.c:3: TCONF: no quota", SubVerdict.SKIPPED, "a.c:3: TCONF: no quota"),
        (32, "mount: wrong fs type", SubVerdict.FAILED, "status 32: mount: wrong fs type"),
        (
            1,
            "TFAIL: one\nx: error while loading shared libraries: y",
            SubVerdict.FAILED,
            "status 1: TFAIL: one",
        ),
        (33, "TFAIL: one\nTCONF: other", SubVerdict.FAILED, "status 33: TFAIL: one"),
        (3, "gf01 1 odd words", SubVerdict.FAILED, "status 3: gf01 1 odd words"),
        (
            127,
            "x: error while loading shared libraries: libnuma.so.1: cannot open",
            SubVerdict.BLOCKED,
            "the guest lacks a library: x: error while loading shared libraries: libnuma.so.1: cannot open",
        ),
    ],
)  # fmt: skip
def test_how_a_test_of_ltp_ended(status: int, said: str, verdict: SubVerdict, words: str) -> None:
    (found,) = ltp.parse(job(test="fs/gf01"), f"{said}\n\nvexlab: ended {status} 1.20\n", ended())
    assert (found.name, found.verdict, found.words, found.duration_s) == ("fs/gf01", verdict, words, 1.2)


def test_a_test_of_ltp_that_does_not_end_is_no_pass() -> None:
    (found,) = ltp.parse(job(test="fs/gf01"), "gf01 1 TPASS", None)
    assert found.verdict is SubVerdict.FAILED
    (found,) = ltp.parse(job(test="fs/gf01"), "wrappers.sh: No space left on device", ended(1))
    assert found.verdict is SubVerdict.BLOCKED, "no fault of the filesystem under test"
    (found,) = ltp.parse(job(test="fs/gf01"), "vexlab: began\nTFAIL: corrupt\nKilled", ended(1))
    assert found.verdict is SubVerdict.FAILED, "the test had the script killed"
    (found,) = ltp.parse(job(test="fs/gf01"), "vexlab: ended 0 1.00\nTFAIL: x\nvexlab: ended 1 2.00\n", ended())
    assert (found.verdict, found.duration_s) == (SubVerdict.FAILED, 2.0), "the last one is the script's"
    command = ltp.run(job(test="fs/gf01"))
    assert command[2:7] == ("/mnt/test", "fs", "gf01", "/dev/vdd", "vexfs")
    assert "{device}" in command[7]
    assert "fsck.vexfs" in command[8]


def test_fsstress_is_taken_from_a_tree_or_by_its_path(tree: Path) -> None:
    program = tree / "testcases" / "bin" / "fsstress"
    assert fsstress.find(_search(tree)).place == program
    assert fsstress.find(_search(program)).place == program
    (tree / "ltp" / ".libs").mkdir(parents=True)
    (tree / "ltp" / "fsstress").write_text("#!/bin/sh\n# libtool's wrapper\n")
    (tree / "ltp" / ".libs" / "fsstress").write_bytes(b"\x7fELF")
    (tree / "ltp" / ".libs" / "fsstress").chmod(0o755)
    assert fsstress.find(_search(tree)).place == tree / "ltp" / ".libs" / "fsstress"
    with pytest.raises(UsageError, match="there is no fsstress in"):
        fsstress.find(_search(tree / "runtest"))


def test_fsstress_runs_what_the_filesystem_can() -> None:
    assert fsstress.SUITE.run(job("direct_io"))[2:] == ("/mnt/test", "1", "alone", "processes", "names", "data")
    output = "begin alone\nend alone 0 3.1\nbegin processes\nrm: Directory not empty\n\nend processes 1 9.0\n"
    found = {each.name: each for each in fsstress.SUITE.parse(job("direct_io"), output, ended(1))}
    assert found["alone"].verdict is SubVerdict.PASSED
    assert found["processes"].words == "status 1: rm: Directory not empty"
    assert found["direct"].verdict is SubVerdict.REFUSED
    assert found["names"].verdict is SubVerdict.BLOCKED


def test_the_script_knows_every_part_of_fsstress() -> None:
    script = (Path(fsstress.__file__).with_name("guest") / "fsstress.sh").read_text()
    assert all(f"[{name}]=" in script for name in fsstress.PARTS)


def test_only_stress_ng_says_by_its_status_that_it_could_not_run() -> None:
    output = "begin alone\nend alone 3 1.0\n"
    (found,) = (each for each in fsstress.SUITE.parse(job(), output, ended(3)) if each.name == "alone")
    assert found.verdict is SubVerdict.FAILED
    (skipped,) = (
        each for each in packaged.STRESS_NG.parse(job(), output.replace("alone", "io"), ended(3)) if each.name == "io"
    )
    assert skipped.verdict is SubVerdict.SKIPPED


def test_a_part_that_began_and_did_not_end() -> None:
    assert parse_parts("begin a\nsome words\n") == {"a": (None, 0.0, "some words")}
