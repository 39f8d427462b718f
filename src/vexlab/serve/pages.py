"""The pages: what each asks of the store, and which template shows it."""

from __future__ import annotations

import datetime
import itertools
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from vexlab.errors import UsageError
from vexlab.live.attach import running_runs
from vexlab.model.case import CaseResult, RunInfo, RunResult, Summary
from vexlab.model.compare import compare
from vexlab.model.subresult import SubVerdict
from vexlab.model.trend import Trend
from vexlab.model.verdict import Verdict
from vexlab.report.compare import render_comparison
from vexlab.report.content import HARM_WORDS, Content, environment, excerpt, state_of
from vexlab.report.trend import render_trends
from vexlab.results.trend import trends_of
from vexlab.serve.artifacts import artifacts
from vexlab.serve.data import COMMIT_RUNS, TREND_RUNS, Data, RunSums
from vexlab.serve.overview import rows_of
from vexlab.serve.render import page
from vexlab.vm.console import printable

WORDS = {"red": "FAILED", "green": "PASSED", "lab": "UNDECIDED", "blocked": "NOTHING RAN", "running": "RUNNING"}
_PAGE = 200
_CHECKS_MOST = 500
_FINDINGS_MOST = 10
_CONSOLE_MOST = 16 << 10
_DAY_S = 86_400.0
_COMPARED_MOST = 5_000  # cases of a run that may be compared in a page


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A revision of a target: its newest run, and how many there are."""

    target: str
    revision: str
    last: RunSums
    runs: int


class Pages:
    """Each method answers one address; they run in threads."""

    def __init__(self, data: Data) -> None:
        self._data = data

    def overview(self, _request: Request) -> Response:
        """Show each target on each kernel at each level."""
        data = self._data
        targets = []
        for target in data.targets():
            sums = data.sums(data.runs(target=target, most=TREND_RUNS))
            targets.append((target, rows_of(target, sums, data.problem_keys)))
        return page("overview.html", here="/", targets=targets, running=running_runs(data.store), words=WORDS)

    def runs(self, request: Request) -> Response:
        """List runs."""
        asked = request.query_params
        target, revision = asked.get("target", ""), asked.get("revision", "")
        found = self._data.runs(target=target, revision=revision, before=asked.get("before", ""))
        older = {"target": target, "revision": revision, "before": found[-1].started} if len(found) == 50 else None
        heading = f"Runs of revision {revision}" if revision else "Runs"
        return page("runs.html", here="/runs", heading=heading, sums=self._data.sums(found), older=older, words=WORDS)

    def commits(self, request: Request) -> Response:
        """List revisions with what the newest run of each came to."""
        runs = self._data.runs(target=request.query_params.get("target", ""), most=COMMIT_RUNS)
        grouped: dict[tuple[str, str], list[int]] = {}
        for number, run in enumerate(runs):
            if run.provenance.revision:
                grouped.setdefault((run.target, run.provenance.revision), []).append(number)
        newest = self._data.sums([runs[numbers[0]] for numbers in grouped.values()])
        commits = [
            Commit(target=target, revision=revision, last=last, runs=len(numbers))
            for ((target, revision), numbers), last in zip(grouped.items(), newest, strict=True)
        ]
        return page("commits.html", here="/commits", commits=commits, words=WORDS)

    def run(self, request: Request) -> Response:
        """Show a run: its verdict, problems, cases and environment."""
        asked = request.query_params
        run = self._data.store.info(asked.get("id", "last"))
        (sums,) = self._data.sums([run])
        filters = {name: asked.get(name, "") for name in ("q", "verdict", "kernel")}
        start = _number(asked.get("start", "0"))
        cases = self._data.cases(
            run.id, verdict=filters["verdict"], kernel=filters["kernel"], words=filters["q"], start=start, most=_PAGE
        )
        more = {"id": run.id, **filters, "start": str(start + _PAGE)} if len(cases) == _PAGE else None
        return page(
            "run.html",
            here="/run",
            run=run,
            sums=sums,
            state=state_of(run),
            live=not run.finished and self._data.store.is_running(run.id),
            problems=self._data.problems(run.id),
            cases=cases,
            filters=filters,
            more=more,
            verdicts=[each.value for each in Verdict],
            environment=environment(run),
            harms=HARM_WORDS,
            words=WORDS,
        )

    def case(self, request: Request) -> Response:
        """Show a case with its evidence, and what it came to in other runs."""
        asked = request.query_params
        run = self._data.store.info(asked.get("run", ""))
        case = self._data.case(run.id, asked.get("id", ""))
        if case is None:
            raise UsageError("this run has no result of such a case", hint="it may not have ended yet")
        folder = self.evidence(run.id, case.evidence)
        return page(
            "case.html",
            here="/case",
            run=run,
            case=case,
            excerpts=[excerpt(each) for each in case.findings[:_FINDINGS_MOST]],
            checks=sorted(case.subresults, key=lambda each: each.verdict is not SubVerdict.FAILED)[:_CHECKS_MOST],
            artifacts=artifacts(folder) if folder else (),
            console=_tail(folder / "console.log") if folder else "",
            command=_command(run, case),
            origin=_origin(run, case),
            history=self._data.history(case.id, run.target),
        )

    def evidence(self, run: str, noted: str) -> Path | None:
        """Return the folder of a case's evidence, which must lie in the run's own; the name is all that is taken."""
        name = Path(noted).name
        if name in ("", ".."):
            return None
        cases = self._data.store.evidence(run) / "cases"
        folder = cases / name
        return folder if not cases.is_symlink() and not folder.is_symlink() and folder.is_dir() else None

    def problems(self, request: Request) -> Response:
        """List the problems of each target."""
        only = request.query_params.get("target", "")
        targets = [(each, self._data.problems_of(each)) for each in self._data.targets() if only in ("", each)]
        return page("problems.html", here="/problems", targets=targets, harms=HARM_WORDS)

    def problem(self, request: Request) -> Response:
        """Show a problem and every run that showed it."""
        target, key = request.query_params.get("target", ""), request.query_params.get("key", "")
        seen = self._data.sightings(target, key)
        if not seen:
            raise UsageError("no run of this target showed such a problem")
        ended = (run.id for run in self._data.runs(target=target, most=10) if run.finished)
        newest = next(ended, "")
        return page(
            "problem.html",
            here="/problem",
            target=target,
            problem=seen[0].problem,
            seen=seen,
            shown=seen[0].run == newest,
            harms=HARM_WORDS,
        )

    def trends(self, request: Request) -> Response:
        """Show how a case, a domain or a metric went over time."""
        asked = request.query_params
        what, target = asked.get("what", ""), asked.get("target", "")
        days = min(3650, max(1, _number(asked.get("days", "30"))))
        found: tuple[Trend, ...] = ()
        problem = ""
        if what:
            since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)
            try:
                found = trends_of(self._data.store, what, since=since, period_s=_DAY_S, target=target)[:20]
            except UsageError as error:
                problem = error.message
        lines = [{"line": each.line, "points": _points(each)} for each in found if len(each.periods) > 1]
        fields = (("what", "Case, domain or metric", what), ("target", "Target", target), ("days", "Days", str(days)))
        return page(
            "text.html",
            here="/trends",
            heading="Trends",
            fields=fields,
            problem=problem,
            trends=lines,
            text=printable(render_trends(found)) if found else "",
        )

    def compare(self, request: Request) -> Response:
        """Say what changed from one run to another."""
        asked = request.query_params
        before, after = asked.get("before", ""), asked.get("after", "")
        problem = text = ""
        if before and after:
            problem, text = self._compared(before, after)
        fields = (("before", "Run before", before), ("after", "Run after (or: last)", after))
        return page(
            "text.html", here="/compare", heading="Compare", fields=fields, problem=problem, trends=(), text=text
        )

    def _compared(self, before: str, after: str) -> tuple[str, str]:
        store = self._data.store
        try:
            infos = [store.info(before), store.info(after)]
        except UsageError as error:
            return error.message, ""
        if infos[0].target != infos[1].target:
            return "the runs are of different targets", ""
        if max(sum(each.counts.values()) for each in self._data.sums(infos)) > _COMPARED_MOST:
            return f"too many cases for a page: vexlab compare {infos[0].id} {infos[1].id}", ""
        first, second = (store.load(each.id) for each in infos)
        return "", printable(render_comparison(compare(first, second, least=0.1)))

    def search(self, request: Request) -> Response:
        """Find runs, cases and problems."""
        words = request.query_params.get("q", "")[:200]
        return page("search.html", here="/search", words_asked=words, found=self._data.search(words), words=WORDS)

    def live(self, request: Request) -> Response:
        """Show a run that goes on, the newest where none is named."""
        name = request.path_params.get("run", "")
        going = running_runs(self._data.store) if not name else ()
        if not name and not going:
            runs = self._data.sums(self._data.runs(most=10))
            return page("runs.html", here="/live", heading="No run goes on", sums=runs, older=None, words=WORDS)
        run = self._data.store.info(name) if name else going[0]
        return page("live.html", here="/live", run=run)


def _command(run: RunInfo, case: CaseResult) -> str:
    """Return the command that runs a case again, as the reports say it."""
    return Content.of(RunResult(run=run, summary=Summary(), cases=())).command(case)


def _origin(run: RunInfo, case: CaseResult) -> str:
    """Return the command that says where the error of a case came from, empty where it ended in none."""
    return Content.of(RunResult(run=run, summary=Summary(), cases=())).errno_command(case)


def _number(words: str) -> int:
    return int(words[:9]) if words[:9].isdecimal() and words.isascii() else 0


def _tail(file: Path) -> str:
    """Return the end of a console, as it may be shown; empty where there is none."""
    if file.is_symlink() or not file.is_file():
        return ""
    with file.open("rb") as log:
        log.seek(max(0, file.stat().st_size - _CONSOLE_MOST))
        return printable(log.read(_CONSOLE_MOST).decode(errors="replace"))


def _points(trend: Trend) -> str:
    """Return a trend's pass rates as the points of a line in a box of 600 by 120."""
    rates = [each.rate for each in trend.periods if each.rate is not None]
    step = 580 / max(1, len(rates) - 1)
    return " ".join(
        f"{10 + number * step:.1f},{10 + (1 - rate) * 100:.1f}" for number, rate in zip(itertools.count(), rates)
    )
