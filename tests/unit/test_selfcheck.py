"""Catalogues of defects are read strictly, chosen from the same way every time, and what was found is counted once."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from vexlab.errors import UsageError
from vexlab.model.case import CaseResult
from vexlab.model.verdict import Verdict
from vexlab.selfcheck.defects import load_defects, named, sample, visible_on
from vexlab.selfcheck.detection import Detection, figures, without_false_alarms
from vexlab.selfcheck.earlier import finders
from vexlab.selfcheck.likeness import likeness
from vexlab.selfcheck.order import promising
from vexlab.selfcheck.trial import Trials, judged

SHIPPED = Path(__file__).parents[2] / "targets" / "vexfs" / "defects.toml"
ENTRY = """
[[defect]]
name = "x"
class = "leak"
description = "d"
where = "f.c"
flavour = ["kasan"]
expected = "e"
"""


def _file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "defects.toml"
    file.write_text(text)
    return file


def test_the_shipped_catalogue() -> None:
    defects = load_defects(SHIPPED)
    assert len(defects) >= 36
    assert len({defect.name for defect in defects}) == len(defects)
    assert 0 < len(visible_on(defects, "distro")) <= len(defects)


def test_a_sample_is_spread_and_repeatable() -> None:
    defects = load_defects(SHIPPED)
    assert sample(defects, 5) == sample(defects, 5)
    assert len(set(sample(defects, 5))) == 5
    assert sample(defects, 0) == defects


def test_flavours_and_names(tmp_path: Path) -> None:
    defects = load_defects(_file(tmp_path, ENTRY))
    assert visible_on(defects, "distro") == ()
    assert named(defects, ("x",)) == defects
    with pytest.raises(UsageError, match="no defect `y`"):
        named(defects, ("y",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[defect]", "cannot be read"),
        (ENTRY + 'naem = "y"\n', "unknown key `naem`"),
        ("[[defect]]\nname = 3\n", "defects.toml"),
    ],
)
def test_a_wrong_catalogue_is_explained(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_defects(_file(tmp_path, text))
    assert said in caught.value.message


def _detection(name: str, *by: str, error: str = "") -> Detection:
    return Detection(
        name=name,
        found=bool(by),
        found_by=by,
        findings=tuple(f"{case} broke" for case in by),
        duration_s=1,
        error=error,
    )


def test_a_false_alarm_finds_nothing() -> None:
    clean = _detection("clean", "a.flaky")
    found = without_false_alarms([_detection("x", "a.flaky"), _detection("y", "a.flaky", "b.real")], clean.found_by)
    assert [each.found for each in found] == [False, True]
    assert found[1].found_by == ("b.real",)
    assert found[1].findings == ("b.real broke",)
    counted = figures([clean], found)
    assert (counted.rate, counted.missed, counted.false_alarms) == (0.5, ("x",), 1)
    assert not counted.flawless


def test_what_was_not_tried_is_not_missed() -> None:
    counted = figures([_detection("clean")], [_detection("x", "b.real"), _detection("y", error="does not build")])
    assert (counted.rate, counted.tried, counted.not_tried) == (1.0, 1, ("y",))
    assert not counted.flawless
    assert not figures([_detection("clean", error="no QEMU")], [_detection("x", "b.real")]).flawless
    assert figures([_detection("clean")], [_detection("x", "b.real")]).flawless


def test_trials_of_other_options_are_refused(tmp_path: Path) -> None:
    Trials(tmp_path, ["--level", "1"], sources="abc", stop=True)
    Trials(tmp_path, ["--level", "1"], sources="abc", stop=True)
    for options, sources in ((["--level", "2"], "abc"), (["--level", "1"], "changed")):
        with pytest.raises(UsageError, match="other options"):
            Trials(tmp_path, options, sources=sources, stop=True)


def test_two_do_not_work_in_one_folder(tmp_path: Path) -> None:
    first = Trials(tmp_path, [], sources="abc", stop=True)
    with pytest.raises(UsageError, match="another selfcheck"):
        Trials(tmp_path, [], sources="abc", stop=True)
    del first
    Trials(tmp_path, [], sources="abc", stop=True)


@pytest.mark.parametrize("status", [2, 3, 4, 130, -15])
def test_a_run_that_did_not_end_shows_nothing(status: int) -> None:
    passed = CaseResult(id="a.b", node="n", domain="a", level=1, kernel="6.1", verdict=Verdict.PASSED)
    assert not judged("x", 0, [passed], words="", seconds=1).error
    cut_short = judged("x", status, [passed], words="interrupted", seconds=1)
    assert cut_short.error == "interrupted"
    assert figures([_detection("clean")], [cut_short]).not_tried == ("x",)
    assert figures([cut_short], [_detection("y", "b.real")]).not_tried == ("x",)


def test_a_run_in_which_nothing_ran_shows_nothing() -> None:
    skipped = CaseResult(id="a.b", node="n", domain="a", level=1, kernel="6.1", verdict=Verdict.SKIPPED)
    assert judged("x", 0, [skipped], words="", seconds=1).error
    assert judged("x", 0, [], words="", seconds=1).error


def _trial(*by: str, **took: float) -> Detection:
    return Detection(name="x", found=bool(by), found_by=by, findings=by, duration_s=1, took=took)


def test_what_finds_most_for_its_time_comes_first() -> None:
    clean = _trial("alarm", slow=60, quick=2, middling=10, alarm=0.1)
    assert promising(clean, []) == ("quick", "middling", "slow", "alarm")
    found_slowly = _trial("slow", quick=2, middling=10, slow=60)
    assert promising(clean, [found_slowly]) == ("quick", "middling", "slow", "alarm")
    by_middling = _trial("middling", middling=10)
    assert promising(clean, [by_middling] * 9) == ("middling", "quick", "slow", "alarm")
    assert promising(clean, [by_middling] * 9) == promising(clean, [by_middling] * 9)


def test_what_found_it_before_comes_first(tmp_path: Path) -> None:
    clean = _trial("alarm", slow=60, quick=2, middling=10, alarm=0.1)
    table = tmp_path / "table.json"
    table.write_bytes(msgspec.json.encode({"clean": [clean], "defects": [_trial("slow", slow=60)], "rate": 1.0}))
    then = finders(table)
    assert then == {"x": ("slow",)}
    assert promising(clean, [], finders=then["x"]) == ("slow", "quick", "middling", "alarm")
    assert promising(clean, [], finders=("alarm", "gone")) == ("quick", "middling", "slow", "alarm")


@pytest.mark.parametrize("text", [None, "", "{}", "[]", '{"defects": [{"name": 3}]}'])
def test_what_is_no_table_is_told(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "table.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UsageError, match="is no table of a selfcheck"):
        finders(file)


def test_what_speaks_of_the_same_comes_first() -> None:
    clean = _trial(**dict.fromkeys(("search", "xattr", "rename"), 5.0))
    texts = {
        "search": "search_exact Each metric finds exactly the nearest",
        "xattr": "family[xattr] Every check of extended attributes passes",
        "rename": "family[rename] Every check passes",
        "wrong_order": "vecsearch.c: the nearest come in the wrong order",
        "prefix": "xattr.c: finds an attribute by its prefix",
        "suffix": "something else altogether: a suffix",
        "infix": "a suffix that is an infix",
    }
    assert promising(clean, [], wanted="wrong_order", texts=texts)[0] == "search"
    assert promising(clean, [], wanted="prefix", texts=texts)[0] == "xattr"
    found = Detection(
        name="suffix",
        found=True,
        found_by=("xattr",),
        findings=("x",),
        duration_s=1,
        took={"xattr": 5.0, "rename": 5.0},
    )
    assert promising(clean, [found], wanted="infix", texts=texts)[0] == "xattr"


def test_likeness_is_between_nothing_and_the_same() -> None:
    texts = {"same": "a hole in a map", "other": "quorum", "empty": ""}
    assert likeness("a hole in a map", texts) == {"same": pytest.approx(1.0), "other": 0.0, "empty": 0.0}
    assert likeness("", texts) == dict.fromkeys(texts, 0.0)
    assert likeness("x", {}) == {}
