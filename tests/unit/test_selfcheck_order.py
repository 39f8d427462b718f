"""Which cases a trial of selfcheck begins with: what found the defect before, what finds most for its time."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from vexlab.errors import UsageError
from vexlab.selfcheck.detection import Detection
from vexlab.selfcheck.earlier import finders
from vexlab.selfcheck.order import promising


def _trial(*by: str, **took: float) -> Detection:
    return Detection(name="x", found=bool(by), found_by=by, findings=by, duration_s=1, took=took)


def test_what_finds_most_for_its_time_comes_first() -> None:
    clean = _trial("alarm", slow=60, quick=2, middling=10, alarm=0.1)
    assert promising(clean, []) == ("quick", "middling", "slow", "alarm")
    found_slowly = _trial("slow", quick=2, middling=10, slow=60)
    assert promising(clean, [found_slowly]) == ("slow", "quick", "middling", "alarm")
    by_middling = _trial("middling", middling=10)
    assert promising(clean, [by_middling] * 9) == ("middling", "quick", "slow", "alarm")
    assert promising(clean, [by_middling] * 9) == promising(clean, [by_middling] * 9)


def test_likely_finders_come_before_the_many_that_are_soon_done() -> None:
    quick = {f"quick{number}": 1.0 for number in range(30)}
    clean = _trial(slow=60, slower=90, **quick)
    tried = [_trial("slow", slow=60, slower=90, **quick), _trial("slow", slow=60), _trial("slower", slower=90)]
    assert promising(clean, tried)[:2] == ("slow", "slower")
    # what found nothing in many trials is not likely, however long it takes
    nothing = [_trial(slow=60, slower=90, **quick)] * 40
    assert set(promising(clean, [*tried, *nothing])[:30]) == set(quick)


def test_what_found_it_before_comes_first(tmp_path: Path) -> None:
    clean = _trial("alarm", slow=60, quick=2, middling=10, alarm=0.1)
    table = tmp_path / "table.json"
    table.write_bytes(msgspec.json.encode({"clean": [clean], "defects": [_trial("slow", slow=60)], "rate": 1.0}))
    then = finders(table)
    assert then == {"x": ("slow",)}
    assert promising(clean, [], finders=then["x"]) == ("slow", "quick", "middling", "alarm")
    assert promising(clean, [], finders=("alarm", "gone")) == ("quick", "middling", "slow", "alarm")


def test_the_parts_of_a_finder_that_was_divided_come_first() -> None:
    clean = _trial(**{"d.whole[6.1-odd]": 60, "d.whole[6.1-even]": 50, "d.other[6.1]": 1})
    order = promising(clean, [], finders=("d.whole[6.1]",))
    assert order == ("d.whole[6.1-even]", "d.whole[6.1-odd]", "d.other[6.1]")


@pytest.mark.parametrize("text", [None, "", "{}", "[]", '{"defects": [{"name": 3}]}'])
def test_what_is_no_table_is_told(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "table.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UsageError, match="is no table of a selfcheck"):
        finders(file)


def test_a_case_that_was_renamed_is_known_by_its_old_name(tmp_path: Path) -> None:
    table = tmp_path / "table.json"
    old = _trial("safety_validation.work_leaks_nothing[6.1-asked]", slow=60)
    table.write_bytes(msgspec.json.encode({"clean": [], "defects": [old], "rate": 1.0}))
    assert finders(table) == {"x": ("safety_validation.operation_leaks[6.1-stat]",)}
