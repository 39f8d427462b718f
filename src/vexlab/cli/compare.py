"""``vexlab compare``: what changed from one run to another."""

from __future__ import annotations

import dataclasses

import click
import msgspec

from vexlab.cli.store import opened, results_option
from vexlab.errors import UsageError
from vexlab.model.aliases import current
from vexlab.model.case import CaseResult, RunResult, Summary
from vexlab.model.compare import compare, with_noise
from vexlab.model.key import is_chosen
from vexlab.model.request import CASE_HELP
from vexlab.report.compare import render_comparison
from vexlab.results.baseline import baselines
from vexlab.results.store import Store
from vexlab.results.trend import values_before

_NOTHING = 4
_BASELINE = "baseline"


@click.command(name="compare")
@click.argument("before")
@click.argument("after", default="last")
@click.option("--domain", "domains", multiple=True, help="Only cases of this domain; repeatable.")
@click.option("--kernel", "kernels", multiple=True, help="Only cases on this kernel; repeatable.")
@click.option("--case", "cases", multiple=True, help=CASE_HELP)
@click.option("--least", type=click.FloatRange(0), default=10.0, show_default=True, metavar="PERCENT",
              help="Numbers that differ by less are not listed.")  # fmt: skip
@results_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    *,
    before: str,
    after: str,
    domains: tuple[str, ...],
    kernels: tuple[str, ...],
    cases: tuple[str, ...],
    least: float,
    results_dir: str | None,
    as_json: bool,
) -> int:
    """Say what changed from run BEFORE to run AFTER: ids, the beginnings of them, `last`, or `baseline`.

    Only results of equal keys and equal code are compared. A case, or a check of one, that came to its end before and
    did not after is a regression. Exit status: 0 no regression, 1 regressions, 4 nothing could be compared.
    """

    def narrowed(run: RunResult) -> RunResult:
        chosen = tuple(case for case in run.cases if _is_asked(case, domains, kernels, cases))
        return dataclasses.replace(run, cases=chosen, summary=Summary.of(chosen))

    with opened(results_dir) as store:
        first, second = _named(store, before), _named(store, after)
        if first.run.target != second.run.target:
            raise UsageError(
                f"the runs are of different targets, `{first.run.target}` and `{second.run.target}`",
                hint="only results of the same target are compared",
            )
        found = compare(narrowed(first), narrowed(second), least=least / 100)
        digests = {case.id: case.digest for case in second.cases}
        wanted = {(each.case, each.name): digests[each.case] for each in found.numbers}
        found = with_noise(found, values_before(store, second.run, wanted))
    if as_json:
        document = {"regressions": found.regressions, **msgspec.to_builtins(found)}
        click.echo(msgspec.json.format(msgspec.json.encode(document)).decode())
    else:
        click.echo(render_comparison(found))
    if found.regressions:
        return 1
    return 0 if found.compared else _NOTHING


def _named(store: Store, name: str) -> RunResult:
    """Return the run of the name; ``baseline`` is that of the newest run's target."""
    if name != _BASELINE:
        return store.load(name)
    target = store.info("last").target
    for info in baselines(store, target):
        return store.load(info.id)
    raise UsageError(f"{target} has no baseline", hint="`vexlab baseline set RUN` names one")


def _is_asked(case: CaseResult, domains: tuple[str, ...], kernels: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    name = current(case.id)
    return (
        (not domains or case.domain in domains)
        and (not kernels or case.kernel in kernels)
        and (not patterns or any(is_chosen(name, each) for each in map(current, patterns)))
    )
