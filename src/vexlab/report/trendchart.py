"""Trends as charts: a line of blocks for the terminal, and one description for SVG and PNG. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from vexlab.model.trend import Period, Trend
from vexlab.report.charts import WIDTH, Chart, Spec
from vexlab.report.content import one_line

_BLOCKS = "▁▂▃▄▅▆▇█"
_BLOCKS_MOST = 120
_HEIGHT = 160


def value_of(period: Period) -> float | None:
    """Return what is drawn of a period: the median of its values, or its pass rate in per cent where there are none."""
    if period.values:
        return period.values.median
    return None if period.rate is None else 100 * period.rate


def blocks(trend: Trend) -> str:
    """Return the newest periods of a trend as blocks, a dot where nothing is known; empty where it would say nothing.

    The lowest block is the least value, not zero; both ends are said.
    """
    drawn_of = [value_of(each) if _is_kind(trend, each) else None for each in trend.periods[-_BLOCKS_MOST:]]
    values = [each if each is not None and math.isfinite(each) else None for each in drawn_of]
    known = [each for each in values if each is not None]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    scale = (len(_BLOCKS) - 1) / (high - low) if high > low else 0.0
    drawn = "".join("·" if each is None else _BLOCKS[round((each - low) * scale)] for each in values)
    unit = _unit(trend)
    return f"{drawn}  {low:.4g} to {high:.4g}{f' {unit}' if unit else ''}"


def charts(trends: Iterable[Trend]) -> tuple[Chart, ...]:
    """Return a chart for each trend: its values with their range, or its rates with their intervals."""
    return tuple(
        Chart(name=f"trend{number}", title=one_line(trend.line), about=one_line(_about(trend)), spec=_spec(trend))
        for number, trend in enumerate(trends, 1)
    )


def _is_kind(trend: Trend, period: Period) -> bool:
    """Whether a period has what the trend is drawn of: values, where there are any."""
    return (period.values is not None) or trend.whole.values is None


def _unit(trend: Trend) -> str:
    return trend.unit if trend.whole.values else "%"


def _about(trend: Trend) -> str:
    if trend.whole.values:
        return trend.judged or "median and range of each period"
    return f"{trend.whole.passed} of {trend.whole.decided} passed; with 95 % intervals"


def _spec(trend: Trend) -> Spec | None:
    rows = [row for each in trend.periods if (row := _row(each, of_values=bool(trend.whole.values)))]
    if not rows:
        return None
    x = {"field": "since", "type": "temporal", "title": None}
    y = {"field": "middle", "type": "quantitative", "title": _unit(trend) or None, "scale": _scale(rows)}
    band = {
        "mark": {"type": "area", "opacity": 0.2},
        "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
    }
    line = {"mark": {"type": "line", "point": True}, "encoding": {"x": x, "y": y}}
    changes = [{"since": each.since, "words": f"{100 * each.relative:+.1f} %"} for each in trend.changes]
    layers: list[Spec] = [band, line]
    if changes:
        rule = {"mark": {"type": "rule", "strokeDash": [4, 3], "color": "#e0483e"}, "encoding": {"x": x}}
        words = {"mark": {"type": "text", "align": "left", "dx": 4, "color": "#e0483e"},
                 "encoding": {"x": x, "y": {"value": 8}, "text": {"field": "words"}}}  # fmt: skip
        layers += [{"data": {"values": changes}, **each} for each in (rule, words)]
    return {"width": WIDTH, "height": _HEIGHT, "data": {"values": rows}, "layer": layers}


def _scale(rows: Sequence[Mapping[str, object]]) -> Spec:
    """Return the scale of the values; around a single value it has room: Vega writes 0 at an axis without one."""
    values = [float(str(row[name])) for row in rows for name in ("low", "middle", "high")]
    if min(values) < max(values) or not math.isfinite(values[0]):
        return {"zero": False}
    room = abs(values[0]) / 10 or 1.0
    return {"zero": False, "domain": [values[0] - room, values[0] + room]}


def _row(period: Period, *, of_values: bool) -> dict[str, object] | None:
    if of_values:
        if period.values is None:
            return None
        bounds: Sequence[float | None] = (period.values.least, period.values.median, period.values.greatest)
    elif period.rate is None or period.low is None or period.high is None:
        return None
    else:
        bounds = (100 * period.low, 100 * period.rate, 100 * period.high)
    low, middle, high = bounds
    return {"since": period.since, "low": low, "middle": middle, "high": high}
