"""The problems of a run for code scanning: SARIF 2.1.0 (docs.oasis-open.org/sarif/sarif/v2.1.0). Pure."""

from __future__ import annotations

import hashlib
import json

from vexlab import __version__
from vexlab.model.problem import Harm, Problem
from vexlab.model.verdict import Verdict
from vexlab.report.content import HARM_WORDS, Content, bounded, one_line
from vexlab.report.places import Locate, Place, named

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_VERSION = "2.1.0"
_LEVELS = {Harm.WRONG: "warning", Harm.LEAK: "warning"}  # all else is an error
_SECURITY = {Harm.CRASH: "8.0", Harm.HANG: "6.0", Harm.DATA: "7.0", Harm.WARNING: "5.0"}


def render(content: Content) -> bytes:
    """Return a result for each problem; places are those that the kernel's words name, as the build knows them."""
    return render_with(content, named)


def render_with(content: Content, locate: Locate) -> bytes:
    """Return a result for each problem, ``locate`` telling where its finding points to."""
    rules = {problem.harm: _rule(problem.harm) for problem in content.problems}
    run = {
        "tool": {
            "driver": {
                "name": "vexlab",
                "version": __version__,
                "rules": [rules[harm] for harm in sorted(rules)],
            }
        },
        "automationDetails": {"id": f"vexlab/{content.result.run.target}"},
        "properties": {
            "verdict": str(content.headline),
            "cases": len(content.cases),
            "red": content.counts[Verdict.FAILED] + content.counts[Verdict.CRASHED],
        },
        "results": [_result(problem, content, locate) for problem in content.problems],
    }
    document = {"$schema": _SCHEMA, "version": _VERSION, "runs": [run]}
    return json.dumps(document, indent=2).encode() + b"\n"


def _rule(harm: Harm) -> dict[str, object]:
    properties: dict[str, object] = {"tags": ["kernel", "filesystem"]}
    if harm in _SECURITY:
        properties["security-severity"] = _SECURITY[harm]
    return {
        "id": harm.name.lower(),
        "shortDescription": {"text": HARM_WORDS[harm]},
        "defaultConfiguration": {"level": _LEVELS.get(harm, "error")},
        "properties": properties,
    }


def _result(problem: Problem, content: Content, locate: Locate) -> dict[str, object]:
    finding = content.finding(problem)
    key = problem.key.encode(errors="backslashreplace")
    shown = f"\nShown by {problem.cases[0]}" if problem.cases else ""
    result: dict[str, object] = {
        "ruleId": problem.harm.name.lower(),
        "level": "note" if problem.known else _LEVELS.get(problem.harm, "error"),
        "message": {"text": bounded(problem.title) + shown},
        "partialFingerprints": {"problem/v1": hashlib.sha256(key).hexdigest()[:32]},
        "locations": [_location(locate(finding), finding.frame if finding else "")],
    }
    if problem.known:
        result["suppressions"] = [{"kind": "external", "justification": one_line(problem.known)}]
    return result


def _location(place: Place | None, frame: str) -> dict[str, object]:
    location: dict[str, object] = {}
    if place:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": place.file, "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": place.line},
        }
    if frame:
        location["logicalLocations"] = [{"name": one_line(frame), "kind": "function"}]
    return location
