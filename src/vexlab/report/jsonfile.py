"""A run as JSON, and the JSON Schema of it. Both come from the same types."""

from __future__ import annotations

import dataclasses
import json
import re
import typing

import msgspec

from vexlab.model.case import CaseResult, RunInfo, Summary
from vexlab.model.flaky import Judgement
from vexlab.model.key import CaseKey
from vexlab.model.problem import Problem
from vexlab.model.profile import Profile
from vexlab.report.advice import Advice, advice
from vexlab.report.content import Content

# Of the document: a field that is added leaves it, one that goes or changes its meaning raises it.
VERSION = 1
# What JSON may hold as it is and a terminal may obey: C1 controls, and what turns the direction of a line or ends it
_ODD = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def _fields(kind: type) -> list[tuple[str, object]]:
    hints = typing.get_type_hints(kind)
    return [(field.name, hints[field.name]) for field in dataclasses.fields(kind)]


def _case_type() -> type[msgspec.Struct]:
    """Return the type of a case in the document: its id, the fields of its key, and its others."""
    others = [field for field in _fields(CaseResult) if field[0] != "key"]
    return msgspec.defstruct("Case", [("id", str), *_fields(CaseKey), *others], kw_only=True)


class Document(msgspec.Struct, kw_only=True):
    """The whole file."""

    version: int
    run: RunInfo
    summary: Summary
    problems: tuple[Problem, ...]
    profiles: tuple[Profile, ...]
    stale: tuple[str, ...]
    advice: tuple[Advice, ...]
    flaky: tuple[Judgement, ...]
    cases: tuple[_case_type(), ...]  # type: ignore[valid-type]  # made of the model's fields


def render(content: Content) -> bytes:
    """Return the run as indented JSON: ``{"version": 1, "run": …, "summary": …, "problems": […], …}``.

    A case has its id, and the fields of its key beside its other ones.
    """
    document = {
        "version": VERSION,
        "run": content.result.run,
        "summary": content.result.summary,
        "problems": content.problems,
        "profiles": content.profiles,
        "stale": content.result.stale,
        "advice": advice(content),
        "flaky": content.flaky,
        "cases": [_case(case) for case in content.cases],
    }
    return encoded(document) + b"\n"


def encoded(document: object) -> bytes:
    """Return ``document`` as indented JSON that does nothing to a terminal, whatever a guest's words in it are.

    Half a surrogate pair, which is no character, becomes a question mark.
    """
    try:
        data = msgspec.json.encode(document)
    except UnicodeEncodeError:
        data = json.dumps(msgspec.to_builtins(document), ensure_ascii=False).encode(errors="replace")
    text = msgspec.json.format(data).decode()
    return _ODD.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


def schema() -> bytes:
    """Return the JSON Schema of what ``render`` writes."""
    (reference,), components = msgspec.json.schema_components([Document], ref_template="#/$defs/{name}")
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"A run of vexlab, version {VERSION}",
        **reference,
        "$defs": components,
    }
    return msgspec.json.format(msgspec.json.encode(document)) + b"\n"


def _case(case: CaseResult) -> dict[str, object]:
    fields = msgspec.to_builtins(case)
    return {"id": case.id, **fields.pop("key"), **fields}
