"""Who and where: task, CPU, kernel release and taint, from the line that dump_stack() prints first."""

from __future__ import annotations

import re
from typing import NamedTuple

# CPU: 0 PID: 18769 Comm: sync Tainted: G    B   W          6.1.0-18-amd64 #1
# CPU: 0 UID: 0 PID: 5959 Comm: sync Not tainted 6.12.0 #0 PREEMPT(full)
# CPU: 1 PID: 7 Comm: sync Kdump: loaded Tainted: [W]=WARN, [O]=OOT_MODULE 6.12.0 #1
_CPU_LINE = re.compile(
    r"CPU: ?(?P<cpu>\d+) (?:UID: \d+ )?PID: ?(?P<pid>-?\d+),? Comm: (?P<task>.{0,40}?) (?:Kdump: loaded )?"
    r"(?:Not tainted|Tainted: (?P<taint>[^\n]*?)) *(?P<release>\d+\.\d+[^\s]*)"
)
# Pid: 18769, comm: sync Tainted: G   W  (2.6.32 #1)     Pid: 1, comm: sh Not tainted 2.6.32
_PID_LINE = re.compile(
    r"Pid: (?P<pid>\d+),? comm: (?P<task>.{0,40}?) (?:Not tainted|Tainted: (?P<taint>[^\n(]*?)) *\(?(?P<release>\d+\.\d+[^\s)]*)"
)
# 4.10.0+ #179 Not tainted    6.1.0 #1 Tainted: G    W     (lockdep's banner)
_BANNER = re.compile(
    r"^(?P<release>\d+\.\d+[^\s]*) #\S{1,60} (?:.{0,200}? )?(?:Not tainted|Tainted: (?P<taint>[A-Z ]*))", re.M
)
# [G]=PROPRIETARY    [W]=WARN
_NAMED_TAINT = re.compile(r"\[([A-Z])\]=")
_LETTERS = re.compile(r"[A-Z]")
# Comm: syz.0.17
_EXECUTOR = re.compile(r"Comm: syz\.(\d+)\.(\d+) ")
# INFO: task sync:7 blocked    BUG: soft lockup - CPU#0 stuck for 22s! [sync:7]
_TASK = re.compile(
    r"INFO: task (?P<task>.{1,40}?):(?P<pid>\d+) |CPU#(?P<cpu>\d+) stuck for .*\[(?P<soft>.{1,40}?):(?P<spid>\d+)\]"
)


class Facts(NamedTuple):
    """What the report says about its circumstances; -1 and empty where it says nothing."""

    task: str = ""
    pid: int = -1
    cpu: int = -1
    release: str = ""
    taint: tuple[str, ...] = ()
    executor: str = ""


def _taint(text: str | None) -> tuple[str, ...]:
    if not text:
        return ()
    named = _NAMED_TAINT.findall(text)
    return tuple(dict.fromkeys(named or _LETTERS.findall(text)))


def facts(headline: str, text: str) -> Facts:
    """Read the circumstances from a report's text; the headline's own words win for task and CPU."""
    match = _CPU_LINE.search(text) or _PID_LINE.search(text)
    found = Facts()
    if match:
        groups = match.groupdict()
        found = Facts(
            task=groups["task"],
            pid=int(groups["pid"]),
            cpu=int(groups.get("cpu") or -1),
            release=groups["release"],
            taint=_taint(groups["taint"]),
        )
    else:
        banner = _BANNER.search(text)
        if banner:
            found = Facts(release=banner["release"], taint=_taint(banner["taint"]))
    own = _TASK.search(headline)
    if own and own["task"]:
        found = found._replace(task=own["task"], pid=int(own["pid"]))
    elif own:
        found = found._replace(task=own["soft"], pid=int(own["spid"]), cpu=int(own["cpu"]))
    executor = _EXECUTOR.search(text)
    return found._replace(executor=f"proc={executor[1]}, id={executor[2]}") if executor else found
