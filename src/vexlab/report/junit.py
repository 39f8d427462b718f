"""A run as JUnit XML, the dialect that CI servers read."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from vexlab.model.case import CaseResult, RunResult
from vexlab.model.verdict import Verdict

_ELEMENT = {
    Verdict.FAILED: "failure",
    Verdict.CRASHED: "failure",
    Verdict.ERROR: "error",
    Verdict.UNDECIDED: "error",  # of type "undecided": who reads the file must not take it for a pass
    Verdict.SKIPPED: "skipped",
    Verdict.BLOCKED: "skipped",
}
# Characters XML 1.0 cannot hold at all, section 2.2: a guest may print any.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(result: RunResult) -> bytes:
    """Return the run as a JUnit document; a crash is a failure of type ``crashed``."""
    summary = result.summary
    suite = ElementTree.Element(
        "testsuite",
        name=f"vexlab {result.run.target}",
        tests=str(len(result.cases)),
        failures=str(summary.failed + summary.crashed),
        errors=str(summary.errors + summary.undecided),
        skipped=str(summary.skipped + summary.blocked),
        time=f"{sum(case.duration_s for case in result.cases):.3f}",
        timestamp=result.run.started,
    )
    suite.extend([_case(case) for case in result.cases])
    root = ElementTree.Element("testsuites")
    root.append(suite)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _case(case: CaseResult) -> ElementTree.Element:
    name = str(case.key).removeprefix(f"{case.domain}.")
    element = ElementTree.Element("testcase", classname=case.domain, name=name, time=f"{case.duration_s:.3f}")
    if kind := _ELEMENT.get(case.verdict):
        child = ElementTree.SubElement(element, kind, message=_clean(case.reason), type=case.verdict.value)
        child.text = _clean("\n\n".join(finding.text for finding in case.findings))
    if case.subresults:
        lines = (f"{each.verdict.value:8}{each.name} {each.words}".rstrip() for each in case.subresults)
        ElementTree.SubElement(element, "system-out").text = _clean("\n".join(lines))
    return element


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
