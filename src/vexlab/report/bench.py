"""What benchmarks measured, as a table for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vexlab.model.benchmarks import Figure, Measured
from vexlab.report.terminal import printable

_HEAD = ("figure", "value", "interval", "reference", "before", "change")
_NONE = "-"


def render_benchmarks(measured: Sequence[Measured], before: str = "") -> str:
    """Return a table for each case; ``before`` is the id of the run that the last columns are about."""
    lines = [f"compared with run {before}" if before else "no earlier run measured the same: nothing to compare with"]
    for each in measured:
        beside = f", beside {each.reference}" if each.reference else ""
        lines += ["", printable(f"{each.case.id}: {each.case.verdict}{beside}")]
        if not each.figures:
            lines.append(printable(f"  {each.case.reason.partition(chr(10))[0] or 'it measured nothing'}"))
            continue
        lines += _table([_HEAD, *map(_row, each.figures)])
    return "\n".join(lines)


def _row(figure: Figure) -> tuple[str, ...]:
    metric = figure.metric
    interval = f"{figure.low:.4g} to {figure.high:.4g}" if figure.low is not None and figure.high is not None else _NONE
    return (
        metric.name,
        f"{metric.value:.4g} {metric.unit}".rstrip(),
        interval,
        _number(figure.reference),
        _number(figure.before),
        _change(figure),
    )


def _number(value: float | None) -> str:
    return _NONE if value is None else f"{value:.4g}"


def _change(figure: Figure) -> str:
    if figure.change is None:
        return _NONE
    words = {True: " better", False: " worse", None: ""}[figure.better]
    return f"{figure.change:+.1%}{words}"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        first, *others = (
            word.ljust(width) if not at else word.rjust(width)
            for at, (word, width) in enumerate(zip(row, widths, strict=True))
        )
        yield printable("  ".join([f"  {first}", *others]).rstrip())
