"""Trends as tables for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from vexlab.model.trend import Period, Spread, Trend
from vexlab.report.terminal import printable
from vexlab.report.trendchart import blocks

_REVISIONS_MOST = 3


def render_trends(trends: Iterable[Trend]) -> str:
    """Return a table for each trend, a line for each period; the last line is the whole time."""
    return "\n\n".join("\n".join(_table(trend)) for trend in trends)


def _table(trend: Trend) -> Iterator[str]:
    yield trend.line
    unit = f" in {trend.unit}" if trend.unit else ""
    head = ("since", "passed", "rate", "95 % interval", f"median (range){unit}", "revisions")
    rows: list[tuple[str, ...]] = [head]
    rows += [_row(period.since[:16].replace("T", " "), period) for period in trend.periods]
    if len(trend.periods) > 1:
        rows.append(_row("all", trend.whole))
    yield from _aligned(rows)
    if drawn := blocks(trend):
        yield f"  {drawn}"
    yield from _level(trend)


def _level(trend: Trend) -> Iterator[str]:
    """Yield what is said of the level of the values."""
    unit = f" {trend.unit}" if trend.unit else ""
    for each in trend.changes:
        revision = f", revision {printable(each.revision)}" if each.revision else ""
        yield (
            f"  changed by {100 * each.relative:+.1f} % ({each.before:.4g} → {each.after:.4g}{unit}) with the run of "
            f"{each.since[:16].replace('T', ' ')}{revision} (p = {each.p:.1g})"
        )
    if trend.judged and not trend.changes:
        noise = f" (noise of a run {100 * trend.noise:.1f} %)" if trend.noise is not None else ""
        yield f"  {trend.judged}{noise}"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(["", *(cell.ljust(width) for cell, width in zip(row, widths, strict=True))]).rstrip()


def _row(name: str, period: Period) -> tuple[str, ...]:
    others = f", {period.others} not decided" if period.others else ""
    many = len(period.revisions)
    revisions = ", ".join(period.revisions) if many <= _REVISIONS_MOST else f"{many}, last {period.revisions[-1]}"
    return (
        name + (" *" if period.changed else ""),
        f"{period.passed} of {period.decided}{others}",
        "-" if period.rate is None else f"{100 * period.rate:.0f} %",
        "-" if period.low is None or period.high is None else f"{100 * period.low:.0f} to {100 * period.high:.0f} %",
        _spread(period.values) if period.values else "-",
        revisions,
    )


def _spread(values: Spread) -> str:
    if values.count == 1:
        return f"{values.median:.4g}"
    return f"{values.median:.4g} ({values.least:.4g} to {values.greatest:.4g})"
