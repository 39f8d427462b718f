"""``vexlab compare-old``: an old result file beside a run."""

from __future__ import annotations

import json
from pathlib import Path

import click

from vexlab.cli.store import opened, results_option
from vexlab.errors import UsageError
from vexlab.migrate.results import paired, read
from vexlab.tables import visible

_NEVER = "nothing in the file says that it ran in a kernel"


@click.command(name="compare-old")
@click.argument("report", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("run", default="last")
@results_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON: a list of old results with what is said of each.")
def command(*, report: Path, run: str, results_dir: str | None, as_json: bool) -> int:
    """Set a JSON result file of the old infrastructure beside a run, and say which old passes never ran in a kernel.

    Exit status: 0 no old pass is red now, 1 one is.
    """
    try:
        old = read(report.read_text(errors="replace"))
    except ValueError as error:
        raise UsageError(f"{report}: {visible(str(error))}") from error
    with opened(results_dir) as store:
        cases = store.load(run).cases
    pairs = paired(old, cases)
    rows = [
        {
            "name": pair.old.name,
            "passed": pair.old.passed,
            "simulated": pair.old.simulated,
            "cases": [case.id for case in pair.cases],
            "says": pair.words,
        }
        for pair in pairs
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        for pair in pairs:
            ran = f"never ran in a kernel (`{pair.old.simulated}`)" if pair.old.simulated else _NEVER
            click.echo(f"{visible(pair.old.name):40} {pair.words}; {ran}")
        passes = [pair for pair in pairs if pair.old.passed]
        simulated = sum(1 for pair in passes if pair.old.simulated)
        click.echo(
            f"{len(passes)} of {len(pairs)} passed then; {simulated} of these say themselves that they were simulated"
        )
    return 1 if any("now:" in pair.words for pair in pairs) else 0
