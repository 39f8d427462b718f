"""``vexlab run --level 3 --duration 2h``: hours of searching for problems, as ``vexlab campaign`` does it.

None of the cases that ship with vexlab is of level 3: what draws at random, or goes through more than a run of level 2
has time for, is as long as the time that it is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import click

from vexlab.campaign.sharing import ARMS, ON_REQUEST
from vexlab.config import settings_for
from vexlab.errors import UsageError
from vexlab.model.request import Request

_FOLDER = "campaign"  # in the results folder
# What says itself which cases run.
_CHOOSING = (
    "paths", "cases", "domains_dirs", "suites", "xfstests", "only", "benchmarks", "resume", "stress",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """What is written beside the evidence; empty or ``None`` where it is not asked for."""

    results: Path
    json_file: str | None
    junit_file: str | None
    report_format: str | None


def is_search(request: Request) -> bool:
    """Whether a run is a search of hours: level 3, and no cases named."""
    default = Request()
    named = any(getattr(request, name) != getattr(default, name) for name in _CHOOSING)
    others = set(request.enabled) - {arm.component for arm in ON_REQUEST}
    return request.level == 3 and not named and not others


def run_search(request: Request, outputs: Outputs) -> int:
    """Search, or go on with the search of these options that is not over; return the exit status.

    What a search needs is imported here: no other run does.
    """
    from vexlab.campaign.campaign import unfinished
    from vexlab.cli.campaign import DURATION_S, search

    if outputs.junit_file:
        raise UsageError(
            "a search of hours is many runs, and writes no JUnit of its own",
            hint="`--report-format junit` writes one for each round, into its folder",
        )
    if request.cluster:
        raise UsageError("a search of hours runs here, not on a cluster", hint="leave --cluster away")
    arms = (*ARMS, *(arm for arm in ON_REQUEST if arm.component in request.enabled))
    inner = replace(request, level=0, duration_s=0.0, flavour="", enabled=(), kernels=settings_for(request).kernels)
    duration_s = request.duration_s or DURATION_S
    state = unfinished(outputs.results / _FOLDER, inner, duration_s)
    more = ["--report-format", outputs.report_format] if outputs.report_format else []
    minutes = f"{duration_s / 60:.0f} minutes{'' if request.duration_s else ', for no --duration is given'}"
    click.echo(f"level 3: {minutes} of what draws at random, as `vexlab campaign` does; in {state}", err=True)
    return search(inner, duration_s, state, outputs.json_file, arms=arms, more=more)


def arm_lines() -> Iterator[str]:
    """Yield what such a search may do, for ``--plan``."""
    yield "level 3 is a search for as long as --duration says: rounds of these, those first that find most"
    for arm in (*ARMS, *ON_REQUEST):
        asked = f"; with --enable-{arm.component}" if arm.component else ""
        yield f"  {arm.name:12} {arm.about}; at most {arm.minutes:.0f} minutes a round{asked}"
