"""A run as JUnit XML, the dialect that CI servers read.

What Jenkins' JUnit plugin and GitLab's parser (``lib/gitlab/ci/parsers/test/junit.rb``) read is in it: of a test case
``classname``, ``name``, ``file`` and ``time``, a ``type`` and ``message`` of what went wrong, with the reason in its
text, since GitLab shows only that. Checks of a case are a suite of their own, so that the numbers of the first suite
are those of the run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree

from vexlab.model.case import CaseResult
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.model.verdict import Finding, Verdict
from vexlab.report.content import Content, environment, known_words, reproduce

_ELEMENT = {
    Verdict.FAILED: "failure",
    Verdict.CRASHED: "failure",
    Verdict.ERROR: "error",
    Verdict.UNDECIDED: "error",  # of type "undecided": who reads the file must not take it for a pass
    Verdict.SKIPPED: "skipped",
    Verdict.BLOCKED: "skipped",
}
_CHECK_ELEMENT = {
    SubVerdict.FAILED: "failure",
    SubVerdict.REFUSED: "skipped",
    SubVerdict.SKIPPED: "skipped",
    SubVerdict.BLOCKED: "skipped",
}
_COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}
_MESSAGE_MOST = 2_000
_TEXT_MOST = 20_000  # of a case: GitLab takes no file of more than 30 MB
# Characters XML 1.0 cannot hold at all, section 2.2, and those that control a terminal or turn a line around.
_FORBIDDEN = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\u061b\u061d-\u200d\u2010-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufffd"
    r"\U00010000-\U0010ffff]"
)
_ATTACHMENT = "[[ATTACHMENT|"  # in an output GitLab takes what follows for the path of a file


def render(content: Content) -> bytes:
    """Return the run as a JUnit document; a crash is a failure of type ``crashed``."""
    suites = [_suite(content)]
    if checks := [(case, check) for case in content.cases for check in case.subresults]:
        suites.append(_checks(content, checks))
    sums = {name: str(sum(int(suite.attrib[name]) for suite in suites)) for name in ("tests", *_COUNTED)}
    root = ElementTree.Element("testsuites", {"name": "vexlab", **sums, "time": suites[0].attrib["time"]})
    root.extend(suites)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _counted(cases: Iterable[ElementTree.Element]) -> dict[str, str]:
    cases = list(cases)
    counts = {name: sum(case.find(kind) is not None for case in cases) for name, kind in _COUNTED.items()}
    return {"tests": str(len(cases)), **{name: str(count) for name, count in counts.items()}}


def _suite(content: Content) -> ElementTree.Element:
    run = content.result.run
    cases = [_case(case) for case in content.cases]
    suite = ElementTree.Element(
        "testsuite",
        {
            "name": _clean(f"vexlab {run.target}"),
            "id": run.id,
            **_counted(cases),
            "time": f"{sum(case.duration_s for case in content.cases):.3f}",
            "timestamp": run.started,
        },
    )
    if run.provenance.host.name:
        suite.set("hostname", _clean(run.provenance.host.name))
    facts = ElementTree.SubElement(suite, "properties")
    for fact in environment(run):
        ElementTree.SubElement(facts, "property", name=_clean(fact.name), value=_clean(fact.value))
    suite.extend(cases)
    return suite


def _case(case: CaseResult) -> ElementTree.Element:
    name = str(case.key).removeprefix(f"{case.domain}.")
    element = ElementTree.Element(
        "testcase", classname=_clean(case.domain), name=_clean(name), time=f"{case.duration_s:.3f}"
    )
    file, is_path, _ = case.node.partition("::")
    if is_path:
        element.set("file", _clean(file))
    if kind := _ELEMENT.get(case.verdict):
        why = case.reason
        if known := known_words(case):  # red in no CI server, and still there
            kind, why = "skipped", f"known issue: {known}; {case.reason}"
        child = ElementTree.SubElement(element, kind, message=_clean(why[:_MESSAGE_MOST]), type=case.verdict.value)
        child.text = _clean(_words(case))
    if case.subresults:
        lines = (f"{each.verdict.value:8}{each.name} {each.words}".rstrip() for each in case.subresults)
        ElementTree.SubElement(element, "system-out").text = _clean("\n".join(lines)[:_TEXT_MOST])
    if case.findings:
        ElementTree.SubElement(element, "system-err").text = _clean(_excerpts(case.findings))
    return element


def _words(case: CaseResult) -> str:
    """Return the text of a failure: the reason, what the kernel said in a line each, how to do it again."""
    again = f"again: {reproduce(case.evidence)}" if case.evidence else ""
    titles = (f"kernel: {finding.title[:_MESSAGE_MOST]}" for finding in case.findings)
    return "\n".join(filter(None, [case.reason[:_TEXT_MOST], *titles, again]))


def _excerpts(findings: Iterable[Finding]) -> str:
    return "\n\n".join(finding.text[:_TEXT_MOST] for finding in findings)[:_TEXT_MOST]


def _checks(content: Content, checks: list[tuple[CaseResult, SubResult]]) -> ElementTree.Element:
    run = content.result.run
    cases = [_check(case, check) for case, check in checks]
    suite = ElementTree.Element(
        "testsuite",
        {
            "name": _clean(f"vexlab {run.target} checks"),
            "id": f"{run.id}-checks",
            **_counted(cases),
            "time": f"{sum(check.duration_s for _, check in checks):.3f}",
            "timestamp": run.started,
        },
    )
    suite.extend(cases)
    return suite


def _check(case: CaseResult, check: SubResult) -> ElementTree.Element:
    element = ElementTree.Element(
        "testcase", classname=_clean(case.id), name=_clean(check.name), time=f"{check.duration_s:.3f}"
    )
    if kind := _CHECK_ELEMENT.get(check.verdict):
        kind = "skipped" if known_words(case) else kind
        child = ElementTree.SubElement(
            element, kind, message=_clean(check.words[:_MESSAGE_MOST]), type=check.verdict.value
        )
        child.text = _clean(check.words[:_TEXT_MOST])
    return element


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text).replace(_ATTACHMENT, "[ [ATTACHMENT|")
