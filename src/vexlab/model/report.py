"""What the classifier reads out of a kernel log: one report for each crash, splat or stall."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a report is for the machine it came from; the judge of a run reads this, not the title."""

    FATAL = "fatal"  # the machine is finished: panic, double fault, unexpected reboot
    CRASH = "crash"  # the kernel is damaged or stuck: oops, BUG, bad access, hang, corruption
    WARNING = "warning"  # a defect is proved, the machine goes on: WARNING, lockdep, leak, UBSAN


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One line of a call trace.

    ``offset`` and ``size`` are bytes, -1 where the line does not say; ``module`` is empty for code built into
    the kernel; ``inline`` marks a caller that the compiler dissolved (symbolised logs); ``guess`` a stack word
    the unwinder could not vouch for (``? f+0x1/0x2``, or PowerPC's ``(unreliable)``); ``source`` is
    ``file:line`` where known.
    """

    function: str
    offset: int = -1
    size: int = -1
    module: str = ""
    inline: bool = False
    guess: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A stack of one report: the heading it stood under (``Call Trace``, ``Freed by task 7``) and its frames."""

    heading: str
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One kernel report in normal form.

    ``title`` is stable across addresses, processes and kernels; ``type`` is the table's word for the class of
    bug; ``frame`` the blamed function, empty where none can be told; ``corrupted`` is true where the text is
    cut off or mixed, so that title or frame cannot be trusted; ``suppressed`` where the crash is the test
    set-up's own trouble; ``text`` the report as extracted from the log.

    ``first_line`` and ``last_line`` count from 1 and enclose the report and the follow-on noise in the log.
    ``in_target`` is true where a frame of the report's stacks lies in a module under test, and ``target_frame``
    names the innermost such function. ``taint`` holds the kernel's taint letters. ``fingerprint`` is equal for
    the same bug across runs, kernels and addresses. ``follow_on`` are the headlines grouped with this report.
    ``remark`` is a sentence on what the title cannot say: which operation was missing, whose code was gone.
    """

    title: str
    type: str
    frame: str = ""
    alt_titles: tuple[str, ...] = ()
    corrupted: bool = False
    suppressed: bool = False
    text: str = ""
    headline: str = ""
    severity: Severity = Severity.CRASH
    fingerprint: str = ""
    traces: tuple[Trace, ...] = ()
    taint: tuple[str, ...] = ()
    release: str = ""
    task: str = ""
    pid: int = -1
    cpu: int = -1
    executor: str = ""
    in_target: bool = False
    target_frame: str = ""
    first_line: int = 0
    last_line: int = 0
    follow_on: tuple[str, ...] = ()
    remark: str = ""
