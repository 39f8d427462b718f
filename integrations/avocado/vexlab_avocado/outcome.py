"""From what a run of vexlab left to the status that Avocado shows. Pure.

A test passes only where vexlab says that the case passed and the run ended well; whatever did not run is no success.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# vexlab's verdict: Avocado's status. Where a run holds several cases, the first of these that one of them has counts:
# a module that does not build is a case of its own.
STATUSES: Mapping[str, str] = {
    "crashed": "fail",
    "failed": "fail",
    "error": "error",
    "blocked": "error",  # Avocado takes a cancelled test for a success, and this one could not look at anything
    "undecided": "error",
    "skipped": "skip",
    "passed": "pass",
}
_EXCUSED = "warn"  # a failure that the user's known-issues file covers
_WORDS_MOST = 1000
_ENDINGS = {130: "it was interrupted", 2: "the request is wrong", 3: "the lab failed", 4: "nothing ran"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What Avocado is told: ``result`` is its status, ``fail_class`` the kind of failure.

    ``whiteboard`` is JSON of verdict, kernel and metrics, ``evidence`` the path of the case's folder, and ``lines`` go
    to the log.
    """

    result: str
    reason: str = ""
    fail_class: str = ""
    whiteboard: str = ""
    evidence: str = ""
    lines: tuple[str, ...] = ()


def judge(document: bytes, case: str, status: int, said: str) -> Outcome:
    """Return the outcome of ``case``, an id.

    ``document`` is what `vexlab run --json` wrote, empty where it wrote nothing; ``status`` its exit status, ``said``
    the end of its output.
    """
    try:
        read = json.loads(document) if document else {}
        cases = [_Case(each) for each in read.get("cases", ())]
    except (ValueError, AttributeError, TypeError, KeyError) as error:
        return _error(f"vexlab's results cannot be read: {error}", status, said)
    mine = next((each for each in cases if each.id == case), None)
    worst = min(cases, key=lambda each: each.rank, default=None)
    if worst is None or (mine is None and STATUSES.get(worst.verdict) in ("pass", "skip")):
        return _error(f"vexlab told nothing of {case}", status, said)
    run = read.get("run", {})
    result = _EXCUSED if worst.excused and worst.status == "fail" else worst.status
    if result in ("pass", "warn") and status != 0:
        return _error(f"the case {worst.verdict}, but the run did not end well", status, said)
    return Outcome(
        result=result,
        reason=printable(worst.words) if result != "pass" else "",
        fail_class=worst.kind if result == "fail" else "",
        whiteboard=worst.whiteboard(run),
        evidence=worst.evidence,
        lines=tuple(printable(line) for each in cases for line in each.lines()),
    )


def _error(words: str, status: int, said: str) -> Outcome:
    last = [line.strip() for line in said.splitlines() if line.strip()][-3:]
    how = _ENDINGS.get(status, "")
    ending = f"exit status {status}{f', {how}' if how else ''}"
    return Outcome(result="error", reason=printable("; ".join([f"{words} ({ending})", *last])))


class _Case:
    """A case of the document, as far as it is needed."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        self.id = str(fields["id"])
        self.verdict = str(fields["verdict"])
        self.status = STATUSES.get(self.verdict, "error")  # a verdict that a later vexlab has is no success
        self.excused = bool(fields.get("excused"))
        self.evidence = str(fields.get("evidence", ""))
        self._reason = str(fields.get("reason", ""))
        self._findings = _dicts(fields.get("findings"))
        self._known = _dicts(fields.get("known"))
        self._checks = _dicts(fields.get("subresults"))
        self._metrics = _dicts(fields.get("metrics"))
        self._fields = fields

    @property
    def rank(self) -> int:
        order = list(STATUSES)
        return order.index(self.verdict) if self.verdict in order else 0

    @property
    def kind(self) -> str:
        return str(self._findings[0].get("type", "")) if self._findings else self.verdict

    @property
    def words(self) -> str:
        known = [str(each.get("words", "")) for each in self._known]
        titles = [str(each.get("title", "")) for each in self._findings]
        parts = [*(f"known: {words}" for words in known), *titles, self._reason]
        return "; ".join(dict.fromkeys(part for part in parts if part)) or self.verdict

    def lines(self) -> list[str]:
        """Return what is worth a line of the log: the verdict, findings, checks that did not pass, metrics."""
        said = [f"{self.id}: {self.verdict}{f': {self._reason}' if self._reason else ''}"]
        said += [f"finding: {each.get('title')}" for each in self._findings]
        said += [
            f"check {each.get('name')}: {each.get('verdict')} {each.get('words', '')}".rstrip()
            for each in self._checks
            if each.get("verdict") != "passed"
        ]
        said += [
            f"metric {each.get('name')} = {each.get('value')} {each.get('unit', '')}".rstrip() for each in self._metrics
        ]
        return said

    def whiteboard(self, run: Mapping[str, object]) -> str:
        """Return the JSON of the whiteboard."""
        board = {
            "case": self.id,
            "verdict": self.verdict,
            "run": run.get("id", ""),
            "target": self._fields.get("target", ""),
            "kernel": self._fields.get("kernel", ""),
            "flavour": self._fields.get("flavour", ""),
            "accelerator": run.get("accelerator", ""),
            "findings": [
                {name: each.get(name, "") for name in ("title", "type", "severity", "fingerprint")}
                for each in self._findings
            ],
            "metrics": {
                str(each.get("name")): {"value": each.get("value"), "unit": each.get("unit", "")}
                for each in self._metrics
            },
        }
        return json.dumps(board, indent=2)  # plain ASCII, whatever a guest printed


def printable(words: str) -> str:
    """Return ``words`` on one line, bounded, without what a terminal obeys."""
    line = "".join(each if each.isprintable() else " " for each in words)
    return line if len(line) <= _WORDS_MOST else f"{line[: _WORDS_MOST - 3]}..."


def _dicts(value: object) -> Sequence[Mapping[str, object]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
