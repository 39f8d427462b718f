"""The files of each guest's program in C need each other in one direction."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from vexlab.workloads import WORKLOADS

# static ones are nobody else's; `name(` at the beginning of a line, or behind the type, then the body
_FUNCTION = re.compile(r"^(?!static|typedef|#)[A-Za-z_][\w \t*]*?[\s*](\w+)\([^;{}]*\)\s*\{", re.MULTILINE)
_REMARK = re.compile(r"/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"", re.DOTALL)
PROGRAMS = sorted({Path(output).name for output in WORKLOADS.outputs} | {"lib"})


def _needs(texts: Mapping[str, str]) -> dict[str, set[str]]:
    """Return of each file the others whose functions it calls."""
    plain = {name: _REMARK.sub("", text) for name, text in texts.items()}
    where = {function: name for name, text in plain.items() for function in _FUNCTION.findall(text)}
    return {
        name: {where[word] for word in re.findall(r"\w+", text) if where.get(word, name) != name}
        for name, text in plain.items()
    }


def _circle(needs: Mapping[str, set[str]]) -> list[str]:
    """Return the files that are left when those that need no other one are taken away, again and again."""
    left = dict(needs)
    while free := [name for name, others in left.items() if not others & left.keys()]:
        for name in free:
            del left[name]
    return sorted(left)


def test_a_circle_is_found() -> None:
    texts = {
        "a.c": "void one(int x)\n{\n\ttwo();\n}\n",
        "b.c": "bool two(void)\n{\n\treturn three();\n}\n",
        "c.c": "static int four(void)\n{\n}\n\nint three(void)\n{\n\t/* one() */\n\treturn four();\n}\n",
    }
    assert _circle(_needs(texts)) == []
    texts["c.c"] = texts["c.c"].replace("return four()", "one(four())")
    assert _circle(_needs(texts)) == ["a.c", "b.c", "c.c"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_circle_in_a_program(program: str) -> None:
    files = sorted((WORKLOADS.source / program).glob("*.c"))
    assert files
    assert _circle(_needs({file.name: file.read_text() for file in files})) == []
