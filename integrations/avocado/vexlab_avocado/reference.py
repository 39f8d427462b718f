"""What a reference such as ``vexlab:domain/integration`` asks for, and the tests that come of vexlab's list. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

PREFIX = "vexlab:"

# The first word of a reference: what `vexlab list` is told, the rest of the reference standing for {}.
KINDS: Mapping[str, tuple[str, ...]] = {
    "all": (),
    "quick": ("--quick",),
    "level": ("--level", "{}"),
    "domain": ("--domain", "{}"),
    "scenario": ("--scenario", "{}"),
    "phase": ("--phase", "{}"),
    "suite": ("--suite", "{}"),
    "file": ("{}",),
    "case": (),
}
# Without these words a case is not even collected, so a run needs them, too.
_SOURCES = ("suite", "file")
_ALONE = ("all", "quick")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a reference asks for.

    ``select`` are words for `vexlab list`, ``source`` those of them that a run needs as well. ``case`` is the id, its
    beginning or a pattern; empty for any.
    """

    select: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    case: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A test: one case on one kernel.

    ``key`` holds the parts of its id, ``source`` the words without which it is not collected. ``pinned`` tells that
    ``uri`` names the kernel, because there are several.
    """

    uri: str
    key: Mapping[str, str]
    source: tuple[str, ...]
    pinned: bool
    tags: Mapping[str, frozenset[str]]


def parse(reference: str) -> Wish | None:
    """Return what ``reference`` asks for, ``None`` where it is none of ours; raise ``ValueError`` with the reason.

    >>> parse("vexlab:level1").select
    ('--level', '1')
    """
    if not reference.startswith(PREFIX):
        return None
    kind, slash, value = reference.removeprefix(PREFIX).partition("/")
    if not slash and kind.startswith("level"):  # level1 is short for level/1
        kind, value = "level", kind.removeprefix("level")
    if kind not in KINDS:
        raise ValueError(f"`{kind}` is no kind of reference; there are: {', '.join(KINDS)}")
    if bool(value) == (kind in _ALONE):
        form = kind if kind in _ALONE else f"{kind}/NAME"
        raise ValueError(f"`{reference}` should read `{PREFIX}{form}`")
    if value.startswith("-"):
        raise ValueError(f"`{value}` begins like an option")
    words = tuple(word.format(value) if word == "{}" else word for word in KINDS[kind])
    return Wish(select=words, source=words if kind in _SOURCES else (), case=value if kind == "case" else "")


def case_id(key: Mapping[str, str], *, kernel: str | None = None, configuration: str | None = None) -> str:
    """Return the id of a case, which `vexlab run --only-from` takes, on another kernel where one is given.

    >>> case_id({"domain": "d", "name": "n", "kernel": "6.1", "parameters": "small"})
    'd.n[6.1-small]'
    """
    kernel = key.get("kernel", "") if kernel is None else kernel
    configuration = key.get("configuration", "") if configuration is None else configuration
    words = "-".join(filter(None, (kernel, configuration, key.get("parameters", ""))))
    head = ".".join(filter(None, (key.get("domain", ""), key["name"])))
    return f"{head}[{words}]" if words else head


def chosen(wish: Wish, rows: Iterable[Mapping[str, object]]) -> tuple[Case, ...]:
    """Return the tests that ``wish`` takes of the rows that `vexlab list --json` printed.

    A case that runs on several kernels is a test for each, and its name tells them apart; a single kernel is not in the
    name, so that variants can choose it.
    """
    rows = list(rows)
    pinned = len({str(row["kernel"]) for row in rows if row.get("kernel")}) > 1
    found = []
    for row in rows:
        key = {part: str(row.get(part, "")) for part in ("domain", "name", "parameters", "kernel", "configuration")}
        if not wish.case or _is_meant(key, wish.case):
            name = case_id(key) if pinned else case_id(key, kernel="")
            found.append(
                Case(uri=f"{PREFIX}case/{name}", key=key, source=wish.source, pinned=pinned, tags=_tags(row, key))
            )
    return _most_exact(found, wish.case)


def _most_exact(found: Sequence[Case], asked: str) -> tuple[Case, ...]:
    """Return only the case that is called ``asked``, where there is one, and not those that begin with it."""
    exact = tuple(case for case in found if asked in _names(case.key))
    return exact or tuple(found)


def _names(key: Mapping[str, str]) -> tuple[str, str]:
    return case_id(key), case_id(key, kernel="")


def _is_meant(key: Mapping[str, str], asked: str) -> bool:
    pattern = asked.replace("[", "[[]")  # brackets mean themselves, as in `vexlab run --case`
    return any(name.startswith(asked) or fnmatch.fnmatchcase(name, pattern) for name in _names(key))


def _tags(row: Mapping[str, object], key: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Return Avocado's tags of a case, for ``--filter-by-tags domain:integration`` or ``level:1,quick:yes``."""
    tags = {
        "domain": key["domain"],
        "level": str(row.get("level", "")),
        "scenario": str(row.get("scenario") or ""),
        "safety": str(row.get("safety", "")),
        "kernel": key["kernel"],
        "configuration": key["configuration"],
        "quick": "yes" if row.get("quick") else "",
    }
    return {name: frozenset([value]) for name, value in tags.items() if value}
