"""The families of checks in ``fscheck``, and how their results become a case's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from vexlab.classify import headline
from vexlab.errors import Blocked, TargetFailure
from vexlab.guest.checks import Judged, judge, parse_checks, parse_results, running_check
from vexlab.guest.klog import explained
from vexlab.guest.mount import GuestFilesystem
from vexlab.model.machine import CommandResult
from vexlab.model.subresult import SubVerdict
from vexlab.plugin.fixtures import Metrics, SubResults

_SHOWN = 12

Say = Callable[[str], None]

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
) -> None:
    """Run every check of ``family`` in the guest's ``folder``; each must pass or be declared refused."""
    _run(filesystem, ["--family", family], options, folder, metrics, subresults, step, timeout=timeout)


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
) -> None:
    listed = filesystem.machine.exec(["fscheck", "list", "--json", *chosen])
    checks = parse_checks(listed.text)
    result = run_fscheck(filesystem, step, "run", *chosen, *options, folder, timeout=timeout)
    report = parse_results(result.text)
    judged = judge(checks, report, dict(filesystem.target.refuses))
    tell(judged, filesystem, metrics, subresults)
    if report.noise:
        raise TargetFailure(f"fscheck printed what is no result: {report.noise[0]}")
    if result.signal:
        raise TargetFailure(f"fscheck itself was killed: {result}")


def run_fscheck(filesystem: GuestFilesystem, step: Say, verb: str, *words: str, timeout: float = 120) -> CommandResult:
    """Run ``fscheck verb words``; where the kernel dies or hangs meanwhile, ``step`` is told in which check."""
    machine = filesystem.machine
    try:
        return machine.exec(["fscheck", verb, "--announce", *words], timeout=timeout)
    finally:
        console = machine.console.text()
        if check := running_check(console, headline(console) or ""):
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
