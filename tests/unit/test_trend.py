"""Trends: rates with intervals that are right, and nothing said of what did not come to its end."""

from __future__ import annotations

import datetime
import json
import math
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.unit.test_history import OOPS, WARN, result, run_info

from vexlab.cli.trend import command
from vexlab.errors import UsageError
from vexlab.model.case import CaseResult
from vexlab.model.metric import measured
from vexlab.model.trend import Point, Trend, trends, wilson
from vexlab.model.verdict import Verdict
from vexlab.report import draw
from vexlab.report.trend import render_trends
from vexlab.report.trendchart import charts
from vexlab.results.store import Store
from vexlab.results.trend import trends_of

pytestmark = pytest.mark.usefixtures("each_database")

DAY = 86400.0
BEGIN = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)


# Newcombe, Statistics in Medicine 17 (1998), table I, method 3 (score), to four digits.
@pytest.mark.parametrize(
    ("passed", "decided", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_are_those_of_the_literature(passed: int, decided: int, low: float, high: float) -> None:
    assert wilson(passed, decided) == pytest.approx((low, high), abs=5e-5)
    mirrored = wilson(decided - passed, decided)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_a_wilson_interval_ends_where_the_score_test_rejects() -> None:
    z = 1.959963984540054
    for passed, decided in ((3, 7), (5, 5), (0, 3), (40, 100)):
        for end in wilson(passed, decided):
            if 0 < end < 1:
                assert abs(passed / decided - end) == pytest.approx(z * math.sqrt(end * (1 - end) / decided))


@pytest.mark.parametrize(("passed", "decided"), [(0, 0), (2, 1), (-1, 3)])
def test_of_nothing_there_is_no_rate(passed: int, decided: int) -> None:
    with pytest.raises(ValueError, match="is no rate"):
        wilson(passed, decided)


def _point(day: float, verdict: Verdict, **fields: object) -> Point:
    started = BEGIN + datetime.timedelta(days=day)
    return Point(line="l", started=started.timestamp(), verdict=verdict)._replace(**fields)  # type: ignore[arg-type]


def test_periods_count_what_came_to_its_end_and_leave_out_where_nothing_ran() -> None:
    points = [
        _point(2.5, Verdict.SKIPPED, revision="v3"),
        _point(0.1, Verdict.PASSED, value=2.0, revision="v1", digest="a"),
        _point(0.9, Verdict.PASSED, value=4.0, revision="v2", digest="a"),
        _point(0.95, Verdict.CRASHED, digest="b"),
        _point(4.0, Verdict.FAILED, digest="c"),
    ]
    (trend,) = trends(points, DAY)
    first, second, third = trend.periods
    assert (first.since, first.passed, first.decided, first.others) == ("2026-11-01T00:00+00:00", 2, 3, 0)
    assert first.values is not None
    assert (first.values.median, first.values.least, first.values.greatest, first.values.count) == (3.0, 2.0, 4.0, 2)
    assert (first.revisions, first.changed) == (("v1", "v2"), False)
    assert (second.rate, second.low, second.others, second.changed) == (None, None, 1, False)
    assert (third.rate, third.changed) == (0.0, True)
    assert (trend.whole.passed, trend.whole.decided, trend.whole.others) == (2, 4, 1)
    lines = render_trends([trend]).splitlines()
    assert lines[3].split() == ["2026-11-03", "00:00", "0", "of", "0,", "1", "not", "decided", "-", "-", "-", "v3"]
    assert lines[-1].split()[:4] == ["all", "*", "2", "of"]


def _filled(folder: Path) -> Store:
    store = Store(folder)
    for number in range(1, 5):
        info = run_info(number)
        store.begin(info, str(folder / info.id))
        metrics = (measured("load_s", 0.1 * number),)
        good = result("a", metrics=metrics, duration_s=float(number))
        bad = result("a", OOPS, metrics=metrics, duration_s=99.0)
        cases: list[CaseResult] = [good if number != 3 else bad, result("a_b"), result("z", metrics=metrics)]
        for case in cases:
            store.save(info.id, case)
    return store


def _trends(store: Store, word: str, since: datetime.datetime = BEGIN, target: str = "") -> tuple[Trend, ...]:
    return trends_of(store, word, since=since, period_s=7 * DAY, target=target)


def test_a_case_a_domain_and_a_metric_are_found_by_their_names(tmp_path: Path) -> None:
    with closing(_filled(tmp_path)) as store:
        duration, load = _trends(store, "d.a[6.1]")
        assert (duration.line, duration.unit, load.line) == ("vexfs: d.a[6.1]", "s", "vexfs: d.a[6.1] load_s")
        assert (duration.whole.passed, duration.whole.decided) == (3, 4)
        assert duration.whole.values is not None
        assert duration.whole.values.greatest == 4.0, "how long a crash took says nothing of the case"
        assert load.whole.values is not None
        assert load.whole.values.count == 3
        assert [trend.line for trend in _trends(store, "d.a")] == [
            "vexfs: d.a[6.1]",
            "vexfs: d.a_b[6.1]",
            "vexfs: d.a[6.1] load_s",
        ]
        (domain,) = _trends(store, "d")
        assert (domain.line, domain.whole.passed, domain.whole.decided) == ("vexfs: d on 6.1", 11, 12)
        assert [trend.line for trend in _trends(store, "load_s")] == [
            "vexfs: d.a[6.1] load_s",
            "vexfs: d.z[6.1] load_s",
        ]
        later = _trends(store, "d.a[6.1]", since=BEGIN + datetime.timedelta(days=2))
        assert later[0].whole.decided == 2
        for nothing in ("d.q", "load"):
            with pytest.raises(UsageError, match="nothing is known of"):
                _trends(store, nothing)
        with pytest.raises(UsageError, match="nothing is known of"):
            _trends(store, "d", target="ext4")
        for word, hint in (("load", "did you mean `load_s`?"), ("d.q", "the whole name of a metric")):
            with pytest.raises(UsageError) as told:
                _trends(store, word)
            assert hint in (told.value.hint or "")


def test_problems_are_counted_run_by_run(tmp_path: Path) -> None:
    shown = {1: [result("a", OOPS), result("b", OOPS), result("c", WARN)], 2: [result("a", OOPS)], 3: [result("a")]}
    with closing(Store(tmp_path)) as store:
        for number in (*shown, 4):  # the fourth goes on
            info = run_info(number)
            store.begin(info, str(store.folder / info.id))
            if number in shown:
                store.note_problems(info, shown[number])
        (told,) = _trends(store, "problems")
    assert (told.line, told.whole.passed, told.whole.decided) == ("vexfs: problems", 1, 3)
    assert told.whole.values is not None
    assert (told.whole.values.least, told.whole.values.greatest) == (0.0, 2.0)


def test_trends_are_drawn_in_the_terminal_and_in_a_file(tmp_path: Path) -> None:
    _filled(tmp_path).close()
    argv = ["d.a[6.1]", "--period", "3650d", "--results", str(tmp_path)]
    said = CliRunner().invoke(command, argv).output
    assert "  ▁▃·█  1 to 4 s" in said
    pytest.importorskip("vl_convert", reason="vl-convert (the extra `report`) draws")
    for name, head in (("t.svg", b"<svg"), ("t.png", b"\x89PNG")):
        assert CliRunner().invoke(command, [*argv, "--output", str(tmp_path / name)]).exit_code == 0
        assert (tmp_path / name).read_bytes().startswith(head)
    wrong = CliRunner().invoke(command, [*argv, "--output", str(tmp_path / "t.gif")])
    assert isinstance(wrong.exception, UsageError)


def test_the_settings_say_how_far_back_a_trend_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(_filled(tmp_path)):
        pass
    monkeypatch.chdir(tmp_path)
    asked = ["d.a[6.1]", "--results", str(tmp_path), "--json"]
    Path("vexlab.toml").write_text("[results]\ntrend_days = 0.5\n")
    assert "nothing is known" in str(CliRunner().invoke(command, asked).exception)
    Path("vexlab.toml").write_text("[results]\ntrend_days = 36500\n")
    assert json.loads(CliRunner().invoke(command, asked).stdout)[0]["line"] == "vexfs: d.a[6.1]"
    for wrong in ("0", "-1", "36501", "nan"):
        Path("vexlab.toml").write_text(f"[results]\ntrend_days = {wrong}\n")
        assert "trend_days is a number of days" in str(CliRunner().invoke(command, asked).exception)


def test_a_period_that_no_calendar_has_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["d", "--period", "99999999d", "--results", str(tmp_path)])
    assert (done.exit_code, "longer than a century" in done.output) == (2, True)


def test_a_figure_that_is_too_large_to_be_drawn_leaves_a_gap() -> None:
    """The median of two values near the end of all numbers is beyond it."""
    points = [_point(at, Verdict.PASSED, value=value) for at, value in ((0, 1.0), (1, 2.0), (2, 1e308), (2.1, 1e308))]
    told = trends(points, DAY)
    assert "▁█·  1 to 2" in render_trends(told)
    assert "<svg" in draw.together(charts(told), "Trends")


@pytest.mark.parametrize(("value", "domain"), [(0.25, [0.225, 0.275]), (0.0, [-1.0, 1.0])])
def test_the_axis_of_a_single_value_has_a_length(value: float, domain: list[float]) -> None:
    """Vega-Lite writes 0 beside the only tick of a scale without length."""
    (trend,) = trends([Point("d", 0.0, Verdict.PASSED, "c", "r", value)], DAY, "s")
    (chart,) = charts([trend])
    assert chart.spec
    assert chart.spec["layer"][1]["encoding"]["y"]["scale"]["domain"] == pytest.approx(domain)


def test_the_command_prints_a_table_or_json(tmp_path: Path) -> None:
    _filled(tmp_path).close()
    argv = ["d.z", "--period", "3650d", "--results", str(tmp_path)]
    said = CliRunner().invoke(command, argv).output
    assert "vexfs: d.z[6.1]" in said
    assert "4 of 4  100 %  51 to 100 %" in said
    (duration, load) = json.loads(CliRunner().invoke(command, [*argv, "--json"]).output)
    assert (duration["whole"]["passed"], len(load["periods"])) == (4, 4)
    assert load["periods"][0]["low"] == pytest.approx(wilson(1, 1)[0])
