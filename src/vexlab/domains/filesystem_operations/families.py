"""The families of checks in ``fscheck``, and how their results become a case's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from vexlab.classify import headline
from vexlab.errors import Blocked, GuestTimeout, HangAgain, MachineError, MachineLost, TargetFailure
from vexlab.guest.checks import CheckReport, CheckResult, Judged, judge, parse_checks, parse_results, running_check
from vexlab.guest.klog import explained
from vexlab.guest.mount import GuestFilesystem
from vexlab.model.machine import CommandResult
from vexlab.model.subresult import SubVerdict
from vexlab.plugin.fixtures import Metrics, SubResults

_SHOWN = 12
_DEATHS_MOST = 6  # machines that one family may cost
_PRINTED_MOST = 16 << 20
_STDOUT = 1

Say = Callable[[str], None]
Fresh = Callable[[MachineError], tuple[GuestFilesystem, str]]  # for what ended the machine: another one, and its folder

# `full` needs a small device, see test_devices.py.
FAMILIES = (
    "append",
    "dir",
    "direct",
    "io",
    "large",
    "link",
    "lock",
    "mmap",
    "name",
    "open",
    "owner",
    "perm",
    "position",
    "race",
    "readdir",
    "rename",
    "space",
    "special",
    "stat",
    "symlink",
    "sync",
    "times",
    "tmpfile",
    "tree",
    "truncate",
    "unlink",
    "xattr",
)


def run_family(
    filesystem: GuestFilesystem,
    family: str,
    folder: str,
    metrics: Metrics,
    subresults: SubResults,
    step: Say,
    *options: str,
    timeout: float = 300,
    fresh: Fresh | None = None,
) -> None:
    """Run every check of ``family`` in the guest's ``folder``; each must pass or be declared refused.

    Where a check ends the machine, the others go on in the one that ``fresh`` gives.
    """
    _run(filesystem, ["--family", family], options, folder, metrics, subresults, step, timeout=timeout, fresh=fresh)


def run_kept(
    filesystem: GuestFilesystem,
    checks: Sequence[str],
    folder: str,
    metrics: Metrics,
    subresults: SubResults,
    step: Say,
    *,
    timeout: float = 300,
) -> None:
    """Run ``checks`` (``family.name``) as ``run_family`` does, and keep what each of them leaves in the filesystem.

    It is for what shows only on the disk: fsck, and the tree after mounting again, then judge what the checks did.
    """
    words = [word for check in checks for word in ("--check", check)]
    _run(
        filesystem,
        words,
        ["--keep", "--timeout", f"{timeout * 0.8:g}"],
        folder,
        metrics,
        subresults,
        step,
        timeout=timeout,
    )


def _run(
    filesystem: GuestFilesystem,
    chosen: Sequence[str],
    options: Sequence[str],
    folder: str,
    metrics: Metrics,
    subresults: SubResults,
    step: Say,
    *,
    timeout: float,
    fresh: Fresh | None = None,
) -> None:
    listed = filesystem.machine.exec(["fscheck", "list", "--json", *chosen])
    checks = parse_checks(listed.text)
    died: dict[str, MachineError] = {}
    found: list[CheckResult] = []
    noise: list[str] = []
    wanted = list(chosen)
    while wanted:
        words = ["run", "--announce", *wanted, *options, folder]
        part = _part(filesystem, words, timeout)
        report = parse_results(part.text)
        found += report.results
        noise += report.noise
        if part.error is None:
            break
        ended = ended_in(filesystem)
        step(f"while fscheck ran {', '.join([*died, ended])}")
        if fresh is None or not ended or len(died) >= _DEATHS_MOST:
            raise part.error
        died[ended] = part.error
        known = {*died, *(each.id for each in found)}
        wanted = [word for each in checks if each.id not in known for word in ("--check", each.id)]
        filesystem, folder = fresh(part.error)
    judged = judge(checks, CheckReport(results=tuple(found)), dict(filesystem.target.refuses))
    judged = tuple(_ended_by(each, died[each.id]) if each.id in died else each for each in judged)
    tell(judged, filesystem, metrics, subresults)
    if noise:
        raise TargetFailure(f"fscheck printed what is no result: {noise[0]}")
    if part.result and part.result.signal:
        raise TargetFailure(f"fscheck itself was killed: {part.result}")


def _ended_by(check: Judged, error: MachineError) -> Judged:
    """Return the check that was running when ``error`` ended the machine."""
    if isinstance(error, HangAgain):
        return replace(check, judgement=SubVerdict.BLOCKED, why=error.message, by=error.by)
    return replace(check, why=f"the kernel died or hung in it: {error}")


@dataclass(frozen=True, slots=True)
class _Part:
    """What ``fscheck`` printed before it ended, or before ``error`` ended the machine."""

    text: str
    result: CommandResult | None
    error: MachineError | None


def _part(filesystem: GuestFilesystem, words: Sequence[str], timeout: float) -> _Part:
    machine = filesystem.machine
    argv = ["fscheck", *words]
    printed = bytearray()
    if not machine.streams:
        result = machine.exec(argv, timeout=timeout)
        return _Part(result.text, result, None)

    def keep(stream: int, data: bytes) -> None:
        if stream == _STDOUT and len(printed) < _PRINTED_MOST:
            printed.extend(data)

    try:
        result = machine.stream(argv, keep, timeout=timeout)
    except (MachineLost, GuestTimeout) as error:
        return _Part(_whole_lines(printed), None, error)
    return _Part(printed.decode(errors="replace"), result, None)


def _whole_lines(printed: bytearray) -> str:
    return printed[: printed.rfind(b"\n") + 1].decode(errors="replace")


def ended_in(filesystem: GuestFilesystem) -> str:
    """Return the check that the machine's kernel was at when it died or hung, ``""`` where none is told of."""
    console = filesystem.machine.console.text()
    return running_check(console, headline(console) or "")


def run_fscheck(filesystem: GuestFilesystem, step: Say, verb: str, *words: str, timeout: float = 120) -> CommandResult:
    """Run ``fscheck verb words``; where the kernel dies or hangs meanwhile, ``step`` is told in which check."""
    machine = filesystem.machine
    try:
        return machine.exec(["fscheck", verb, "--announce", *words], timeout=timeout)
    finally:
        if check := ended_in(filesystem):
            step(f"while fscheck ran {check}")


def tell_output(result: CommandResult, filesystem: GuestFilesystem, metrics: Metrics, subresults: SubResults) -> None:
    """Judge what ``fscheck mark``, ``verify`` or ``readonly`` printed: each check it names must have passed."""
    report = parse_results(result.text)
    if not report.results:
        raise TargetFailure(f"fscheck printed no result: {result}")
    if report.noise:
        raise TargetFailure(f"fscheck printed what is no result: {report.noise[0]}")
    tell(judge(report.results, report, dict(filesystem.target.refuses)), filesystem, metrics, subresults)


def tell(judged: tuple[Judged, ...], filesystem: GuestFilesystem, metrics: Metrics, subresults: SubResults) -> None:
    """Record each check, and how many passed, failed, were refused and skipped; fail with the failed ones' words."""
    for each in judged:
        subresults.record(each.id, each.judgement, each.why, duration_s=each.ms / 1000)
    for judgement in SubVerdict:
        metrics.record(f"{judgement}_count", sum(each.judgement is judgement for each in judged))
    metrics.record("checks_s", sum(each.ms for each in judged) / 1000)
    failed = [each for each in judged if each.judgement is SubVerdict.FAILED]
    if failed:
        words = "\n".join(f"{each.id} ({each.cite}): {each.why}" for each in failed[:_SHOWN])
        target, console = filesystem.target, filesystem.machine.console.text()
        words = f"{len(failed)} of {len(judged)} checks failed: {words}"
        raise TargetFailure(explained(words, console, target.module, target.fstype))
    if any(each.judgement in (SubVerdict.PASSED, SubVerdict.REFUSED) for each in judged):
        return
    if blocked := [each for each in judged if each.judgement is SubVerdict.BLOCKED]:
        raise Blocked("\n".join(f"{each.id}: {each.why}" for each in blocked[:_SHOWN]), by=blocked[0].by)
    if lacking := [each for each in judged if each.lacking]:
        pytest.skip(f"no check could run: {lacking[0].id}: {lacking[0].why}")
    raise TargetFailure(f"no check could run: {judged[0].id}: {judged[0].why}")
