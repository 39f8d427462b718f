"""What ``vexlab classify`` found, before it is printed in one form or the other."""

from __future__ import annotations

import msgspec

from vexlab.classify.known import KnownIssue
from vexlab.model.report import Report


class FoundReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """A report as printed: the file it stands in, how often it came, and why it is suppressed, if it is."""

    file: str
    report: Report
    count: int = 1
    known: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What ``--json`` prints."""

    findings: tuple[FoundReport, ...]
    expired: tuple[KnownIssue, ...]
