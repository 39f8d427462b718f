"""What to do next about a run: rules, each with what it rests on and the command that follows. Pure.

A rule says nothing where it has no data. To add one, write a function and a line in ``RULES``.
"""

from __future__ import annotations

import re
import shlex
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vexlab.model.case import NOT_BEGUN, CaseResult
from vexlab.model.compare import Change
from vexlab.model.flaky import Answer
from vexlab.model.metric import Metric
from vexlab.model.problem import Harm
from vexlab.model.profile import State
from vexlab.model.shift import FEWEST_BEFORE, outlying
from vexlab.model.verdict import Verdict
from vexlab.report.content import Content, one_line
from vexlab.tables import visible

MOST = 5
_MOST_OF_ONE = 2  # of one rule, so that others have room
_SLAB = "slab_bytes"
_GROWN = 0.1  # by which part of the median of earlier runs
_BY_CHANCE = 0.01
_MOUNTS = ("mount_low_ratio", "unmount_low_ratio")
# vexfs-teaching does not describe its format (`fields` in target.toml)
_UNDECLARED = re.compile(r"\(`[^`]+` in target\.toml\)")
_SLOW = 2.0  # times the reference filesystem's, at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One recommendation: what is the matter, in ``evidence`` the figures it rests on, and the command for it."""

    rule: str
    words: str
    evidence: str
    command: str

    def __str__(self) -> str:
        """Say it in one line, without the command."""
        return f"{self.words}: {self.evidence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule by its name; what it finds comes with a weight, by which its own are ranked."""

    name: str
    find: Callable[[Content], Iterator[tuple[float, Advice]]]


def advice(content: Content) -> tuple[Advice, ...]:
    """Return at most five recommendations, those of earlier rules first."""
    found: list[Advice] = []
    for rule in RULES:
        ranked = sorted(rule.find(content), key=lambda each: (-each[0], each[1].words))
        commands = {each.command for each in found}
        found += [each for _, each in ranked if each.command not in commands][:_MOST_OF_ONE]
    return tuple(found[:MOST])


def _newly_failing(content: Content) -> Iterator[tuple[float, Advice]]:
    """A case or a check that passed in the run before, with the same code."""
    changed = content.changed
    for each in changed.cases + changed.checks if changed else ():
        if each.change is Change.NEWLY_FAILING and not each.known:
            name = f"{each.case} {each.check}".rstrip()
            evidence = f"{each.before} in {changed.before.id}, {each.after} now" if changed else ""
            command = _command("explain", f"{content.result.run.id}/{each.case}", "--target", content.given)
            yield (0.0 if each.check else 1.0), _said("newly failing", f"{name} fails newly", evidence, command)


def _flaky(content: Content) -> Iterator[tuple[float, Advice]]:
    """A case that both passed and failed at this revision, or whose failure may be chance."""
    for each in content.judgements:
        if not each.revision or each.revision != content.result.run.provenance.revision or not each.now.failed:
            continue
        name = str(each.key)
        if each.now.is_flaky:
            command = _command("explain", f"{content.result.run.id}/{name}", "--target", content.given)
            words = f"{name} is flaky"
        elif each.answer is Answer.OPEN and each.reruns:
            case = content.case(name)
            if case is None:
                continue
            command = f"{content.command(case)} --until-sure"
            words = f"it is open whether {name} is a regression"
        else:
            continue
        before = f", {each.before.failed} of {each.before.runs} failed at revisions before" if each.before.runs else ""
        yield each.probability, _said("flaky", words, f"{each.now} at this revision{before}", command)


def _slab(content: Content) -> Iterator[tuple[float, Advice]]:
    """A leak, or memory in the kernel's slab caches that is surely more than in the runs before."""
    for problem in content.problems:
        if problem.harm is Harm.LEAK and (shown := content.shown_by(problem)) and not problem.known:
            command = _command("explain", f"{content.result.run.id}/{shown.id}", "--target", content.given)
            yield 1e6, _said("growing slab", f"{shown.id} leaks memory", problem.title.partition("\n")[0], command)
    for case, metric in content.metrics:
        if not metric.name.endswith(_SLAB):
            continue
        before = [run.values[case.id, metric.name] for run in content.earlier if (case.id, metric.name) in run.values]
        if case.verdict is not Verdict.PASSED or len(before) < FEWEST_BEFORE:
            continue
        middle = statistics.median(before)
        grown = (metric.value - middle) / middle if middle > 0 else 0.0
        p = outlying(before, metric.value)
        if grown >= _GROWN and metric.value > max(before) and p is not None and p <= _BY_CHANCE:
            evidence = (
                f"{_value(metric, metric.value)}, {100 * grown:+.0f} % against the median of {len(before)} runs before "
                f"(p = {p:.1g})"
            )
            words = f"the slab grows: {metric.name} of {case.id}"
            yield grown, _said("growing slab", words, evidence, _command("trend", metric.name, "--period", "90d"))


def _value(metric: Metric, value: float) -> str:
    return f"{value:g} {metric.unit}".rstrip()


def _slow_mount(content: Content) -> Iterator[tuple[float, Advice]]:
    """A mount or unmount that surely takes a multiple of the reference filesystem's time."""
    for case, metric in content.metrics:
        if metric.name in _MOUNTS and metric.value >= _SLOW:
            what = metric.name.removesuffix("_low_ratio")
            middle = case.metric(f"{what}_ratio")
            seconds, reference = case.metric(f"{what}_s"), case.metric(f"{what}_reference_s")
            evidence = f"at least {metric.value:.1f} times the reference filesystem's time"
            if middle is not None:
                evidence += f", {middle:.1f} times in the median"
            if seconds is not None and reference is not None:
                evidence += f" ({1000 * seconds:.0f} ms, {1000 * reference:.0f} ms)"
            words = f"{what} is slow on {case.key.place or 'the kernel'}"
            yield metric.value, _said("slow mount", words, evidence, content.command(case))


def _untested(content: Content) -> Iterator[tuple[float, Advice]]:
    """Operations that the run says nothing about: not probed, not begun, or not described in target.toml."""
    for profile in content.profiles:
        states = {each.name: profile.behind(each.name) for each in profile.capabilities}
        names = [name for name, behind in states.items() if behind.state is State.UNKNOWN]
        if names:
            shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
            words = f"{len(names)} of {len(states)} capabilities could not be tried on {profile.place}"
            evidence = f"{shown} ({states[names[0]].detail or 'no reason given'})"
            command = _command("probe", "--target", content.given, "--kernel", profile.kernel)
            yield 1.0 + len(names) / 1000, _said("untested", words, evidence, command)
    run = content.result.run
    rest = [each for each in content.cases if each.verdict is Verdict.UNDECIDED and each.reason.startswith(NOT_BEGUN)]
    if rest:
        command = _command("run", "--target", content.given, "--resume", run.id)
        words = f"{len(rest)} of {len(content.cases)} cases were not begun"
        yield 2.0, _said("untested", words, rest[0].reason, command)
    lacking: dict[str, list[CaseResult]] = {}
    for case in content.cases:
        reason = case.reason.partition("\n")[0]
        if case.verdict is Verdict.SKIPPED and _UNDECLARED.search(reason):
            lacking.setdefault(reason, []).append(case)
    for reason, cases in lacking.items():
        words = f"{len(cases)} case{'s' * (len(cases) != 1)} could run, were it in target.toml"
        yield len(cases) / 10_000, _said("untested", words, reason, content.command(cases[0]))


def _said(rule: str, words: str, evidence: str, command: str) -> Advice:
    return Advice(rule=rule, words=one_line(words), evidence=one_line(evidence), command=command)


def _command(*words: str) -> str:
    return visible(shlex.join(["vexlab", *words]))


# The earlier a rule stands, the more pressing is what it finds.
RULES = (
    Rule(name="newly failing", find=_newly_failing),
    Rule(name="growing slab", find=_slab),
    Rule(name="flaky", find=_flaky),
    Rule(name="slow mount", find=_slow_mount),
    Rule(name="untested", find=_untested),
)
