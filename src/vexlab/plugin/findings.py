"""From a report of the classifier's to what the judge needs of it."""

from __future__ import annotations

from vexlab.model.report import Report
from vexlab.model.verdict import Finding, Source

_TEXT_MOST = 20_000


def finding_of(report: Report, source: Source = Source.CONSOLE) -> Finding:
    """Return what the judge needs of a report. Of a crash nothing lowers the severity."""
    return Finding(
        title=report.title,
        type=report.type,
        severity=report.severity,
        frame=report.frame,
        text="\n\n".join(filter(None, (report.remark, report.text[:_TEXT_MOST]))),
        fingerprint=report.fingerprint,
        source=source,
    )
