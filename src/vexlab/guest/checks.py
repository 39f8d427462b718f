"""What ``fscheck`` and ``fstree`` print inside the guest, read and judged. Pure: text in, values out.

The programs are the C sources in ``workloads/``. Their output comes from a machine under test and is hostile: a line
that cannot be read is kept as noise and spoils the run, it is never taken for a pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import msgspec

from vexlab.errors import MachineError
from vexlab.model.capabilities import CAPABILITIES
from vexlab.model.refusals import OPERATIONS
from vexlab.model.subresult import SubVerdict

T = TypeVar("T")
_MOST_NOISE = 20

_WIDEST = 500
# [   12.345678] fscheck: xattr.large_values
_ANNOUNCED = re.compile(r"\] fscheck: ([\w.]+)\s*$")
_END = "end"  # what it says after the last check


class CheckOutcome(StrEnum):
    """What ``fscheck`` says of a check."""

    PASS = "pass"  # noqa: S105 - an outcome, no password
    FAIL = "fail"
    REFUSED = "refused"
    SKIP = "skip"
    TIMEOUT = "timeout"
    LACKS = "lacks"  # it failed for want of a capability that the profile calls refused
    BLOCKED = "blocked"  # it used, or would use, a capability that the profile calls broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """An entry of ``fscheck list --json``; ``cite`` is the page of POSIX or the man page it rests on."""

    family: str
    name: str
    cite: str

    @property
    def id(self) -> str:
        """The name by which results, refusals and selections know it."""
        return f"{self.family}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult(Check):
    """A line of ``fscheck run``; ``ms`` is guest time, ``errno`` the name of an error, if one decided.

    ``needs`` is the capability that decided ``LACKS`` or ``BLOCKED``.
    """

    result: CheckOutcome
    detail: str = ""
    errno: str = ""
    needs: str = ""
    ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """Everything a run printed: ``noise`` are lines that are no result, the first ones, shortened."""

    results: tuple[CheckResult, ...]
    noise: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A check with its judgement; ``why`` is one sentence for a report, ``by`` the capability that blocks it.

    ``lacking`` tells of one that was skipped for want of a capability.
    """

    id: str
    cite: str
    judgement: SubVerdict
    why: str
    by: str = ""
    lacking: bool = False
    ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What ``fscheck prove`` found of a directory; ``wrong`` is empty where it is on the target."""

    proved: bool
    wrong: str
    fstype: str
    source: str
    mountpoint: str
    options: str
    st_dev: str
    magic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeProblem:
    """A difference between a tree and its manifest. ``key`` is ``name``, ``content`` or a member of the manifest."""

    path: str
    key: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.path}: {self.key}: expected {self.expected}, got {self.got}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeReport:
    """What ``fstree verify`` said; ``complete`` tells whether it came to its last line."""

    problems: tuple[TreeProblem, ...]
    entries: int
    complete: bool
    noise: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the tree is what the manifest says, and all of it was compared."""
        return self.complete and not self.problems and not self.noise and self.entries > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _TreeSummary:
    ok: bool
    entries: int
    problems: int


def parse_checks(text: str) -> tuple[Check, ...]:
    """Read ``fscheck list --json``; raise ``MachineError`` where it is not a list of checks."""
    checks, noise = _lines(text, Check)
    if noise or not checks:
        raise MachineError(f"fscheck listed no checks: {noise[0] if noise else 'nothing at all'}")
    return checks


def parse_results(text: str) -> CheckReport:
    """Read what ``fscheck run``, ``mark`` or ``verify`` printed."""
    results, noise = _lines(text, CheckResult)
    return CheckReport(results=results, noise=noise)


def parse_proof(text: str) -> Proof:
    """Read ``fscheck prove``; raise ``MachineError`` where it is no proof either way."""
    proofs, noise = _lines(text, Proof)
    if len(proofs) != 1:
        raise MachineError(f"fscheck proved nothing: {noise[0] if noise else 'nothing was printed'}")
    return proofs[0]


def parse_tree(text: str) -> TreeReport:
    """Read what ``fstree verify`` printed."""
    lines = text.splitlines()
    summary = _decode(lines[-1], _TreeSummary) if lines else None
    problems, noise = _lines("\n".join(lines[:-1] if summary else lines), TreeProblem)
    complete = summary is not None and summary.problems == len(problems)
    return TreeReport(problems=problems, entries=summary.entries if summary else 0, complete=complete, noise=noise)


def running_check(console: str, headline: str = "") -> str:
    """Return the check that ``fscheck --announce`` was at when the kernel printed ``headline``, ``""`` for none.

    Without a headline it is the one that was begun last and did not come to its end.
    """
    last = ""
    for line in console.splitlines():
        if match := _ANNOUNCED.search(line):
            last = match[1]
        elif headline and headline in line:
            break
    return "" if last == _END else last


def judge(checks: Iterable[Check], report: CheckReport, refuses: Mapping[str, str] | None = None) -> tuple[Judged, ...]:
    """Judge every check that was to run, in order.

    ``refuses`` maps what the target declares to refuse (a key of ``OPERATIONS``, an id or a family) to its reason.
    A refusal that is not declared has failed; so has a check without a result. What is declared must be refused, or
    pass.
    """
    found = {result.id: result for result in report.results}
    declared = refuses or {}
    return tuple(_judge(check, found.get(check.id), _reason(check, declared)) for check in checks)


def _reason(check: Check, declared: Mapping[str, str]) -> str | None:
    for name, reason in declared.items():
        if {check.id, check.family} & {name, *OPERATIONS.get(name, ())}:
            return reason
    return None


def _word(check: Check) -> str:
    """Return the word by which a target declares that it lacks what ``check`` asks for."""
    named = (word for name in (check.id, check.family) for word, checks in OPERATIONS.items() if name in checks)
    return next(named, check.id)


def _judge(check: Check, result: CheckResult | None, reason: str | None) -> Judged:
    judgement, why = _meaning(result, reason)
    if judgement is SubVerdict.FAILED and result is not None and result.result is CheckOutcome.REFUSED:
        why += f", and the target does not declare `{_word(check)}` in [refuses]"
    return Judged(
        id=check.id,
        cite=check.cite,
        judgement=judgement,
        why=why,
        by=result.needs if result and judgement is SubVerdict.BLOCKED else "",
        lacking=result is not None and result.result is CheckOutcome.LACKS,
        ms=result.ms if result else 0.0,
    )


def _meaning(result: CheckResult | None, reason: str | None) -> tuple[SubVerdict, str]:
    if result is None:
        return SubVerdict.FAILED, "it has no result: the program ended before or in it"
    if result.result is CheckOutcome.PASS:
        return SubVerdict.PASSED, "it works, although it is declared as refused" if reason is not None else ""
    if result.result is CheckOutcome.REFUSED:
        if reason is not None:
            return SubVerdict.REFUSED, f"{reason} ({result.detail})"
        return SubVerdict.FAILED, result.detail  # it says itself whether anything was refused, or is only not so
    if result.result is CheckOutcome.SKIP:
        return SubVerdict.SKIPPED, result.detail
    if result.result is CheckOutcome.LACKS:
        return SubVerdict.SKIPPED, _lacking(result)
    if result.result is CheckOutcome.BLOCKED:
        return SubVerdict.BLOCKED, f"it needs `{result.needs}`, which is broken: {result.detail}"
    return SubVerdict.FAILED, result.detail


def _lacking(result: CheckResult) -> str:
    error = f" ({result.errno})" if result.errno else ""
    kind = CAPABILITIES.get(result.needs)
    if kind and kind.unit:
        return f"it needs more than the limit of `{result.needs}`{error}"
    return f"it needs `{result.needs}`, which the filesystem refuses{error}"


def _lines(text: str, kind: type[T]) -> tuple[tuple[T, ...], tuple[str, ...]]:
    values: list[T] = []
    noise: list[str] = []
    for line in text.splitlines():
        value = _decode(line, kind)
        if value is not None:
            values.append(value)
        elif line.strip() and len(noise) < _MOST_NOISE:
            noise.append(line[:_WIDEST])
    return tuple(values), tuple(noise)


def _decode(line: str, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeError):
        return None
