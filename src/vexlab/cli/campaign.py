"""``vexlab campaign``: hours of searching, its time shared by what finds most."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

import click
import msgspec

from vexlab.campaign.campaign import RUNS, Campaign
from vexlab.campaign.report import render
from vexlab.campaign.sharing import ARMS, ON_REQUEST, Arm
from vexlab.cli.options import request_of, request_options
from vexlab.cli.selfcheck import stored_cases
from vexlab.cli.values import duration
from vexlab.config import settings_for
from vexlab.coverage.rare import rare_in
from vexlab.errors import UsageError
from vexlab.fuzz.folder import seconds_in
from vexlab.model.case import CaseResult
from vexlab.model.request import Request
from vexlab.report.files import STDOUT
from vexlab.report.terminal import printable

DURATION_S = 7200.0
_NAMES = ", ".join(
    f"{arm.name} ({arm.about}{'; only where it is named' if arm.component else ''})" for arm in (*ARMS, *ON_REQUEST)
)


@click.command(name="campaign", epilog=f"Arms: {_NAMES}.")
@request_options("target", "kernels", "config", "sandbox", "build_args", "seed", "jobs")
@click.option("--duration", type=duration, default=DURATION_S, help="How long in all, such as 2h or 24h (default: 2h).")
@click.option("--arm", "names", multiple=True, help="Only this arm; repeatable.")
@click.option("--state", type=click.Path(file_okay=False), default="vexlab-campaign", show_default=True,
              help="Folder of state and evidence; a second start goes on where the first ended.")  # fmt: skip
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Write rounds and problems as JSON.")
def command(*, duration: float, names: tuple[str, ...], state: str, json_file: str | None, **given: object) -> int:
    """Search for problems for hours: rounds of cases that draw at random, each with another seed.

    The next round goes to the arm and kernel that found most new problems a minute. Ctrl-C, a kill or a reboot lose at
    most one round: the same command goes on. Exit status: 0 nothing found, 1 problems found, 3 the lab failed.
    """
    request = request_of(given)
    known = (*ARMS, *ON_REQUEST)
    unknown = set(names) - {arm.name for arm in known}
    if unknown:
        raise UsageError(f"no arm `{min(unknown)}`", hint=f"there are {', '.join(arm.name for arm in known)}")
    arms = [arm for arm in known if arm.name in names] if names else ARMS
    request = replace(request, kernels=settings_for(request).kernels, jobs=request.jobs or 1)
    return search(request, duration, Path(state), json_file, arms=arms)


def search(
    request: Request,
    duration: float,
    state: Path,
    json_file: str | None,
    *,
    arms: Sequence[Arm] = ARMS,
    more: Sequence[str] = (),
) -> int:
    """Search for ``duration`` seconds with the evidence in ``state``, print the report, and return the exit status.

    ``more`` are words for the command line of each round; ``json_file`` takes rounds and problems.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    campaign = Campaign(
        state, request, duration, kept=stored_cases, seldom=rare_in, fuzzed=seconds_in,
        say=lambda words: click.echo(printable(words), err=True),
        arms=arms, more=more,
    )  # fmt: skip
    try:
        campaign.go_on()
    finally:
        known = campaign.state
        text = render(known, _cases(state), request.kernels, arms)
        (state / "report.txt").write_text(text)
        document = json.dumps(msgspec.to_builtins(known), indent=2)
        to_stdout = json_file == STDOUT
        for line in text.splitlines():
            click.echo(printable(line), err=to_stdout)
        if to_stdout:
            click.echo(document)
        elif json_file:
            Path(json_file).write_text(document)
    return 1 if known.found else 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Treat a polite kill as Ctrl-C, so that the round is noted."""
    raise KeyboardInterrupt


def _cases(state: Path) -> list[CaseResult]:
    return [case for folder in sorted((state / RUNS).glob("*")) for case in stored_cases(folder)]
