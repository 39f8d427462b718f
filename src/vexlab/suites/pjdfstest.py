"""pjdfstest (the crate): what POSIX says of each call that changes a filesystem's names and attributes.

Its README names the options; ``src/test.rs`` of version 0.2.2 has the features, ``src/main.rs`` what it prints.
"""

from __future__ import annotations

import re

from vexlab.model.machine import CommandResult
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.suites.adapter import FOLDER, Job, Suite, whole
from vexlab.suites.crates import Crate
from vexlab.suites.expunge import parse_expunge

CRATE = Crate("pjdfstest", "0.2.2")
# Its opt-in features that Linux can have, and the capability that each is about.
_FEATURES = {
    "posix_fallocate": "fallocate",
    "rename_ctime": "rename",
    "utimensat": "utimes",
    "utime_now": "utimes",
}
# Parts of a test's name, and the capability without which it cannot pass.
_NEEDS = (
    ("fifo", "fifo"),
    ("block", "device_node"),
    ("char", "device_node"),
    ("socket", "socket"),
    ("symlink", "symlink"),
    ("link", "link"),
    ("rename", "rename"),
    ("mkdir", "mkdir"),
    ("dir", "mkdir"),
    ("chmod", "chmod"),
    ("chown", "chown"),
    ("utimensat", "utimes"),
)
_VERDICTS = {
    "ok": SubVerdict.PASSED,
    "FAILED": SubVerdict.FAILED,
    "skipped": SubVerdict.SKIPPED,
}
# chmod::change_perm::regular                                     ok
_TEST = re.compile(r"^(\w+(?:::\w+)+)\s+(ok|FAILED|skipped)$")
_SUMMARY = re.compile(r"^Summary: \d+ failed, .*\b(\d+) total$", re.MULTILINE)  # Summary: 0 failed, ..., 398 total
_FEATURE = re.compile(r"requires features: (.+)")  # requires features: posix_fallocate, utime_now
_SHOWN = 600


def run(job: Job) -> tuple[str, ...]:
    """Return the guest's command: the script with its configuration, which enables what the profile does not refuse."""
    features = [name for name, capability in _FEATURES.items() if not job.missing(capability)]
    remount = "false" if job.missing("remount_ro", "remount_rw") else "true"
    script = f"{FOLDER}/pjdfstest.sh"
    return ("/bin/bash", script, job.mountpoint, remount, " ".join(features), *job.selection.tests)


def parse(job: Job, output: str, ended: CommandResult | None) -> tuple[SubResult, ...]:
    """Return a result for each test that the output tells of, and a failed one where it does not come to its end."""
    found: list[SubResult] = []
    for line in output.splitlines():
        if match := _TEST.match(line.strip()):
            found.append(SubResult(name=match[1], verdict=_VERDICTS[match[2]]))
        elif found and line.startswith("\t") and len(found[-1].words) < _SHOWN:
            last = found.pop()
            words = f"{last.words} {line.strip()}".strip()
            found.append(SubResult(name=last.name, verdict=last.verdict, words=words))
    first: dict[str, SubResult] = {}  # those that remount come twice: run at first, left out later
    for each in found:
        first.setdefault(each.name, each)
    results = tuple(_explained(job, each) for each in first.values())
    totals = [int(total) for total in _SUMMARY.findall(output)]
    if ended is not None and totals and sum(totals) == len(found) and len(totals) == (1 if job.selection.tests else 2):
        return results
    last_name = f" after {results[-1].name}" if results else ""
    words = f"it ended{last_name} without its summary: {output.strip()[-_SHOWN:]}"
    return (*results, SubResult(name="the end", verdict=SubVerdict.FAILED, words=words))


def _explained(job: Job, result: SubResult) -> SubResult:
    """Return ``result``, what the profile explains told as refused with its reason."""
    if result.verdict is SubVerdict.PASSED:
        return result
    features = _FEATURE.search(result.words) if result.verdict is SubVerdict.SKIPPED else None
    names = [_FEATURES[each] for each in re.findall(r"\w+", features[1]) if each in _FEATURES] if features else []
    if result.verdict is SubVerdict.FAILED:
        parts = result.name.split("::")
        names = [capability for part, capability in _NEEDS if part in parts]
    if why := job.missing(*names):
        return SubResult(name=result.name, verdict=SubVerdict.REFUSED, words=why)
    return result


SUITE = Suite(
    name=CRATE.name,
    about="what POSIX says of calls that change names and attributes (the crate of this name)",
    find=CRATE.find,
    pack=CRATE.pack,
    list=whole,
    run=run,
    parse=parse,
    expunge=parse_expunge,
    install=CRATE.install,
    timeout=3600.0,
    needs=("mkdir", "unlink", "rmdir"),
)
