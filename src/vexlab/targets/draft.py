"""A ``target.toml`` for a filesystem that has none: what is known, and where each thing is known from. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

REVIEW = "seen by `vexlab init`, review"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The keys of a ``target.toml``; ``remarks`` are comments at its head, ``seen`` says of a key how it was found.

    ``tools`` are folders with their programs. ``refuses`` are words with the reason.
    """

    name: str
    fstype: str
    module: str
    source: str = ""
    mkfs: str = ""
    fsck: str = ""
    packages: tuple[str, ...] = ()
    tools: tuple[tuple[str, tuple[str, ...]], ...] = ()
    min_disk: int = 0
    harmless: tuple[str, ...] = ()
    refuses: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    seen: Mapping[str, str] = field(default_factory=dict)


def render(draft: Draft) -> str:
    """Return the text of the file."""
    lines = [f"# {_plain(remark)}" for remark in draft.remarks]
    keys = ("name", "fstype", "module", "source", "mkfs", "fsck", "packages", "min_disk", "harmless")
    for key in keys:
        value = getattr(draft, key)
        if value:
            said = f"  # {_plain(draft.seen[key])}" if key in draft.seen else ""
            lines.append(f"{key} = {_value(value)}{said}")
    for source, outputs in draft.tools:
        lines += ["", "[[tools]]", f"source = {_value(source)}", f"outputs = {_value(outputs)}"]
    if draft.refuses:
        lines += ["", f"# {REVIEW}: a filesystem may rightly lack these; one that should have them is at fault."]
        lines += ["[refuses]", *(f"{word} = {_value(why)}" for word, why in draft.refuses.items())]
    return "\n".join([*lines, ""])


def _value(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(json.dumps(each, ensure_ascii=False) for each in value)}]"
    return json.dumps(value, ensure_ascii=False)


def _plain(words: str) -> str:
    return " ".join("".join(c if c.isprintable() else "?" for c in words).split())
