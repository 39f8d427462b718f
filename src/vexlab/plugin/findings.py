"""From a report of the classifier's to what the judge needs of it, and to what its reader does."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

from vexlab.classify.core import NOBODY
from vexlab.classify.places import placed
from vexlab.classify.symbols import DebugInfo
from vexlab.errors import VexlabError
from vexlab.lab import Lab, Order
from vexlab.model.report import Report
from vexlab.model.verdict import Finding, Source
from vexlab.targets.build import debug_file

log = logging.getLogger(__name__)
_TEXT_MOST = 20_000
_NAMELESS = re.compile(rf" in {NOBODY}(?![\w.])")


def finding_of(report: Report, source: Source = Source.CONSOLE) -> Finding:
    """Return what the judge needs of a report. Of a crash nothing lowers the severity.

    Where the log is cut off before a function of note, the title names none.
    """
    return Finding(
        title=_NAMELESS.sub("", report.title),
        type=report.type,
        severity=report.severity,
        frame=report.frame,
        text="\n\n".join(filter(None, (report.remark, report.text[:_TEXT_MOST]))),
        fingerprint=report.fingerprint,
        source=source,
    )


def with_places(findings: Iterable[Finding], order: Order | None, lab: Lab) -> tuple[Finding, ...]:
    """Return the findings with file and line of the module's functions, as far as its debug information tells them."""
    found = tuple(findings)
    file = debug_file(order.artifact, order.target.module) if order and found else None
    if order is None or file is None:
        return found
    info = DebugInfo(modules={order.target.module: file})
    try:
        return tuple(placed(each, info, lab.cache.root) for each in found)
    except VexlabError as error:  # what happened is told without
        log.warning("%s tells no lines of the source: %s", file, error)
        return found
