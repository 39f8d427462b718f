"""Each allocation and each request of an operation fails once; afterwards nothing is lost, leaked, locked or broken.

These cases need a kernel that injects faults: distributions build none (`vexlab kernels build kasan|debug`).
"""

from __future__ import annotations

import pytest

from vexlab.domains.safety_validation.machines import disks
from vexlab.guest.fault import CALLS, FaultReport, coverage, failures, parse_faults, wrong
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.model.subresult import SubVerdict
from vexlab.plugin.fixtures import Metrics, SubResults

pytestmark = [
    pytest.mark.domain("safety_validation"),
    pytest.mark.level(2),
    pytest.mark.needs(
        "FAILSLAB", "FAIL_PAGE_ALLOC", "FAIL_MAKE_REQUEST", "FAULT_INJECTION_DEBUG_FS", mkfs=True, loadable=True
    ),
    pytest.mark.vm(disks=disks),
    pytest.mark.single_thread_tcg,
    pytest.mark.slow,
]

_CHECK, _CALLS = "/tmp/fault-check.sh", "/tmp/fault-calls"
_TREE, _SEED, _NAMES = "/tmp/tree{}.manifest", 7, 25
_SHOWN = 20
_LIMIT_S = 600.0  # of the guest's time, for the operations of one case
_LOAD_S = 1800.0  # the kernel's loader allocates hundreds of times, and each load takes a second
_LOST_S = 120.0

# After each failure: what was there before is there still, and the filesystem is consistent. After a failed request the
# journal may have ended, which the next mount repairs; only then can it be checked. What it has recorded of that is
# repaired, where the target has a command for it.
_AFTER_ALLOCATION = """
{ umount POINT && FSCK && MOUNT && fstree verify MANIFEST POINT/treeSEED; } >/tmp/out 2>&1 ||
{ SAID; exit 1; }
"""
_AFTER_REQUEST = _AFTER_ALLOCATION.replace("umount POINT && FSCK", "umount POINT && MOUNT && umount POINT && REPAIRED")
_UNMOUNTED = "{ ! mountpoint -q POINT || umount POINT; } && FSCK >/tmp/out 2>&1 || { SAID; exit 1; }"
_UNMOUNTED_REQUEST = _UNMOUNTED.replace("&& FSCK", "&& MOUNT && umount POINT && REPAIRED")
_DEBUGFS = """
mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
mkdir -p POINT/work
"""

_GROUPS = {
    "names": "create mkdir rmdir symlink mkfifo link unlink rename rename_over tmpfile",
    "data": "write append fsync syncfs truncate_down truncate_cold truncate_up delete fallocate punch_hole mmap",
    "cold": "open stat read readlink readdir lookup statvfs",
    "attributes": "chmod utimens setxattr getxattr listxattr removexattr",
}


def _on(filesystem: GuestFilesystem, command: tuple[str, ...]) -> str:
    return " ".join(word.replace("{device}", filesystem.device) for word in command)


def _command(filesystem: GuestFilesystem, script: str) -> str:
    """Return ``script`` with the target's words in it."""
    target = filesystem.target
    options = f"-o {','.join(target.mount_options)}" if target.mount_options else ""
    words = {
        "REPAIRED": "{ FSCK || { REPAIR; FSCK; }; }" if target.repair else "FSCK",
        "POINT": filesystem.mountpoint,
        "MOUNT": f"mount -i -t {target.fstype} {options} {filesystem.device} {filesystem.mountpoint}",
        "FSCK": _on(filesystem, target.fsck) or "true",
        "REPAIR": _on(filesystem, target.repair),
        "MANIFEST": _TREE.format(_SEED),
        "SEED": str(_SEED),
        "SAID": "tail -n 4 /tmp/out | tr '\\n' ' '",  # the first line of a check's output is told
    }
    for name, value in words.items():
        script = script.replace(name, value)
    return script


def _prepare(filesystem: GuestFilesystem, post_checks: PostChecks, *, io: bool) -> None:
    """Make the tree that must survive, and the script that tells after each failure whether it did."""
    post_checks.fill(_SEED, _NAMES)
    filesystem.machine.push(_command(filesystem, _AFTER_REQUEST if io else _AFTER_ALLOCATION).encode(), _CHECK)
    made = filesystem.machine.ash(_DEBUGFS.replace("POINT", filesystem.mountpoint))
    assert made.ok, f"the guest cannot be prepared: {made}"


def _disturb(filesystem: GuestFilesystem, *words: str, folder: str = "work", limit_s: float = _LIMIT_S) -> FaultReport:
    """Run ``fsfault``; the options that tell what the filesystem is are added."""
    target = filesystem.target
    options = ["--device", filesystem.device, "--type", target.fstype, "--module", target.module]
    options += ["--options", ",".join(target.mount_options), "--check", f"sh {_CHECK}", "--seen"]
    if not target.in_tree:
        options += ["--image", f"/vexlab/{target.module}.ko", "--params", " ".join(target.params)]
    place = f"{filesystem.mountpoint}/{folder}".rstrip("/")
    argv = ["fsfault", "run", *options, "--limit", f"{limit_s:g}", *words, place]
    result = filesystem.machine.exec(argv, timeout=limit_s + _LOST_S)
    assert not result.signal, f"fsfault was killed: {result}"
    assert result.status in (0, 1), f"fsfault could not work: {result}"
    return parse_faults(result.text)


def _judge(
    filesystem: GuestFilesystem,
    report: FaultReport,
    metrics: Metrics,
    subresults: SubResults,
    *,
    allocations: bool = True,
) -> None:
    """Record what was covered, sites of ``allocations``; assert that nothing went wrong and something was injected."""
    module = filesystem.target.module
    injected = failures(report, filesystem.machine.console.text())
    faults = wrong(report, injected, module)
    failed = {line.partition(",")[0] for line in faults}
    for each in report.ended:
        if each.skipped:
            subresults.record(each.end, SubVerdict.SKIPPED, f"not disturbed: {each.skipped}")
        elif each.end not in failed:
            done = "" if each.complete else ", not all of them: the time was over"
            subresults.record(each.end, SubVerdict.PASSED, f"{each.points} failures in turn{done}")
    for line in faults:
        subresults.record(line.partition(",")[0], SubVerdict.FAILED, line)
    metrics.record("failures_count", sum(each.points for each in report.ended))
    metrics.record("stacks_count", len({each.frames for each in injected}))
    covered = coverage(report, injected, module)
    if allocations:
        metrics.record("sites_seen_count", len(covered.seen))
        metrics.record("sites_failed_count", len(covered.seen.keys() & covered.failed))
    for place in covered.missed if allocations else ():
        subresults.record(f"site {place}", SubVerdict.SKIPPED, f"no allocation of it failed: {covered.way(place)}")
    assert not report.noise, f"fsfault printed: {report.noise[0]}"
    assert not faults, f"{len(faults)} attempts went wrong: " + "; ".join(faults[:_SHOWN])
    assert any(each.points for each in report.ended), "no failure was injected anywhere"


def _chosen(names: str) -> list[str]:
    return [word for name in names.split() for word in ("--operation", name)]


@pytest.mark.parametrize(
    "operations", ["load unload", "mount unmount remount_readonly remount_writable"], ids=["module", "mount"]
)
def test_fault_system(filesystem: GuestFilesystem, operations: str, metrics: Metrics, subresults: SubResults) -> None:
    """Whichever allocation of load, unload, mount or unmount fails, the next one works, and everything is kept."""
    assert filesystem.mkfs().ok
    assert filesystem.mount().ok
    filesystem.prove()
    _prepare(filesystem, PostChecks(filesystem), io=False)
    assert filesystem.unmount().ok
    filesystem.machine.push(_command(filesystem, _UNMOUNTED).encode(), _CHECK)
    limit_s = _LOAD_S if "load" in operations else _LIMIT_S
    report = _disturb(filesystem, *_chosen(operations), folder="", limit_s=limit_s)
    _judge(filesystem, report, metrics, subresults)


@pytest.mark.parametrize("group", _GROUPS)
def test_fault_files(
    mounted: GuestFilesystem, post_checks: PostChecks, group: str, metrics: Metrics, subresults: SubResults
) -> None:
    """Whichever allocation of a file operation fails, it fails with an error that says so, and nothing is lost."""
    _prepare(mounted, post_checks, io=False)
    _judge(mounted, _disturb(mounted, *_chosen(_GROUPS[group])), metrics, subresults)


@pytest.mark.needs(vectors=True)
def test_fault_vectors(
    mounted: GuestFilesystem, post_checks: PostChecks, metrics: Metrics, subresults: SubResults
) -> None:
    """Whichever allocation or copy of a vector call fails, the call fails, and the collection is as it was."""
    if mounted.target.vectors not in CALLS:
        pytest.skip(f"the calls of {mounted.target.vectors} are not described (`CALLS` in guest/fault.py)")
    _prepare(mounted, post_checks, io=False)
    mounted.machine.push(CALLS[mounted.target.vectors]().encode(), _CALLS)
    _judge(mounted, _disturb(mounted, "--calls", _CALLS), metrics, subresults)


@pytest.mark.parametrize(
    "operations", ["fsync syncfs", "read readdir lookup", "mount unmount"], ids=["write", "read", "mount"]
)
def test_fault_requests(
    mounted: GuestFilesystem,
    post_checks: PostChecks,
    operations: str,
    metrics: Metrics,
    subresults: SubResults,
) -> None:
    """Whichever request to the device fails, what was on the disk before is there after the next mount."""
    _prepare(mounted, post_checks, io=True)
    system = "mount" in operations
    if system:
        assert mounted.unmount().ok
        mounted.machine.push(_command(mounted, _UNMOUNTED_REQUEST).encode(), _CHECK)
    report = _disturb(mounted, "--io", *_chosen(operations), folder="" if system else "work")
    _judge(mounted, report, metrics, subresults, allocations=False)
    if system:
        assert mounted.mount().ok
