"""``vexlab report RUN..RUN``: all runs of a target from one to another."""

from __future__ import annotations

from pathlib import Path

import click

from vexlab.cli.store import opened
from vexlab.errors import UsageError
from vexlab.model.compare import compare, with_noise
from vexlab.report.files import STDOUT, print_bytes
from vexlab.report.span import Ran, Span, chosen, within
from vexlab.results.history import problems_of
from vexlab.results.store import Store
from vexlab.results.trend import values_before

SPAN = ".."


def report_span(names: str, formats: str, output: str | None, results_dir: str | None) -> None:
    """Print the span ``FIRST..LAST``, or write it: one format to a file, several into a folder."""
    forms = chosen(formats)
    first, _, last = names.partition(SPAN)
    with opened(results_dir) as store:
        span = span_of(store, first, last or "last")
    if output in (None, STDOUT):
        if len(forms) > 1:
            hint = "--output FOLDER takes them all"
            raise UsageError(f"{len(forms)} files cannot go to standard output", hint=hint)
        print_bytes(forms[0][1](span))
        return
    place = Path(str(output))
    is_file = not place.is_dir() and (place.exists() or bool(place.suffix))
    if is_file and len(forms) > 1:
        raise UsageError(f"{output} is one file for {len(forms)} formats", hint="--output FOLDER takes them all")
    try:
        if not is_file:
            place.mkdir(parents=True, exist_ok=True)
        for name, render in forms:
            file = place if is_file else place / name
            file.write_bytes(render(span))
            click.echo(file)
    except OSError as error:
        raise UsageError(f"the report cannot be written: {error}", hint="--output names another place") from error


def span_of(store: Store, first: str, last: str) -> Span:
    """Return the runs from ``first`` to ``last``, in whichever order they are named; raise ``UsageError``."""
    one, other = store.load(first), store.load(last)
    if one.run.target != other.run.target:
        raise UsageError(
            f"the runs are of different targets, `{one.run.target}` and `{other.run.target}`",
            hint="only runs of the same target are a span",
        )
    if one.run.id == other.run.id:
        raise UsageError("a span needs two runs", hint="`vexlab results` lists them")
    before, after = sorted((one, other), key=lambda each: (each.run.started, each.run.id))
    bounds = [(each.run.started, each.run.id) for each in (before, after)]
    runs = tuple(
        Ran(run=each.run, summary=each.summary)
        for each in reversed(store.overview())
        if each.run.target == after.run.target and bounds[0] <= (each.run.started, each.run.id) <= bounds[1]
    )
    found = compare(before, after)
    digests = {case.id: case.digest for case in after.cases}
    wanted = {(each.case, each.name): digests[each.case] for each in found.numbers}
    changed = with_noise(found, values_before(store, after.run, wanted))
    return Span(runs=runs, changed=changed, problems=within(problems_of(store, after.run.id).problems, before.run))
