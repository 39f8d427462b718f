"""A run on the terminal: one line a case as it finishes, a live line below, the verdict at the end."""

from __future__ import annotations

import os
import shlex
import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from vexlab.model.case import NOT_BEGUN, CaseResult, RunInfo, RunResult
from vexlab.model.event import (
    CaseFinished,
    CaseStarted,
    Event,
    ProfileKnown,
    RunFinished,
    RunPlanned,
    RunStarted,
    StepStarted,
    Warned,
)
from vexlab.model.problem import Problem
from vexlab.model.profile import Profile, summary
from vexlab.model.verdict import Verdict
from vexlab.report.content import Content, Tone, headline
from vexlab.report.matrix import verdict_table

_STYLE = {
    Verdict.PASSED: ("green", "passed"),
    Verdict.FAILED: ("red", "FAILED"),
    Verdict.CRASHED: ("bold red", "CRASHED"),
    Verdict.SKIPPED: ("yellow", "skipped"),
    Verdict.BLOCKED: ("yellow", "blocked"),
    Verdict.ERROR: ("magenta", "ERROR"),
    Verdict.UNDECIDED: ("magenta", "undecided"),
}
_TONE = {Tone.RED: "red", Tone.LAB: "magenta", Tone.BLOCKED: "yellow", Tone.GREEN: "green"}
_EXCUSED = "yellow"  # what a failure is shown in that only known issues explain
_REASON_MOST = 300
_KERNEL = ("kernel: ", "the kernel said: ")
_UNDECIDED_MOST = 30
_PROBLEMS_MOST = 40
_BLOCKED_MOST = 3
_TITLE_MOST = 200


class Progress:
    """Writes to standard error; without a terminal (or in CI) plain lines and no live one."""

    def __init__(self, *, plain: bool = False, verdict_to_stdout: bool = True) -> None:
        self.console = Console(stderr=True, highlight=False, no_color=plain or None, soft_wrap=True)
        self._plain = plain
        self._to_stdout = verdict_to_stdout
        self._status: Status | None = None
        self._live = self.console.is_terminal and not plain
        self._running: dict[str, float] = {}
        self._done = 0
        self._places = 1
        self.total = 0

    def __enter__(self) -> Self:
        if self._live:
            self._status = self.console.status("starting")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()

    def take(self, event: Event) -> None:
        """Show what happens."""
        match event:
            case StepStarted():
                self.say(event.words)
            case Warned():
                self.console.print(event.words, markup=False, style="red" if event.red else "yellow")
            case RunStarted():
                self.begin(event.run)
            case ProfileKnown():
                self.profile(event.profile)
            case RunPlanned():
                self.total = len(event.plan.cases)
            case CaseStarted():
                self.started(event.node)
            case CaseFinished():
                self.finished(event.case)
            case RunFinished():
                self.end(event.result, event.seconds, event.folder)

    def say(self, text: str) -> None:
        """Say what is being done before cases run."""
        if self._status:
            self._status.update(escape(text))
        else:
            self.console.print(escape(text), style="dim")

    def begin(self, run: RunInfo) -> None:
        """Print the head line."""
        configurations = run.provenance.configurations
        self._places = len(run.kernels) * max(1, len(configurations))
        words = f"on kernel {', '.join(run.kernels)} ({run.accelerator})"
        if configurations:
            words += f", configuration {', '.join(configurations)}"
        self.console.print(f"[bold]{escape(run.target)}[/] {escape(words)}")

    def profile(self, profile: Profile) -> None:
        """Print in three lines what the target can do; of several kernels or configurations each line names its own."""
        of = f"{profile.place}: " if self._places > 1 else ""
        for line in summary(profile):
            self.console.print(escape(printable(f"  {of}{line}")))

    def started(self, node: str) -> None:
        """Show a case as running."""
        self._running[node] = time.monotonic()
        self._refresh()

    def finished(self, case: CaseResult) -> None:
        """Print a finished case."""
        self._running.pop(case.node, None)
        self._done += 1
        style, word = _STYLE[case.verdict]
        style = _EXCUSED if case.excused else style
        self.console.print(f"  [{style}]{word:8}[/] {escape(case.id):52} {case.duration_s:6.1f} s")
        if case.verdict is not Verdict.PASSED and case.reason:
            first, *more = case.reason.splitlines()
            for line in (first, *(line for line in more if line.startswith(_KERNEL))):
                self.console.print(f"           [{style}]{escape(printable(line[:_REASON_MOST]))}[/]")
        for known in dict.fromkeys(each.words for each in case.known):
            self.console.print(f"           known issue: {escape(printable(known))}", style="dim")
        self._refresh()

    def end(self, result: RunResult, seconds: float, evidence: str) -> None:
        """Print the verdict table of several domains, kernels or configurations, the sums, and where the evidence lies.

        The verdict goes to standard output, unless that carries the results themselves.
        """
        if self._status:
            self._status.stop()
        out = self.console
        if self._to_stdout:
            out = Console(highlight=False, no_color=self._plain or None, soft_wrap=True)
        try:
            self._print_end(out, result, seconds, evidence)
        except (
            BrokenPipeError,
            SystemExit,
        ):  # rich raises the second; nobody reads it any more; the exit status says the same
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _print_end(self, out: Console, result: RunResult, seconds: float, evidence: str) -> None:
        summary = result.summary
        if len({(case.domain, case.key.place) for case in result.cases}) > 1:
            out.print(verdict_table(result.cases))
        self._undecided(result)
        self._problems(out, result)
        counts = (
            (summary.passed, "passed", "green"),
            (summary.failed, "failed", "red"),
            (summary.crashed, "crashed", "bold red"),
            *([(summary.known, "of these known", _EXCUSED)] if summary.known else []),
            (summary.skipped, "skipped", "yellow"),
            (summary.errors, "errors", "magenta"),
            *([(summary.blocked, "blocked", "yellow")] if summary.blocked else []),
            *([(summary.undecided, "undecided", "magenta")] if summary.undecided else []),
        )
        parts = [f"[{style}]{count} {word}[/]" if count else f"[dim]0 {word}[/]" for count, word, style in counts]
        out.print(f"{' · '.join(parts)} in {seconds:.1f} s")
        if summary.stability is not None:
            out.print(f"stability: {summary.stability:g} of 100")
        out.print(f"verdict: {_word(result)}")
        out.print(f"evidence: {escape(evidence)}")

    def _problems(self, out: Console, result: RunResult) -> None:
        """Print what is wrong, one entry for each cause: its words, and what shows it again."""
        content = Content.of(result)
        problems = content.problems
        if not problems:
            return
        many = f"{len(problems)} distinct problems" if len(problems) > 1 else "1 distinct problem"
        out.print(f"[bold]{many}[/], the most harmful first:")
        for number, problem in enumerate(problems[:_PROBLEMS_MOST], 1):
            title = escape(printable(problem.title.partition("\n")[0][:_TITLE_MOST]))
            out.print(f"{number:3}. [{_EXCUSED if problem.known else 'red'}]{title}[/]")
            if problem.known:
                out.print(f"     known issue: {escape(printable(problem.known))}")
            out.print(f"     {escape(printable(_shown_by(problem)))}", style="dim")
            shown = content.shown_by(problem)
            if origin := content.errno_command(shown) if shown else "":
                out.print(f"     where the error came from: {escape(printable(origin))}", style="dim")
        if len(problems) > _PROBLEMS_MOST:
            out.print(f"     and {len(problems) - _PROBLEMS_MOST} more, in result.json")

    def _undecided(self, result: RunResult) -> None:
        """Name the cases that began and did not come to their end; the others are counted."""
        undecided = [case for case in result.cases if case.verdict is Verdict.UNDECIDED]
        cases = [case for case in undecided if not case.reason.startswith(NOT_BEGUN)]
        if rest := len(undecided) - len(cases):
            self.console.print(f"  [magenta]undecided[/] {rest} cases were not begun")
        for case in cases[:_UNDECIDED_MOST]:
            self.console.print(
                f"  [magenta]undecided[/] {escape(printable(case.id))}: {escape(printable(case.reason))}"
            )
        if len(cases) > _UNDECIDED_MOST:
            self.console.print(f"  [magenta]undecided[/] and {len(cases) - _UNDECIDED_MOST} more")

    def _refresh(self) -> None:
        if self._status:
            total = f"/{self.total}" if self.total else ""
            running = ", ".join(node.rpartition("::")[2] for node in self._running)
            self._status.update(escape(f"{self._done}{total} done, running {running or 'nothing'}"))


def _shown_by(problem: Problem) -> str:
    """Return which cases show ``problem``, the shortest first, and how many it kept from running."""
    first, *more = problem.cases or ("no case",)
    words = f"{first} ({problem.seconds:.0f} s)" if problem.cases else first
    if more:
        words += f" and {len(more)} more"
    if problem.blocked:
        words += f"; blocks {len(problem.blocked)}: {', '.join(problem.blocked[:_BLOCKED_MOST])}"
        words += " …" if len(problem.blocked) > _BLOCKED_MOST else ""
    again = shlex.quote(f"{problem.evidence}/reproduce")  # the folder has the brackets of the case, which are a pattern
    return f"{words}; again: {again}" if problem.evidence else words


def _word(result: RunResult) -> str:
    head = headline(result)
    return f"[bold {_TONE[head.tone]}]{head.word}[/]: {head.words}"


def printable(text: str) -> str:
    """Return ``text`` with control characters made visible: what a guest printed must not drive the terminal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def is_ci() -> bool:
    """Whether nobody watches standard error."""
    return not sys.stderr.isatty()
