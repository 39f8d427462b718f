"""What a function is called with: where its arguments are, from the debug information of the module.

A probe at a function's entry fetches them, as Documentation/trace/kprobetrace.rst has it: names of files where a
pointer leads to one, numbers of inodes, strings, numbers; other pointers as addresses. Needs the extra
``vexlab[debug]``: drgn reads the debug information.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path

from drgn import Program, Type, TypeKind, TypeParameter, offsetof

from vexlab.targets.dwarf import types_of
from vexlab.trace.errno import FETCHED

# Where x86-64 passes them, by the names of kprobe events. $argN is refused while the module is not loaded yet.
_PLACES = ("%di", "%si", "%dx", "%cx", "%r8", "%r9", "$stack1", "$stack2")
_PASSED = (TypeKind.INT, TypeKind.BOOL, TypeKind.POINTER)
_STRUCTURES = (TypeKind.STRUCT, TypeKind.UNION)
# What is told of a structure: the way to it by members, each of a structure that the one before points to; the type.
_DENTRY = (("dentry", "d_name.name"), ("", ""))
_FILE = (("file", "f_path.dentry"), *_DENTRY)
_KNOWN: Mapping[str, tuple[Sequence[tuple[str, str]], str]] = {
    "dentry": (_DENTRY, "string"),
    "file": (_FILE, "string"),
    "kiocb": ((("kiocb", "ki_filp"), *_FILE), "string"),
    "inode": ((("inode", "i_ino"),), "u64"),
    "super_block": ((("super_block", "s_id"),), "string"),
}


def fetches(file: Path, functions: Sequence[str]) -> Mapping[str, str]:
    """Return for each function the words that fetch its arguments, as kprobe events take them.

    Without an entry are functions that the debug information of the module's ``file`` does not have, those without
    arguments, and variants whose arguments the compiler has changed (``.isra``, ``.constprop``, ``.part``).
    """
    prog = types_of(file)
    if prog is None:
        return {}
    found = {}
    for function in functions:
        try:
            kind = prog.function(function).type_
        except LookupError:
            continue
        # Where a structure is returned, the place for it comes before the arguments, or not: sizes decide.
        parameters = () if _bare(kind.type).kind in _STRUCTURES else kind.parameters
        if words := " ".join(_fetch(prog, place, each) for place, each in _passed(parameters)):
            found[function] = words
    return found


def _passed(parameters: Sequence[TypeParameter]) -> list[tuple[str, TypeParameter]]:
    """Return the parameters whose places are known: behind a structure that is passed by value nothing is."""
    pairs = zip(_PLACES, parameters, strict=False)
    return [pair for pair in takewhile(lambda pair: _is_passed(_bare(pair[1].type)), pairs) if pair[1].name]


def _is_passed(type_: Type) -> bool:
    """Whether a value of a type takes one place, and is of a size that a probe fetches."""
    return type_.kind in _PASSED and (type_.kind == TypeKind.POINTER or type_.size in (1, 2, 4, 8))


def _fetch(prog: Program, place: str, parameter: TypeParameter) -> str:
    name, type_ = f"{FETCHED}{parameter.name}", _bare(parameter.type)
    if type_.kind != TypeKind.POINTER:
        signed = type_.kind == TypeKind.INT and type_.is_signed
        return f"{name}={place}:{'s' if signed else 'u'}{8 * type_.size}"
    target = _bare(type_.type)
    if target.kind == TypeKind.STRUCT and target.tag in _KNOWN:
        way, told = _KNOWN[target.tag]
        try:
            return f"{name}={_fetched_by(prog, place, way)}:{told}"
        except LookupError:  # the module knows no more of it than its name
            pass
    if target.kind == TypeKind.INT and "char" in target.name and target.size == 1:
        return f"{name}=+0({place}):string"
    return f"{name}={place}:x64"


def _bare(type_: Type) -> Type:
    """Return what a type stands for: a ``const u8`` is an ``unsigned char``, an ``enum`` a number."""
    while type_.kind in (TypeKind.TYPEDEF, TypeKind.ENUM) and type_.type is not None:
        type_ = type_.type
    return type_


def _fetched_by(prog: Program, word: str, way: Sequence[tuple[str, str]]) -> str:
    """Return what is at the end of a way from ``word``: ``+0(+40(+24(%di)))`` is the name of an open file."""
    for structure, member in way:
        offset = offsetof(prog.type(f"struct {structure}"), member) if structure else 0
        word = f"+{offset}({word})"
    return word
