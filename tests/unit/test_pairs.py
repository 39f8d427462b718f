"""The measurement of pairs of mistakes: what it takes for named, and that a second start keeps what is done."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from bench import pairs
from bench.pairs import Outcome, Pair, judge, load_pairs, outcome, table

PAIR = Pair(
    broken="symlink_oops",
    defect="rename_link_count",
    way="",
    case="*.family[*rename]",
    names_broken="capability:symlink ",
    names_defect=r"check:rename\.",
)
BROKEN = ("capability:symlink", "`symlink` is broken: it crashes\nshortest: symlink(2)")
DEFECT = ("check:rename.counts", "rename.counts: 3 links | not 2")


def _judged(*problems: tuple[str, str]) -> Outcome:
    return judge(PAIR, problems, seconds=1.0, cases=PAIR.case)


def test_both_are_named_by_problems_of_their_own() -> None:
    found = _judged(("words:x", "x"), DEFECT, BROKEN)
    assert found.both
    assert (found.broken_as, found.defect_as) == (BROKEN[1], DEFECT[1])
    assert found.problems == 3


@pytest.mark.parametrize("problems", [(), (BROKEN,), (DEFECT,), (("capability:symlink_max", "x"), DEFECT)])
def test_one_alone_is_not_both(problems: tuple[tuple[str, str], ...]) -> None:
    assert not _judged(*problems).both


def test_one_problem_names_one_mistake() -> None:
    both = ("capability:symlink", "check:rename.counts")
    assert not _judged(both).both


def test_the_table_counts_what_was_found() -> None:
    shown = table([_judged(BROKEN, DEFECT), _judged(BROKEN)])
    assert (
        "| symlink_oops | symlink is broken: it crashes | rename_link_count | rename.counts: 3 links \\| not 2 | 2 |"
        in shown
    )
    assert "**not found**" in shown
    assert "both found in 1 of 2 pairs" in shown


def test_what_is_done_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[object] = []

    def run(pair: Pair, _kernel: str, _folder: Path, cases: object) -> Outcome:
        runs.append(cases)
        return _judged(BROKEN) if cases else msgspec.structs.replace(_judged(BROKEN, DEFECT), cases="level 1")

    monkeypatch.setattr(pairs, "_run", run)
    assert not outcome(PAIR, "6.1", tmp_path, whole=False).both
    assert not outcome(PAIR, "6.1", tmp_path, whole=False).both
    assert len(runs) == 1
    assert outcome(PAIR, "6.1", tmp_path, whole=True).both
    assert outcome(PAIR, "6.1", tmp_path, whole=False).both
    assert len(runs) == 2


def test_every_pair_of_the_catalogue_can_be_tried() -> None:
    assert all(each.case and each.names_broken and each.names_defect for each in load_pairs())
