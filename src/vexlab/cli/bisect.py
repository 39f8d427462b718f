"""``vexlab bisect``: which commit of a target brought a problem."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click

from vexlab import process
from vexlab.bisect.bisection import Answer, Bisection
from vexlab.bisect.history import History
from vexlab.cli.options import request_of, request_options
from vexlab.config import settings_for
from vexlab.errors import InfraError, UsageError
from vexlab.model.case import CaseResult
from vexlab.model.request import Request, command_line
from vexlab.report.terminal import printable
from vexlab.results.store import Store
from vexlab.targets.load import find_target

_LONGEST_S = 12 * 3600.0
_REPEATS = "repeats_count"
_BUILD = "kernel_module.build"
_KEEP = 1 << 16


@click.command(name="bisect")
@click.argument("paths", nargs=-1, type=click.Path(exists=True))
@request_options("target", "kernels", "cases", "config", "accel", "memory", "cpus", "sandbox", "build_args", "seed")
@click.option("--good", required=True, metavar="REV", help="A revision without the problem, older than --bad.")
@click.option("--bad", default="HEAD", show_default=True, metavar="REV", help="A revision with the problem.")
@click.option("--problem", default="", metavar="KEY", help="Only this problem: a key of `vexlab problems --json`.")
@click.option("--confidence", type=click.FloatRange(0.5, 0.9999), default=0.95, show_default=True, metavar="P",
              help="How sure the answer is to be.")  # fmt: skip
@click.option(
    "--state", type=click.Path(file_okay=False, path_type=Path), help="Folder that a second start goes on from."
)
def command(*, good: str, bad: str, problem: str, confidence: float, state: Path | None, **given: object) -> int:
    """Find the commit of the target's git history that brought a problem, and prove it.

    Each step builds a revision and runs the case in fresh machines as often as the problem's rate asks. It is the
    problem that is looked for, not any red; what does not build is skipped. Exit status: 0 one commit is proved,
    1 inconclusive (suspects are named), 2 the two revisions do not differ as said.
    """
    request = request_of(given)
    if len(request.cases) != 1:
        raise UsageError("one case is bisected", hint="--case with the id of one that shows the problem")
    settings = settings_for(request)
    target = find_target(request.target, build_args=request.build_args)
    name = hashlib.sha256(f"{target.file}{good}{bad}{request.cases}{problem}".encode()).hexdigest()[:12]
    folder = (state or Path(settings.results.folder).absolute() / f"bisect-{name}").absolute()
    request = replace(request, kernels=settings.kernels[:1], probe=False, first_failure=True)
    bisection = Bisection(
        History(target, folder), CaseRuns(request, folder), folder,
        case=request.cases[0], good=good, bad=bad, problem=problem, confidence=confidence, say=_say,
    )  # fmt: skip
    answer = bisection.find()
    return _print(answer, History(target, folder))


class CaseRuns:
    """Runs the case by ``vexlab run``, in a process of its own with a results folder of its own.

    What an earlier run left can so never be taken for this one's. ``folder`` keeps them all.
    """

    def __init__(self, request: Request, folder: Path) -> None:
        self._request, self._folder = request, folder / "runs"

    def __call__(self, target: Path, most: int) -> tuple[CaseResult | None, int]:
        """Run it until it does not pass; ``None`` where the module does not build.

        Raises ``InfraError`` where the run did not come to a result of the case.
        """
        stress = str(most) if most > 1 else ""
        asked = replace(self._request, target=str(target), stress=stress)
        self._folder.mkdir(parents=True, exist_ok=True)
        results = Path(tempfile.mkdtemp(prefix="run-", dir=self._folder))
        argv = [sys.executable, "-m", "vexlab", "run", *command_line(asked), "--results", str(results), "--ci"]
        done = process.run([process.require("setpriv"), "--pdeathsig", "TERM", *argv], timeout=_LONGEST_S, keep=_KEEP)
        if done.returncode == UsageError.exit_code:
            return None, 0  # this revision's source is not what the description says
        with closing(Store(results)) as store:
            runs = store.runs()
        cases = runs[0].cases if runs else ()
        if any(f"{case.key.domain}.{case.key.name}" == _BUILD and case.id not in asked.cases for case in cases):
            return None, 0
        if len(cases) != 1:
            words = done.error_text.strip()[-300:]
            raise InfraError(f"the run (status {done.returncode}) has {len(cases)} results, not one: {words}")
        return cases[0], int(cases[0].metric(_REPEATS) or 1)


def _say(words: str) -> None:
    click.echo(printable(words), err=True)


def _print(answer: Answer, history: History) -> int:
    found = answer.culprit
    click.echo(f"problem: {printable(answer.title)}")
    if not found.found:
        click.echo(f"inconclusive: one of {len(found.suspects)} commits, as those between could not be looked at")
        for revision in found.suspects:
            click.echo(f"  {printable(history.subject(revision))}")
        return 1
    click.echo(f"culprit: {printable(history.subject(found.found))}")
    for sentence in answer.proof:
        click.echo(f"  {printable(sentence)}")
    word = "proved" if answer.proved else "not proved"
    click.echo(f"{word}; confidence {answer.confidence:.1%} with {answer.runs} runs for each good revision")
    return 0 if answer.proved else 1
