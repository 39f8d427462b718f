"""``vexlab bench``: the cases that measure, in a table beside the reference filesystem and an earlier run."""

from __future__ import annotations

import dataclasses

import click

from vexlab.cli.options import request_of, request_options
from vexlab.cli.run import carry_out
from vexlab.cli.store import opened, results_option
from vexlab.config import settings_for
from vexlab.errors import UsageError
from vexlab.model.benchmarks import CATEGORIES, Figure, Measured, measured_by, patterns
from vexlab.model.case import RunResult
from vexlab.report.bench import render_benchmarks
from vexlab.report.jsonfile import encoded
from vexlab.results.store import Store

_NO_BASELINE = "none"
_ASKED = (
    *("target", "kernels", "configurations", "duration_s", "jobs", "config", "accel", "memory", "cpus", "sandbox"),
    *("build_args", "seed", "probe", "artifact", "environment"),
)


@click.command(name="bench")
@click.option("--category", "categories", multiple=True, type=click.Choice(tuple(CATEGORIES)),
              help="Only cases of this category; repeatable.")  # fmt: skip
@click.option("--case", "cases", multiple=True, help="Of these only this case, as of `vexlab run`; repeatable.")
@click.option("--baseline", metavar="RUN", default="", help="Run to compare with: its id, `last`, or `none` "
              "(default: the last one before that measured the same).")  # fmt: skip
@request_options(*_ASKED)
@results_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    *,
    categories: tuple[str, ...],
    cases: tuple[str, ...],
    baseline: str,
    results_dir: str | None,
    as_json: bool,
    **asked: object,
) -> int:
    """Measure, and show each figure beside the reference filesystem's and an earlier run's.

    Runs the performance domain and the recall of approximate indexes, nothing else. Exit status: as `vexlab run`.
    """
    request = request_of({**asked, "cases": cases or patterns(categories)})
    if cases and categories:
        raise UsageError("--case and --category exclude each other")
    settings = settings_for(request)
    request = dataclasses.replace(request, kernels=settings.kernels)
    with opened(results_dir) as store:  # before the run, which `last` would otherwise name
        chosen = store.load(baseline) if baseline not in ("", _NO_BASELINE) else None
    ended = carry_out(request, settings, results_dir, plain=False, verdict_to_stdout=False)
    with opened(results_dir) as store:
        before = chosen or (None if baseline == _NO_BASELINE else _last_like(store, ended.result))
    found = measured_by(ended.result.cases, before.cases if before else ())
    name = before.run.id if before else ""
    if as_json:
        click.echo(encoded({"before": name, "cases": _plain(found)}))
    elif found:
        click.echo(render_benchmarks(found, name))
    return ended.exit_code


def _last_like(store: Store, run: RunResult) -> RunResult | None:
    """Return the latest other run of the target that measured one of the run's figures."""
    wanted = {each.case.key for each in measured_by(run.cases) if each.figures}
    for earlier in store.runs():
        if earlier.run.id == run.run.id or earlier.run.target != run.run.target:
            continue
        if wanted & {case.key for case in earlier.cases if case.metrics}:
            return earlier
    return None


def _plain(found: tuple[Measured, ...]) -> list[dict[str, object]]:
    return [
        {
            "case": each.case.id,
            "verdict": each.case.verdict,
            "reference": each.reference,
            "figures": [_figure(figure) for figure in each.figures],
        }
        for each in found
    ]


def _figure(figure: Figure) -> dict[str, object]:
    metric = figure.metric
    return {
        "name": metric.name,
        "value": metric.value,
        "unit": metric.unit,
        "better": metric.direction,
        "low": figure.low,
        "high": figure.high,
        "reference": figure.reference,
        "before": figure.before,
    }
