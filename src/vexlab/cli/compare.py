"""``vexlab compare``: what changed from one run to another."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import click
import msgspec

from vexlab.cli.store import opened, results_option
from vexlab.errors import UsageError
from vexlab.model.across import across, on_kernel
from vexlab.model.aliases import current
from vexlab.model.case import CaseResult, RunResult, Summary
from vexlab.model.compare import compare, with_noise
from vexlab.model.key import is_chosen
from vexlab.model.request import CASE_HELP
from vexlab.report.compare import render_comparison
from vexlab.report.jsonfile import encoded
from vexlab.report.terminal import printable
from vexlab.results.baseline import baselines
from vexlab.results.store import Store
from vexlab.results.trend import values_before

_NOTHING = 4
_BASELINE = "baseline"
# What runs can be set side by side by, how a run of one is told, and what to do where there is none.
_AXES = {
    "environments": ("in the environment", "`vexlab run --environment NAME` notes where a run happens"),
    "kernels": ("on the kernel", "`vexlab results` lists the runs with their kernels"),
    "revisions": ("of the revision", "`vexlab results RUN` says of which revision a run is"),
}


@click.command(name="compare")
@click.argument("before", default="")
@click.argument("after", default="last")
@click.option(
    "--environments", metavar="NAME,…", help="Set the newest runs of these environments side by side instead."
)
@click.option("--kernels", "beside", metavar="NAME,…", help="Set the newest runs on these kernels side by side.")
@click.option("--revisions", metavar="NAME,…", help="Set the newest runs of these revisions side by side.")
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
    environments: str | None,
    beside: str | None,
    revisions: str | None,
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

    asked = {"environments": environments, "kernels": beside, "revisions": revisions}
    axes = {axis: words for axis, words in asked.items() if words is not None}
    if len(axes) > 1:
        raise UsageError(f"one thing is compared at a time, and not {' and '.join(axes)}")
    for axis, words in axes.items():
        names = tuple(dict.fromkeys(word.strip() for word in words.split(",") if word.strip()))
        return _side_by_side(axis, names, results_dir, narrowed, as_json=as_json)
    if not before:
        raise UsageError("there is nothing to compare with", hint="`vexlab compare BEFORE [AFTER]`")
    with opened(results_dir) as store:
        first, second = _named(store, before), _named(store, after)
        if first.run.id == second.run.id:
            hint = "`vexlab results` lists the runs; AFTER is the newest one unless it is named"
            raise UsageError(f"BEFORE and AFTER are one run, {first.run.id}", hint=hint)
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
        click.echo(encoded(document))
    else:
        click.echo(render_comparison(found))
    if found.regressions:
        return 1
    return 0 if found.compared else _NOTHING


def _side_by_side(
    axis: str,
    names: Sequence[str],
    results_dir: str | None,
    narrowed: Callable[[RunResult], RunResult],
    *,
    as_json: bool,
) -> int:
    """Print how cases end in each environment, on each kernel, or at each revision; return the exit status."""
    if len(names) < 2:
        raise UsageError(f"{axis} are compared with each other: name two at least")
    with opened(results_dir) as store:
        runs = {name: narrowed(_newest(store, axis, name)) for name in names}
    if axis == "kernels":
        runs = {name: on_kernel(run, name) for name, run in runs.items()}
    found = across(runs)
    if as_json:
        click.echo(encoded(found))
    else:
        width = max(12, *(len(printable(name)) for name in found.runs))
        for name, run in found.runs.items():
            click.echo(f"{printable(name):{width}} {run}")
        for each in found.differing:
            click.echo(
                f"{printable(each.case):56} {'  '.join(f'{where}: {how}' for where, how in each.verdicts.items())}"
            )
        click.echo(f"{len(found.differing)} of {found.compared} cases end otherwise in one than in another")
    if found.differing:
        return 1
    return 0 if found.compared else _NOTHING


def _newest(store: Store, axis: str, name: str) -> RunResult:
    """Return the newest finished run that ``name`` is said of, about the target of the newest run of all."""
    target = store.info("last").target
    ended = (each.run for each in store.overview() if each.run.finished and each.run.target == target)
    for run in ended:
        said = {"environments": (run.environment,), "kernels": run.kernels, "revisions": (run.provenance.revision,)}
        if name in said[axis]:
            return store.load(run.id)
    words, hint = _AXES[axis]
    raise UsageError(f"there is no finished run of {target} {words} `{name}`", hint=hint)


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
