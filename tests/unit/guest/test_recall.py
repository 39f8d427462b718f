"""Recall of searches by index, and what the measuring command prints."""

from __future__ import annotations

import pytest

from vexlab.errors import MachineError
from vexlab.guest.recall import Searched, parse_built, parse_searched, recall

EXACT = Searched(probes=0, seconds=4.0, scanned=100, answers=((1, 2, 3), (4, 5, 6)))


def _found(*answers: tuple[int, ...]) -> Searched:
    return Searched(probes=2, seconds=0.5, scanned=10, answers=answers)


def test_recall_counts_the_nearest_of_all_queries() -> None:
    assert recall(EXACT, _found((1, 2, 3), (4, 5, 6)), 3) == 1
    assert recall(EXACT, _found((3, 2, 1), (4, 9, 8)), 3) == pytest.approx(4 / 6)
    assert recall(EXACT, _found((2, 1, 3), (4, 9, 8)), 1) == 0.5
    assert recall(EXACT, _found((), (7,)), 3) == 0


def test_recall_looks_at_the_first_k_answers_only() -> None:
    assert recall(EXACT, _found((9, 8, 7, 1), (9, 8, 7, 4)), 1) == 0


def test_recall_needs_an_answer_for_each_query() -> None:
    with pytest.raises(MachineError, match="2 queries were asked, 1 answered"):
        recall(EXACT, _found((1, 2, 3)), 3)


def test_what_the_programs_print() -> None:
    (first, second) = parse_searched(
        '{"probes":0,"seconds":2,"scanned":20,"answers":[[1,2],[]]}\n'
        '{"probes":4,"seconds":0.25,"scanned":3,"answers":[[2],[1]]}\n'
    )
    assert first.answers == ((1, 2), ())
    assert (first.per_second, second.per_second) == (1, 8)
    assert parse_built('{"count":9,"lists":3,"train_s":0.5,"store_s":0.25}').lists == 3


@pytest.mark.parametrize(
    "text", ["", "nothing", '{"probes":1}', '{"probes":0,"seconds":0,"scanned":0,"answers":[[1]]}']
)
def test_what_is_no_measurement(text: str) -> None:
    with pytest.raises(MachineError):
        parse_searched(text)
    with pytest.raises(MachineError):
        parse_built(text)
