"""The files of each guest's program in C, and those of VexFS's module, need each other in one direction."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from vexlab.workloads import WORKLOADS

# static ones are nobody else's; `name(` at the beginning of a line, or behind the type, then the body
_FUNCTION = re.compile(r"^(?!static|typedef|#)[A-Za-z_][\w \t*]*?[\s*](\w+)\([^;{}]*\)\s*\{", re.MULTILINE)
_REMARK = re.compile(r"/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"", re.DOTALL)
# #define vexfs_start(sb, blocks) vexfs_start_at(sb, blocks, 0, __LINE__); its text may go on in the next lines
_MACRO = re.compile(r"^#define[ \t]+(\w+)\([^)]*\)((?:\\\n|[^\n])*)", re.MULTILINE)
_INLINE = re.compile(r"^static inline [\w \t*]*?[\s*](\w+)\([^;{}]*\)\s*\{(.*?)^\}", re.MULTILINE | re.DOTALL)
_OBJECTS = re.compile(r"^vexfs-y := ((?:\\\n|[^\n])*)", re.MULTILINE)
MODULE = Path(__file__).parents[3] / "targets" / "vexfs" / "module"
PROGRAMS = sorted({Path(output).name for output in WORKLOADS.outputs} | {"lib"})


def _needs(texts: Mapping[str, str]) -> dict[str, set[str]]:
    """Return of each file the others whose functions it calls, by their names or through a macro of a header.

    A table of operations is no call: the kernel's callbacks lead back to files above.
    """
    plain = {name: _REMARK.sub("", text) for name, text in texts.items()}
    where = {function: name for name, text in plain.items() for function in _FUNCTION.findall(text)}
    # what a header defines is part of whoever calls it: macros, and inline functions
    headers = [text for name, text in plain.items() if name.endswith(".h")]
    macros = {macro: body for text in plain.values() for macro, body in _MACRO.findall(text)}
    macros |= {function: body for text in headers for function, body in _INLINE.findall(text)}
    needs: dict[str, set[str]] = {}
    for name, text in plain.items():
        words = set(re.findall(r"\w+", text))
        words.update(word for macro in words & macros.keys() for word in re.findall(r"\w+", macros[macro]))
        if name.endswith(".c"):
            needs[name] = {where[word] for word in words if where.get(word, name) != name}
    return needs


def _sources(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in sorted(folder.glob("*.[ch]"))}


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


def test_a_circle_through_an_inline_function_of_a_header_is_found() -> None:
    texts = {
        "a.c": "void one(int x)\n{\n\ttwo();\n}\n",
        "b.c": "int two(void)\n{\n\treturn in_header(1);\n}\n",
        "b.h": "static inline int in_header(int x)\n{\n\tif (x) {\n\t\tone(x);\n\t}\n\treturn 0;\n}\n",
    }
    assert _circle(_needs(texts)) == ["a.c", "b.c"]
    assert _circle(_needs(texts | {"b.h": texts["b.h"].replace("one", "other")})) == []


@pytest.mark.parametrize(
    "function",
    [
        "int one(void)\n{\n}\n",
        "struct buffer_head *one(struct inode *inode,\n\t\t\tu64 block)\n{\n}\n",
        "ssize_t one(void (*each)(int x), int y)\n{\n}\n",
        "int __init one(void)\n{\n}\n",
        "void\none(const char *text, ...)\n{\n}\n",
        "__printf(1, 2)\nvoid one(const char *text, ...)\n{\n}\n",
    ],
)
def test_a_function_is_seen(function: str) -> None:
    assert _needs({"a.c": function, "b.c": "static int two(void)\n{\n\treturn one();\n}\n"}) == {
        "a.c": set(),
        "b.c": {"a.c"},
    }


@pytest.mark.parametrize("other", ["static int one(void)\n{\n}\n", "int one(void);\n", "static int (*one)(void);\n"])
def test_what_is_no_function_for_others(other: str) -> None:
    assert _needs({"a.c": other, "b.c": "int two(void)\n{\n\treturn one();\n}\n"}) == {"a.c": set(), "b.c": set()}


def test_a_macro_stands_for_what_it_calls() -> None:
    texts = {
        "a.h": "int one_at(int x, int line);\n#define one(x) \\\n\tone_at(x, __LINE__)\n#define other 1\n",
        "a.c": "int one_at(int x, int line)\n{\n}\n",
        "b.c": "int two(void)\n{\n\treturn one(other);\n}\n",
    }
    assert _needs(texts) == {"a.c": set(), "b.c": {"a.c"}}


@pytest.mark.parametrize("program", PROGRAMS)
def test_no_circle_in_a_program(program: str) -> None:
    needs = _needs(_sources(WORKLOADS.source / program))
    assert needs
    assert _circle(needs) == []


def test_no_circle_in_the_module() -> None:
    needs = _needs(_sources(MODULE))
    assert _circle(needs) == []


def test_kbuild_lists_the_module_from_below() -> None:
    """Each file stands behind those whose functions it calls."""
    needs = _needs(_sources(MODULE))
    (objects,) = _OBJECTS.findall((MODULE / "Kbuild").read_text())
    files = [word.replace(".o", ".c") for word in objects.replace("\\\n", " ").split()]
    assert sorted(files) == sorted(needs)
    later = {name: sorted(needs[name] - set(files[:place])) for place, name in enumerate(files)}
    assert {name: others for name, others in later.items() if others} == {}
