"""A run as JSON."""

from __future__ import annotations

import msgspec

from vexlab.model.case import CaseResult, RunResult
from vexlab.model.problem import distinct


def render(result: RunResult) -> bytes:
    """Return the run as indented JSON: ``{"run": …, "summary": …, "problems": […], "cases": […]}``.

    A case has its id, and the fields of its key beside its other ones.
    """
    document = {
        "run": result.run,
        "summary": result.summary,
        "problems": distinct(result.cases),
        "cases": [_case(case) for case in result.cases],
    }
    return msgspec.json.format(msgspec.json.encode(document)) + b"\n"


def _case(case: CaseResult) -> dict[str, object]:
    fields = msgspec.to_builtins(case)
    return {"id": case.id, **fields.pop("key"), **fields}
