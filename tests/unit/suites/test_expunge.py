"""Expunge lists: reasons, kernel ranges, statistics."""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.errors import UsageError
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.suites.adapter import Expunged, tolerated
from vexlab.suites.expunge import parse_expunge
from vexlab.suites.lists import list_of, read_lists
from vexlab.targets.load import find_target

LIST = """\
# a race between truncate and readahead
# kernels: 6.1 - 6.4
# fixed-by: 0123456789abcdef ("mm: fix it")
generic/075
# kernels: - 6.2
# a race between truncate and readahead
# fixed-by: 0123456789abcdef
generic/076  # slow, too

# fails: 3 of 10
generic/475  # the log device is too slow

generic/5??  # no fiemap
"""


def test_a_range_of_kernels_and_the_fix_are_read() -> None:
    race = "a race between truncate and readahead kernel lacks a fix: 0123456789abcdef"
    assert parse_expunge(LIST, "6.1.0-37-amd64") == (
        Expunged(test="generic/075", reason=race),
        Expunged(test="generic/076", reason=f"{race} slow, too"),
        Expunged(test="generic/475", reason="the log device is too slow", fails=3, of=10),
        Expunged(test="generic/5??", reason="no fiemap"),
    )
    assert [each.test for each in parse_expunge(LIST, "6.3.1")] == ["generic/075", "generic/475", "generic/5??"]


@pytest.mark.parametrize(
    ("kernels", "release", "holds"),
    [
        ("6.1 - 6.4", "6.1.0-37-cloud-amd64", True),
        ("6.1 - 6.4", "6.4.16", True),
        ("6.1 - 6.4", "6.5.0", False),
        ("- 6.4", "5.10.0-30", True),
        ("6.5", "6.5.3", True),
        ("6.5", "6.6.1", False),
        ("6.5 -", "6.12.9+bpo-amd64", True),
        ("6.5 -", "6.1.0", False),
    ],
)
def test_kernels(kernels: str, release: str, holds: bool) -> None:  # noqa: FBT001 - a column of the table
    assert bool(parse_expunge(f"# kernels: {kernels}\ngeneric/001 # slow\n", release)) is holds


@pytest.mark.parametrize(
    "text", ["generic/001\n", "# kernels: newest\ngeneric/001 # x\n", "# fails: 4 of 3\ngeneric/001 # x\n"]
)
def test_what_cannot_be_read_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="expunge list, line"):
        parse_expunge(text, "6.1")


def test_a_known_failure_is_not_counted_and_a_pass_is_told() -> None:
    known = (Expunged(test="a::*", reason="no ACLs", fails=2, of=3), Expunged(test="b", reason="too deep"))
    results = (
        SubResult(name="a::x", verdict=SubVerdict.FAILED, words="EPERM"),
        SubResult(name="a::y", verdict=SubVerdict.PASSED),
        SubResult(name="b", verdict=SubVerdict.PASSED),
        SubResult(name="c", verdict=SubVerdict.FAILED, words="wrong"),
    )
    told = tolerated(results, known)
    assert [each.verdict for each in told] == [
        SubVerdict.SKIPPED,
        SubVerdict.PASSED,
        SubVerdict.PASSED,
        SubVerdict.FAILED,
    ]
    assert told[0].words == "known (2 of 3 runs): no ACLs; EPERM"
    assert told[1].words == ""
    assert "it passes" in told[2].words
    assert told[3] is results[3]


def test_every_shipped_list_can_be_read(tmp_path: Path) -> None:
    given = tmp_path / "list"
    given.write_text("generic/001 # mine\n")
    for name in ("targets/vexfs", "ext4"):
        target = find_target(name)
        for suite in ("pjdfstest", "fsx", "xfstests"):
            entries = read_lists(target, suite, "6.1.0", str(given))
            assert entries[-1].reason == "mine"
            assert list_of(target, suite).name == suite
    given.write_text("generic/001\n")
    with pytest.raises(UsageError, match="without a reason"):
        read_lists(find_target("ext4"), "fsx", "6.1.0", str(given))
