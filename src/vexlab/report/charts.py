"""The charts of a run, each described once, as Vega-Lite: the page draws it interactive, other formats as SVG. Pure.

A description holds the numbers it draws, so that nothing is fetched; what a guest or a case named stands in it as data
only, never in an expression.
"""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vexlab.model.case import CaseResult
from vexlab.model.metric import Direction, Metric
from vexlab.model.trend import wilson
from vexlab.model.verdict import Verdict
from vexlab.report.content import Content, one_line

Spec = dict[str, Any]
_Row = dict[str, object]

WIDTH = 640  # of a chart in an SVG, in pixels
_ROW = 22  # height of a bar with its distance
_DURATIONS_MOST = 400  # marks
_LONGEST = 100
_ROWS_MOST = 24
_NAME_MOST = 90
_COLOURS: Mapping[Verdict, str] = {  # told apart on white and on black, and in grey by their order
    Verdict.PASSED: "#2f9e5b",
    Verdict.FAILED: "#e0483e",
    Verdict.CRASHED: "#a3123a",
    Verdict.SKIPPED: "#b9a44c",
    Verdict.BLOCKED: "#e08a1e",
    Verdict.ERROR: "#8a63d2",
    Verdict.UNDECIDED: "#8b949e",
}
_BETTER, _WORSE, _SAME = "better", "worse", "as before"
_RATIO = "_ratio"
_FASTER = "_faster"  # of the target beside itself: an index and an exact search in the same round
_RECALL = "_recall_10_ratio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart; ``about`` says in a sentence what it shows. ``spec`` is ``None`` where there is nothing to draw."""

    name: str
    title: str
    about: str
    spec: Spec | None = None


def charts(content: Content) -> tuple[Chart, ...]:
    """Return every chart; those without data say in ``about`` why they are none. Few targets have an index."""
    curve = recall(content)
    return (*(make(content) for make in _CHARTS), *([curve] if curve.spec else []))


def verdicts(content: Content) -> Chart:
    """Return how many cases of each domain have each verdict."""
    title = "Verdicts by domain"
    counted = Counter((case.domain, case.verdict) for case in content.cases)
    rows: list[_Row] = [
        {"domain": one_line(domain), "verdict": verdict.value, "order": list(Verdict).index(verdict), "cases": number}
        for (domain, verdict), number in sorted(counted.items())
    ]
    if not rows:
        return Chart(name="verdicts", title=title, about="no case ran")
    spec = _spec(rows, height=_ROW * len({domain for domain, _ in counted}))
    spec["mark"] = {"type": "bar", "cornerRadius": 1}
    spec["encoding"] = {
        "y": _names("domain"),
        "x": {"field": "cases", "type": "quantitative", "title": "cases", "axis": {"tickMinStep": 1}},
        "color": _verdict_colour(content),
        "order": {"field": "order"},
        "tooltip": _tips("domain", "verdict", "cases"),
    }
    return Chart(name="verdicts", title=title, about="Cases by domain and verdict.", spec=spec)


def durations(content: Content) -> Chart:
    """Return how long cases took, by domain."""
    title = "Durations"
    timed = sorted((case for case in content.cases if case.duration_s > 0), key=lambda each: -each.duration_s)
    if not timed:
        return Chart(name="durations", title=title, about="no case has a duration")
    shown = _some(timed)
    rows: list[_Row] = [
        {
            "domain": one_line(case.domain),
            "case": one_line(case.id),
            "verdict": case.verdict.value,
            "seconds": round(case.duration_s, 3),
        }
        for case in shown
    ]
    spec = _spec(rows, height=(_ROW + 6) * len({case.domain for case in shown}))
    end = round(1.02 * shown[0].duration_s, 3)
    spec["params"] = [_zoom("x")]
    spec["mark"] = {"type": "tick", "thickness": 2, "opacity": 0.75, "clip": True, "bandSize": 16}
    spec["encoding"] = {
        "y": _names("domain"),
        "x": {"field": "seconds", "type": "quantitative", "title": "seconds", "scale": {"domain": [0, end]}},
        "color": _verdict_colour(content),
        "tooltip": _tips("case", "verdict", "seconds"),
    }
    which = f"each of {len(timed)} cases"
    if len(shown) < len(timed):
        which = f"the {_LONGEST} longest of {len(timed)} and {len(shown) - _LONGEST} spread over the others"
    about = f"A line is a case: {which}; {sum(case.duration_s for case in timed):.0f} s in all."
    return Chart(name="durations", title=title, about=about, spec=spec)


def _some(timed: Sequence[CaseResult]) -> Sequence[CaseResult]:
    """Return all, or the longest and every so many of the others: a browser draws each mark as an element."""
    rest = timed[_LONGEST:]
    step = max(1, -(-len(rest) // (_DURATIONS_MOST - _LONGEST)))
    return (*timed[:_LONGEST], *rest[::step])


def reference(content: Content) -> Chart:
    """Return the target's figures as a ratio to those of the reference filesystem in the same guest."""
    title = "Beside the reference filesystem"
    rows = sorted(_ratios(content), key=_gain)
    if not rows:
        return Chart(name="reference", title=title, about="no case measured the target beside a reference filesystem")
    shown = rows[:_ROWS_MOST]
    spec = _spec(shown, height=_ROW * len(shown))
    order = [row["metric"] for row in shown]
    is_log = all(_positive(row) for row in shown)
    scale = {"type": "log", "nice": False, "padding": 8} if is_log else {"zero": True, "padding": 8}
    x: Spec = {"field": "low", "type": "quantitative", "title": "target ÷ reference", "scale": scale}
    spec["layer"] = [
        {
            "mark": {"type": "rule", "strokeDash": [4, 3], "color": "#8b949e"},
            "encoding": {"x": {"datum": 1, "type": "quantitative"}},
        },
        {
            "mark": {"type": "rule", "strokeWidth": 3, "opacity": 0.45, "color": "#3b82c4"},
            "encoding": {"x": x, "x2": {"field": "high"}, "y": _names("metric", order)},
        },
        {
            "params": [_zoom("x")],
            "mark": {"type": "point", "filled": True, "opacity": 1, "size": 60, "color": "#3b82c4", "clip": True},
            "encoding": {
                "x": {**x, "field": "ratio"},
                "y": _names("metric", order),
                "tooltip": _tips("metric", "ratio", "low", "high", "better"),
            },
        },
    ]
    about = (
        "Target ÷ reference in the same guest; the bar is the confidence interval, 1 is equal, the worst first"
        f"{_rest(rows, shown)}."
    )
    return Chart(name="reference", title=title, about=about, spec=spec)


def recall(content: Content) -> Chart:
    """Return what an approximate index finds of the ten nearest vectors, against its speed: a point for each way."""
    title = "Recall and speed of an index"
    rows = list(_ways(content))
    if not rows:
        return Chart(name="recall", title=title, about="no case measured an index")
    spec = _spec(rows, height=200)
    x: Spec = {"field": "recall", "type": "quantitative", "title": "recall of the ten nearest"}
    least = min(0.9, *(float(str(row["recall"])) for row in rows))
    x |= {"scale": {"domain": [least, 1]}, "axis": {"tickCount": 5}}
    y: Spec = {"field": "faster", "type": "quantitative", "title": "times an exact search's speed"}
    y |= {"scale": {"type": "log", "nice": False, "padding": 8}}
    colour: Spec = {"field": "case", "type": "nominal", "title": None}
    line = {"type": "line", "opacity": 0.5}
    points = {"type": "point", "filled": True, "opacity": 1, "size": 60}
    spec["layer"] = [
        {"mark": line, "encoding": {"x": x, "y": y, "color": colour, "order": {"field": "recall"}}},
        {"mark": points, "encoding": {"x": x, "y": y, "color": colour, "tooltip": _tips("way", "recall", "faster")}},
    ]
    about = "A point for each number of lists looked into: more lists find more and take longer."
    return Chart(name="recall", title=title, about=about, spec=spec)


def before(content: Content) -> Chart:
    """Return the metrics that differ most from those of the runs before, in percent of their median."""
    title = "Metrics beside the runs before"
    if not content.earlier:
        return Chart(name="before", title=title, about="the store has no run of this target before")
    rows = sorted(_beside(content), key=lambda row: -abs(float(str(row["percent"])) - 100))
    if not rows:
        return Chart(name="before", title=title, about="no metric was measured by the same code in a run before")
    shown = rows[:_ROWS_MOST]
    spec = _spec(shown, height=_ROW * len(shown))
    order = [row["metric"] for row in shown]
    x: Spec = {"field": "least", "type": "quantitative", "title": "% of the median before"}
    x["scale"] = {"zero": False, "padding": 8}
    kinds = {"domain": [_BETTER, _WORSE, _SAME], "range": ["#2f9e5b", "#e0483e", "#8b949e"]}
    spec["layer"] = [
        {
            "mark": {"type": "rule", "strokeDash": [4, 3], "color": "#8b949e"},
            "encoding": {"x": {"datum": 100, "type": "quantitative"}},
        },
        {
            "mark": {"type": "rule", "strokeWidth": 6, "opacity": 0.35, "color": "#8b949e"},
            "encoding": {"x": x, "x2": {"field": "greatest"}, "y": _names("metric", order)},
        },
        {
            "params": [_zoom("x")],
            "mark": {"type": "point", "filled": True, "opacity": 1, "size": 70, "clip": True},
            "encoding": {
                "x": {**x, "field": "percent"},
                "y": _names("metric", order),
                "color": {"field": "kind", "type": "nominal", "title": None, "scale": kinds},
                "tooltip": _tips("metric", "value", "median before", "runs before", "percent", "kind"),
            },
        },
    ]
    about = (
        "The point is this run, the bar the least to the greatest of the runs before, 100 % their median; nothing is "
        f"said of the noise{_rest(rows, shown)}."
    )
    return Chart(name="before", title=title, about=about, spec=spec)


def history(content: Content) -> Chart:
    """Return the pass rate of this run and those before, with their intervals."""
    title = "Pass rate over time"
    counts = content.counts
    decided = counts[Verdict.PASSED] + counts[Verdict.FAILED] + counts[Verdict.CRASHED]
    if not content.earlier:
        return Chart(name="history", title=title, about="the store has no run of this target before")
    points = [(each.run, each.started, each.revision, each.passed, each.decided) for each in content.earlier]
    run = content.result.run
    if decided:
        points.append((run.id, run.started, run.provenance.revision, counts[Verdict.PASSED], decided))
    rows: list[_Row] = []
    for name, started, revision, passed, of in points:
        low, high = wilson(passed, of)
        rows.append(
            {
                "run": one_line(name),
                "started": started,
                "revision": one_line(revision),
                "rate": round(100 * passed / of, 2),
                "low": round(100 * low, 2),
                "high": round(100 * high, 2),
                "passed": f"{passed} of {of}",
            }
        )
    spec = _spec(rows, height=180)
    x: Spec = {"field": "started", "type": "temporal", "title": "begin of the run, UTC"}
    x |= {"scale": {"type": "utc", "padding": 10}, "axis": {"format": "%d %b %H:%M", "labelOverlap": True}}
    y: Spec = {"field": "rate", "type": "quantitative", "title": "% passed", "scale": {"zero": False}}
    spec["layer"] = [
        {"mark": {"type": "line", "opacity": 0.5, "clip": True, "color": "#3b82c4"}, "encoding": {"x": x, "y": y}},
        {
            "mark": {"type": "rule", "opacity": 0.5, "clip": True, "color": "#3b82c4"},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {
            "params": [_zoom("x")],
            "mark": {"type": "point", "filled": True, "opacity": 1, "size": 50, "clip": True, "color": "#3b82c4"},
            "encoding": {"x": x, "y": y, "tooltip": _tips("run", "started", "revision", "rate", "passed")},
        },
    ]
    about = f"{len(points)} runs of the target, this one last; the bars are Wilson intervals of 95 %."
    return Chart(name="history", title=title, about=about, spec=spec)


_CHARTS: tuple[Callable[[Content], Chart], ...] = (verdicts, durations, reference, before, history)


def _spec(rows: Sequence[_Row], *, height: int) -> Spec:
    return {"data": {"values": list(rows)}, "width": WIDTH, "height": max(height, 2 * _ROW)}


def _names(field: str, order: Sequence[object] | None = None) -> Spec:
    axis = {"labelLimit": 260, "grid": False, "ticks": False, "domain": False}
    return {"field": field, "type": "nominal", "title": None, "axis": axis, "sort": order or "ascending"}


def _tips(*fields: str) -> list[Spec]:
    return [{"field": field} for field in fields]


def _zoom(channel: str) -> Spec:
    """Zoom with the wheel and Ctrl: without it the page scrolls on. ``!``: the browser then does not zoom the page."""
    select = {"type": "interval", "encodings": [channel], "zoom": "wheel![event.ctrlKey]"}
    return {"name": "zoom", "select": select, "bind": "scales"}


def _verdict_colour(content: Content) -> Spec:
    there = [verdict for verdict, number in content.counts.items() if number]
    scale = {"domain": [each.value for each in there], "range": [_COLOURS[each] for each in there]}
    return {"field": "verdict", "type": "nominal", "title": None, "scale": scale}


def _rest(rows: Sequence[object], shown: Sequence[object]) -> str:
    return f"; {len(shown)} of {len(rows)} metrics" if len(shown) < len(rows) else ""


def _label(case: CaseResult, metric: Metric) -> str:
    return one_line(f"{case.id.removeprefix(f'{case.domain}.')} {metric.name.removesuffix(_RATIO)}", _NAME_MOST)


def _ratios(content: Content) -> Iterator[_Row]:
    """Yield the ratios that cases noted as three metrics: ``NAME_ratio``, ``NAME_low_ratio``, ``NAME_high_ratio``."""
    for case in content.cases:
        for metric in case.metrics:
            stem = metric.name.removesuffix(_RATIO)
            low, high = case.metric(f"{stem}_low{_RATIO}"), case.metric(f"{stem}_high{_RATIO}")
            is_ratio = metric.name.endswith(_RATIO) and not stem.endswith(_FASTER)
            if is_ratio and low is not None and high is not None:
                yield {
                    "metric": _label(case, metric),
                    "ratio": metric.value,
                    "low": low,
                    "high": high,
                    "better": metric.direction.value,
                }


def _ways(content: Content) -> Iterator[_Row]:
    """Yield the ways of searching that cases noted as ``NAME_recall_10_ratio`` and ``NAME_faster_ratio``."""
    for case in content.cases:
        for metric in case.metrics:
            stem = metric.name.removesuffix(_RECALL)
            faster = case.metric(f"{stem}{_FASTER}{_RATIO}")
            if metric.name.endswith(_RECALL) and faster is not None and faster > 0:
                name = one_line(case.id.removeprefix(f"{case.domain}."), _NAME_MOST)
                way = one_line(stem, _NAME_MOST)
                yield {"case": name, "way": way, "recall": round(metric.value, 4), "faster": round(faster, 3)}


def _gain(row: _Row) -> float:
    """Return how far the target is ahead of the reference, as a logarithm; what only describes comes last."""
    ratio = float(str(row["ratio"]))
    if ratio <= 0 or row["better"] == Direction.NONE.value:
        return math.inf
    return math.log(ratio) if row["better"] == Direction.HIGHER.value else -math.log(ratio)


def _positive(row: _Row) -> bool:
    return all(float(str(row[name])) > 0 for name in ("low", "ratio", "high"))


def _beside(content: Content) -> Iterator[_Row]:
    for case, metric in content.metrics:
        is_end = re.search(r"_(low|high)_", metric.name)  # write_low_ratio: an end of the interval of write_ratio
        if metric.direction is Direction.NONE or case.verdict is not Verdict.PASSED or is_end:
            continue
        key = (case.id, metric.name)
        values = [each.values[key] for each in content.earlier if key in each.values]
        middle = statistics.median(values) if values else 0.0
        if middle > 0:
            yield {
                "metric": _label(case, metric),
                "value": f"{metric.value:g} {metric.unit}".rstrip(),
                "median before": f"{middle:g} {metric.unit}".rstrip(),
                "runs before": len(values),
                "percent": round(100 * metric.value / middle, 1),
                "least": round(100 * min(values) / middle, 1),
                "greatest": round(100 * max(values) / middle, 1),
                "kind": _kind(metric, values),
            }


def _kind(metric: Metric, values: Sequence[float]) -> str:
    if min(values) <= metric.value <= max(values):
        return _SAME
    higher = metric.value > max(values)
    return _BETTER if higher == (metric.direction is Direction.HIGHER) else _WORSE
