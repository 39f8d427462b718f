"""What ``./check`` says of one test, and what the capability profile says to that. Pure."""

from __future__ import annotations

import re

from vexlab.model.machine import CommandResult
from vexlab.model.profile import State
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.suites.adapter import Job

# generic/001 [not run] O_DIRECT is not supported     generic/001        5s
_NOT_RUN = r"^{test}\s.*\[not run\]\s*(.*)$"
_PASSED = re.compile(r"^Passed all 1 tests$", re.MULTILINE)
_FAILED = re.compile(r"^Failed 1 of 1 tests$", re.MULTILINE)
_SECONDS = r"^{test}\s+(?:\d+s \.\.\. )?\s*(\d+)s$"
_HINT = re.compile(r"^HINT: (.+)$", re.MULTILINE)  # HINT: You _MAY_ be missing kernel fix: ...
_SHOWN = 1800

# Words of `_notrun`, and the capability of the profile that they are about; the first one counts. What is said of a
# program of xfstests' own or of the guest's ("xfs_io falloc support is missing"), or of a part of a capability
# ("O_DIRECT aligned to 512 bytes", "xfs_io falloc +w") is about none: the profile does not speak of it.
_XFS_IO = r"^xfs_io {} +(-\w+ +)?(failed|kernel support is missing|not supported on)"
_ABOUT = (
    (r"\bO_DIRECT (is|are|was) not|not support(ed)? O_DIRECT", "direct_io"),
    (r"^ACLs not supported|does not support ACLs", "acl"),
    (_XFS_IO.format("falloc"), "fallocate"),
    (_XFS_IO.format("fpunch"), "punch_hole"),
    (_XFS_IO.format("fzero"), "zero_range"),
    (_XFS_IO.format("fcollapse"), "collapse_range"),
    (_XFS_IO.format("finsert"), "insert_range"),
    (_XFS_IO.format("copy_range"), "copy_file_range"),
    (rf"SEEK_(DATA|HOLE)|{_XFS_IO.format('seek')}", "seek_hole"),
    (r"hard ?link", "link"),
    (r"symlinks support", "symlink"),
    (rf"O_TMPFILE|{_XFS_IO.format('-T')}", "tmpfile"),
    (r"file handles|open_by_handle|NFS export", "file_handles"),
    (r"^disk quotas|quota sysfile", "quota"),
    (r"swap ?files?", "swap_files"),
    (r"attr namespace trusted", "trusted_xattr"),
    (r"attr namespace security", "security_xattr"),
    (r"attr namespace user|does not support attrs", "xattr"),
    (r"inode creation time|btime", "birth_time"),
    (r"[Ss]parse files", "sparse_files"),
    (r"freez", "freeze"),
    (r"chown is not", "chown"),
    (r"chmod is not", "chmod"),
    (r"mknod/mkfifo", "device_node"),
    (r"atime not maintained", "atime"),
    (r"byte streams for names", "exact_names"),
    (r"metadata journaling", "survives_power_cut"),
    (r"fcntl (advisory )?locks", "locks"),
)


def parse(job: Job, output: str, ended: CommandResult | None) -> tuple[SubResult, ...]:
    """Return how the job's test ended; a machine that died in it has failed it.

    Where ./check itself came to no verdict the test is blocked: that says nothing of the filesystem.
    """
    test = re.escape(job.test)
    if match := re.search(_NOT_RUN.format(test=test), output, re.MULTILINE):
        reason = match[1].strip() or "it gives no reason"
        return (_not_run(job, reason),)
    seconds = re.search(_SECONDS.format(test=test), output, re.MULTILINE)
    took = float(seconds[1]) if seconds else 0.0
    if ended is not None and _PASSED.search(output):
        return (SubResult(name=job.test, verdict=SubVerdict.PASSED, duration_s=took),)
    said = _said(output, job.test)
    hint = _HINT.search(output)
    words = f"{said[:_SHOWN]}\nkernel lacks a fix, perhaps: {hint[1]}" if hint else said[:_SHOWN]
    if ended is not None and not _FAILED.search(output):
        return (SubResult(name=job.test, verdict=SubVerdict.BLOCKED, words=f"./check came to no verdict: {words}"),)
    return (SubResult(name=job.test, verdict=SubVerdict.FAILED, words=words),)


def about(reason: str) -> str:
    """Return the capability that a reason for not running is about, ``""`` where it is about none."""
    return next((name for pattern, name in _ABOUT if re.search(pattern, reason)), "")


def _not_run(job: Job, reason: str) -> SubResult:
    name = about(reason)
    if not name:
        return SubResult(name=job.test, verdict=SubVerdict.SKIPPED, words=f"not run: {reason}")
    if why := job.missing(name):
        return SubResult(name=job.test, verdict=SubVerdict.REFUSED, words=f"not run: {reason} ({why})")
    if job.profile and job.profile.behind(name).state is State.WORKS:
        words = f"not run: {reason}; but the profile says that `{name}` works: one of the two is wrong"
        return SubResult(name=job.test, verdict=SubVerdict.SKIPPED, words=words)
    return SubResult(name=job.test, verdict=SubVerdict.SKIPPED, words=f"not run: {reason}")


def _said(output: str, test: str) -> str:
    """Return what stands from the test's own line on, without the summary; all of it where there is no such line."""
    start = output.rfind(f"\n{test}")
    text = output[start + 1 :] if start >= 0 else output[-_SHOWN:]
    return text.partition("\nRan: ")[0].strip() or "it printed nothing"
