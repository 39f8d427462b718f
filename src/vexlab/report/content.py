"""What a report says of a run, whatever its format: every renderer takes a ``Content`` and counts nothing itself. Pure.

Guest text is hostile. ``bounded`` and ``excerpt`` make of it what can be shown: short, without control characters and
without characters that turn the direction of a line. Escaping for its own syntax is each renderer's part.
"""

from __future__ import annotations

import errno
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vexlab.model.case import CaseResult, RunInfo, RunResult, RunState
from vexlab.model.compare import Comparison
from vexlab.model.earlier import Earlier
from vexlab.model.flaky import Judgement
from vexlab.model.inputs import Asked
from vexlab.model.machine import errno_name
from vexlab.model.metric import Metric
from vexlab.model.problem import Harm, Problem, distinct
from vexlab.model.profile import Profile
from vexlab.model.provenance import UsedImage
from vexlab.model.trace import KERNEL_ERRORS
from vexlab.model.verdict import NOT_COUNTED, Finding, Verdict
from vexlab.report.traces import NO_TRACES, Traces
from vexlab.tables import visible

WORDS_MOST = 2_000  # characters of a reason or of a check's words
TITLE_MOST = 200
# mkdir: cannot create directory '/mnt/test/d': File exists (EEXIST, exit status 1, mkdir /mnt/test/d)
_ERRNO = re.compile(r"\bE[A-Z0-9]{2,14}\b")
# ln: failed to create hard link '/mnt/test/b': Unknown error 524
_UNKNOWN = re.compile(r"\b(?:Unknown error|errno) (\d{3})\b")
LINES_MOST = 60
LINE_MOST = 400

HARM_WORDS: Mapping[Harm, str] = {
    Harm.CRASH: "crash",
    Harm.HANG: "hang",
    Harm.DATA: "data",
    Harm.WARNING: "kernel warning",
    Harm.LEAK: "leak",
    Harm.WRONG: "wrong",
}


class Tone(StrEnum):
    """How a run ended, as a colour would say it."""

    RED = "red"
    LAB = "lab"  # nothing is said about the module
    BLOCKED = "blocked"
    GREEN = "green"


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The verdict of a run: ``word`` in capitals and the sentence after it."""

    word: str
    words: str
    tone: Tone

    def __str__(self) -> str:
        """Return both in one line."""
        return f"{self.word}: {self.words}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of an excerpt; ``blamed`` where the function that is blamed stands in it."""

    text: str
    blamed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """The lines of a finding that can be shown; ``left_out`` counts the others."""

    title: str
    frame: str
    lines: tuple[Line, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A line of the environment."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What a store, and a run's evidence, say of its cases: see ``Content``."""

    judgements: tuple[Judgement, ...] = ()
    changed: Comparison | None = None
    asked: tuple[Asked, ...] = ()
    traces: Traces = NO_TRACES


NO_PAST = Past()


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A run, its problems, what the target can do on each kernel, in each configuration, and the runs before.

    ``judgements`` are of its cases that both pass and fail, or began to; ``changed`` is what changed since the run
    before of the same target; ``asked`` is what its workloads asked of the filesystem, where that was counted, and
    ``traces`` what was traced. All are empty where nobody looked into a store.
    """

    result: RunResult
    problems: tuple[Problem, ...]
    profiles: tuple[Profile, ...] = ()
    earlier: tuple[Earlier, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    changed: Comparison | None = None
    asked: tuple[Asked, ...] = ()
    traces: Traces = NO_TRACES

    @classmethod
    def of(
        cls, result: RunResult, profiles: Sequence[Profile] = (), earlier: Sequence[Earlier] = (), past: Past = NO_PAST
    ) -> Content:
        """Return the content of a run's reports; the runs of ``earlier`` come oldest first."""
        return cls(
            result=result,
            problems=distinct(result.cases),
            profiles=tuple(profiles),
            earlier=tuple(earlier),
            judgements=past.judgements,
            changed=past.changed,
            asked=past.asked,
            traces=past.traces,
        )

    @property
    def flaky(self) -> tuple[Judgement, ...]:
        """The cases that both passed and failed at the run's revision, where that is known."""
        revision = self.result.run.provenance.revision
        return tuple(each for each in self.judgements if revision and each.now.is_flaky and each.revision == revision)

    @property
    def cases(self) -> tuple[CaseResult, ...]:
        """The run's cases."""
        return self.result.cases

    @property
    def counts(self) -> Mapping[Verdict, int]:
        """How many cases have each verdict."""
        summary = self.result.summary
        return {
            Verdict.PASSED: summary.passed,
            Verdict.FAILED: summary.failed,
            Verdict.CRASHED: summary.crashed,
            Verdict.SKIPPED: summary.skipped,
            Verdict.BLOCKED: summary.blocked,
            Verdict.ERROR: summary.errors,
            Verdict.UNDECIDED: summary.undecided,
        }

    @property
    def headline(self) -> Headline:
        """The verdict."""
        return headline(self.result)

    @property
    def metrics(self) -> tuple[tuple[CaseResult, Metric], ...]:
        """Every metric with its case."""
        return tuple((case, metric) for case in self.cases for metric in case.metrics)

    def case(self, name: str) -> CaseResult | None:
        """Return the case of an id."""
        return next((case for case in self.cases if case.id == name), None)

    def shown_by(self, problem: Problem) -> CaseResult | None:
        """Return the shortest case that shows a problem; ``None`` where this run has none."""
        return self.case(problem.cases[0]) if problem.cases else None

    def finding(self, problem: Problem) -> Finding | None:
        """Return what the kernel said of a problem, ``None`` where it said nothing."""
        case = self.shown_by(problem)
        findings = case.findings if case else ()
        own = (each for each in findings if problem.key == f"finding:{each.fingerprint or each.title}")
        return next(own, findings[0] if findings else None)

    @property
    def given(self) -> str:
        """What ``--target`` takes to name the run's target again."""
        run = self.result.run
        return run.provenance.given or run.target

    def errno_command(self, case: CaseResult) -> str:
        """Return the command that says where the error came from in which a case ended; empty where it is none."""
        if not errno_of(case):
            return ""
        argv = ["vexlab", "trace", "--target", self.given, "--errno", f"{self.result.run.id}/{case.id}"]
        return visible(shlex.join(argv))

    def command(self, case: CaseResult) -> str:
        """Return the command that runs a case again in any checkout; what it depends on is not checked."""
        argv = ["vexlab", "run", "--target", self.given]
        argv += ["--kernel", case.kernel] if case.kernel else []
        argv += ["--configuration", case.key.configuration] if case.key.configuration else []
        return visible(shlex.join([*argv, "--case", case.id]))


def errno_of(case: CaseResult) -> str:
    """Return the name of the error that a failed case ended in, such as ``EEXIST``; empty where it ended in none.

    Reasons tell an error by name, in parentheses behind what a command said, or by strerror(3)'s words alone.
    """
    if case.verdict not in (Verdict.FAILED, Verdict.CRASHED):
        return ""
    known = {*errno.errorcode.values(), *KERNEL_ERRORS}
    own = {str(number): name for name, number in KERNEL_ERRORS.items()}
    named = [word for word in _ERRNO.findall(case.reason) if word in known]
    named += [own[number] for number in _UNKNOWN.findall(case.reason) if number in own]
    return named[-1] if named else errno_name(case.reason)


def reproduce(evidence: str) -> str:
    """Return the command that runs a case again with the very module, kernel and seed of the run."""
    return visible(shlex.join([f"{evidence}/reproduce"])) if evidence else ""


def headline(result: RunResult) -> Headline:
    """Return the verdict of a run, the same in every report."""
    summary = result.summary
    of = f"{summary.undecided} of {len(result.cases)} cases did not come to their end"
    if summary.exit_code == 1:
        more = f"; {of}" if summary.undecided else ""
        return Headline(word="FAILED", words=f"the module is at fault{more}", tone=Tone.RED)
    if result.run.state is not RunState.INTERRUPTED and result.exit_code == 1:
        words = f"{len(result.stale)} known issues no longer hold, and the run is strict about it"
        return Headline(word="FAILED", words=words, tone=Tone.RED)
    if result.run.state is RunState.INTERRUPTED:
        why = of if result.cases else "before it was known which cases to run"
        return Headline(word="INTERRUPTED", words=why, tone=Tone.LAB)
    if summary.exit_code == 3:
        why = of if summary.undecided else "the lab or a case itself failed"
        return Headline(word="UNDECIDED", words=f"{why}, nothing is said about the module", tone=Tone.LAB)
    if summary.blocked:
        words = "cases could not run for a problem that this run does not show"
        return Headline(word="BLOCKED", words=words, tone=Tone.BLOCKED)
    if summary.exit_code == 4:
        return Headline(word="NOTHING RAN", words="that is no pass", tone=Tone.BLOCKED)
    return Headline(word="PASSED", words=_passed(result), tone=Tone.GREEN)


def _passed(result: RunResult) -> str:
    if result.summary.known:
        known = result.summary.known
        return f"nothing was found but known issues, in {f'{known} cases' if known > 1 else 'one case'}"
    if tolerated := sum(case.reason.startswith(NOT_COUNTED) for case in result.cases):
        return f"nothing was found but by {tolerated} with crafted images, which are not counted"
    passed = [case for case in result.cases if case.verdict is Verdict.PASSED]
    ran = sum(case.machines is None or case.machines > 0 for case in passed)
    if not ran:
        return "nothing was found, but only by cases that use no machine: of the module at work nothing is said"
    return f"nothing was found by the {f'{ran} cases' if ran > 1 else 'one case'} that ran in a real kernel"


def known_words(case: CaseResult) -> str:
    """Return the known issues that alone explain a failed case; nothing where something else went wrong, too."""
    return "; ".join(dict.fromkeys(each.words for each in case.known)) if case.excused else ""


def state_of(info: RunInfo) -> str:
    """Return how a run ended in a word; one that was killed is unfinished."""
    return info.state.value if info.finished else "unfinished"


def environment(info: RunInfo) -> tuple[Fact, ...]:
    """Return what was tested, with what and where; nothing of what was not noted."""
    origin = info.provenance
    host = origin.host
    facts = [
        Fact(name="target", value=info.target),
        Fact(name="revision", value=origin.revision),
        *(
            Fact(
                name=f"kernel {kernel.name}",
                value=f"{kernel.flavour} {kernel.release}, {kernel.version}"
                + (f", module {kernel.module[:16]}" if kernel.module else "")
                + f", {kernel.accelerator}",
            )
            for kernel in origin.kernels
        ),
        *(_of_image(kernel.image) for kernel in origin.kernels if kernel.image),
        Fact(name="configurations", value=", ".join(origin.configurations)),
        Fact(name="started", value=info.started),
        Fact(name="finished", value=info.finished),
        Fact(name="environment", value=info.environment),
        Fact(name="vexlab", value=origin.vexlab),
        Fact(name="QEMU", value=origin.qemu),
        Fact(name="host", value=f"{host.cores} cores, {host.memory} MiB, {host.cpu}" if host.cores else ""),
        Fact(name="host name", value=host.name),
        Fact(name="seed", value="" if origin.seed is None else str(origin.seed)),
    ]
    return tuple(fact for fact in facts if fact.value)


_PROGRAMS_SHOWN = 12


def _of_image(image: UsedImage) -> Fact:
    """Return a line about a user's image: its digest, what evidence there is none of, which programs are vexlab's."""
    words = [f"SHA-256 {image.digest}"]
    if image.lacks:
        words.append(f"no evidence by: {', '.join(image.lacks)}")
    if image.supplied:
        more = "" if len(image.supplied) <= _PROGRAMS_SHOWN else f" and {len(image.supplied) - _PROGRAMS_SHOWN} more"
        words.append(f"programs of vexlab's: {', '.join(image.supplied[:_PROGRAMS_SHOWN])}{more}")
    return Fact(name=f"image {image.name}", value="; ".join(words))


def bounded(text: str, most: int = WORDS_MOST) -> str:
    """Return at most ``most`` characters of ``text`` as what can be shown; lines and tabs stay."""
    cut = len(text) > most
    return visible(text[:most]) + (" …" if cut else "")


def one_line(text: str, most: int = TITLE_MOST) -> str:
    """Return ``bounded`` text in one line."""
    return " ".join(bounded(text[: most + 1], most).split())


def excerpt(finding: Finding, lines_most: int = LINES_MOST) -> Excerpt:
    """Return a finding's lines for people: the first ones, and those of the blamed function behind them."""
    # a call of a function in a trace: " vexfs_lookup+0x1a/0x2b [vexfs]"
    blamed = re.compile(rf"(?<![\w.]){re.escape(finding.frame)}(?![\w.])") if finding.frame else None
    text = finding.text[: 4 * LINE_MOST * LINES_MOST]
    every = text.splitlines()
    lines = [Line(text=bounded(line, LINE_MOST), blamed=bool(blamed and blamed.search(line))) for line in every]
    kept = lines[:lines_most]
    if not any(line.blamed for line in kept):
        kept += [line for line in lines[lines_most:] if line.blamed][:3]
    left_out = len(lines) - len(kept) + finding.text[len(text) :].count("\n")
    return Excerpt(title=one_line(finding.title), frame=finding.frame, lines=tuple(kept), left_out=left_out)
