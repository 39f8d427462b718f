"""What ``fsprobe`` says of each capability, on the console as well, where it is kept when the machine dies. Pure.

Its lines come from a machine under test: one that cannot be read is left out, and its capability then has no answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from vexlab.classify import classify
from vexlab.model.capabilities import CAPABILITIES
from vexlab.model.profile import Capability, State
from vexlab.model.report import Report, Severity

# [   12.345678] fsprobe: {"begin":"symlink"}      {"name":"name_max","state":"works","limit":255,"ms":3.3}
_LINE = re.compile(r"(?:^|\] fsprobe: )(\{.*\})\s*$")
_WORST = (Severity.WARNING, Severity.CRASH, Severity.FATAL)
_MOST = 400  # characters of a detail

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A line of ``fsprobe run``; ``silent`` tells of a call that says it succeeded and did nothing.

    ``deadly`` tells that the probe hung, or that the kernel killed it.
    """

    name: str
    state: State
    limit: int | None = None
    at_least: bool = False
    errno: str = ""
    silent: bool = False
    deadly: bool = False
    detail: str = ""
    trigger: str = ""
    ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begin:
    begin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What was read: ``answers`` by name, which probe began and has no answer (``""`` for none), what the kernel said.

    ``findings`` are the kernel's reports by the probe in which they came.
    """

    answers: dict[str, Answer]
    unanswered: str
    findings: dict[str, Report]


def read_lines(console: str, *, module: str) -> Said:
    """Read the console of a machine in which ``fsprobe`` ran with ``--announce``."""
    answers: dict[str, Answer] = {}
    began: list[tuple[int, str]] = []
    for number, line in enumerate(console.split("\n"), 1):
        match = _LINE.search(line)
        begin = _decode(match[1], _Begin) if match else None
        answer = _decode(match[1], Answer) if match else None
        if begin and begin.begin in CAPABILITIES:
            began.append((number, begin.begin))
        elif answer and answer.name in CAPABILITIES:
            answers[answer.name] = answer
    last = began[-1][1] if began else ""
    findings: dict[str, Report] = {}
    for report in reports(console, module=module):
        name = _probe_at(began, report.first_line)
        if name and (name not in findings or _rank(report) > _rank(findings[name])):
            findings[name] = report
    return Said(answers=answers, unanswered="" if last in answers else last, findings=findings)


def merged(said: Said, printed: str) -> Said:
    """Return what a console says, and what the program itself ``printed``: a console may lag behind a moment."""
    more = read_lines(printed, module="").answers
    answers = {**more, **said.answers}
    return replace(said, answers=answers, unanswered="" if said.unanswered in answers else said.unanswered)


def reports(console: str, *, module: str) -> tuple[Report, ...]:
    """Return what the kernel complained of, in order."""
    return tuple(each for each in classify(console, target_modules=(module,)) if not each.suppressed)


def worst(found: Iterable[Report]) -> Report | None:
    """Return the first of the gravest reports, ``None`` where there are none."""
    return max(found, key=_rank, default=None)


def capability_of(answer: Answer) -> Capability:
    """Return what an answer means: an error that POSIX or the man page does not allow for a refusal is a wrong one."""
    allowed = not answer.silent and (not answer.errno or answer.errno in CAPABILITIES[answer.name].errnos)
    capability = Capability(
        name=answer.name,
        state=answer.state,
        limit=answer.limit,
        at_least=answer.at_least,
        errno=answer.errno,
        allowed=allowed,
        deadly=answer.deadly,
        detail=_printable(answer.detail),
        trigger=_printable(answer.trigger),
    )
    if answer.state is State.REFUSED and not allowed and not answer.silent:
        expected = " or ".join(CAPABILITIES[answer.name].errnos) or "success"
        wrong = f"wrong errno: expected {expected}, got {answer.errno}"
        detail = f"{wrong}; {capability.detail}" if capability.detail else wrong
        return replace(capability, state=State.BROKEN, detail=detail)
    return capability


def blamed(capability: Capability, report: Report) -> Capability:
    """Return ``capability`` as one in whose probe the kernel complained."""
    return replace(
        capability,
        state=State.BROKEN,
        errno="",
        deadly=capability.deadly or report.severity is not Severity.WARNING,
        detail=capability.detail if capability.state is State.BROKEN else "the kernel complained while it was asked",
        finding=report.title,
    )


def _probe_at(began: list[tuple[int, str]], line: int) -> str:
    return next((name for number, name in reversed(began) if number < line), "")


def _rank(report: Report) -> int:
    return _WORST.index(report.severity)


def _decode(text: str, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeError):
        return None


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())[:_MOST]
