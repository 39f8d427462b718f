"""What compilers and analysers remark on a source, by file and line, and which of it is known already."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vexlab.tables import read_toml, visible

BASELINE = "remarks.toml"  # beside target.toml
_MOST = 2000  # of one analyser
_WIDEST = 400

# balloc.c:10:5: warning: unused variable 'x' [-Wunused-variable]      super.c:12: WARNING:MEMORY_BARRIER: memory …
# ./map.c:48:2-7: WARNING: NULL check before some freeing functions is not needed.      file.c:9 f() error: …
_PLACED = re.compile(r"^(?P<file>[\w./+-]+\.[chS]):(?P<line>\d+)(?::\d+(?:-\d+)?)?:? +(?P<words>\S.*)$", re.ASCII)
# modpost and objtool name an object: WARNING: modpost: missing MODULE_LICENSE() in x.o      x.o: warning: objtool: …
_OBJECT = re.compile(r"^(?:WARNING: modpost: |[\w./+-]+\.k?o: warning: )")
# In file included from super.c:3:      super.c:10:5: note: declared here      a line of source that a compiler shows
_CONTINUED = re.compile(r"^(?:note|included from)\b|^note:")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Remark:
    """``file`` is relative to the target's source, ``line`` 0 where it is about the whole; ``by`` is the analyser."""

    file: str
    line: int
    by: str
    words: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.words}" if self.line else f"{self.file}: {self.words}"

    @property
    def key(self) -> tuple[str, str, str]:
        """What stays the same when lines are moved: numbers in the words are left out, too."""
        return self.by, self.file, _NUMBER.sub("N", self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRemark:
    """A ``[[remark]]`` of ``remarks.toml``: ``count`` of them in ``file`` are known; ``why`` says why they stay."""

    by: str
    file: str
    words: str
    count: int = 1
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    remark: tuple[KnownRemark, ...] = ()


def parse(by: str, text: str) -> tuple[Remark, ...]:
    """Return the remarks in what an analyser printed, each once; lines that continue another are left out."""
    found: dict[Remark, None] = {}
    for line in text.splitlines():
        if len(found) >= _MOST:
            break
        if match := _PLACED.match(line):
            words = visible(match["words"])[:_WIDEST]
            if not _CONTINUED.match(words):
                file = match["file"].removeprefix("./")
                found[Remark(file=file, line=int(match["line"]), by=by, words=words)] = None
        elif _OBJECT.match(line):
            found[Remark(file="module", line=0, by=by, words=visible(line)[:_WIDEST])] = None
    return tuple(found)


def own(remarks: Iterable[Remark], source: Path) -> tuple[Remark, ...]:
    """Return those about files of the target's ``source``: what its headers of the kernel draw is not its own."""
    return tuple(each for each in remarks if not each.line or (source / each.file).is_file())


def known_remarks(file: Path) -> tuple[KnownRemark, ...]:
    """Read ``remarks.toml``; nothing where there is none. Raises ``UsageError``."""
    return read_toml(file, _File).remark if file.is_file() else ()


def new_remarks(remarks: Iterable[Remark], known: Iterable[KnownRemark]) -> tuple[Remark, ...]:
    """Return the remarks beyond those known, file by file: of five alike of which four are known, the last one."""
    left: Counter[tuple[str, str, str]] = Counter()
    for each in known:
        left[each.by, each.file, _NUMBER.sub("N", each.words)] += each.count
    fresh = []
    for remark in sorted(remarks):
        if left[remark.key] > 0:
            left[remark.key] -= 1
        else:
            fresh.append(remark)
    return tuple(fresh)


def baseline_text(
    remarks: Iterable[Remark], before: Iterable[KnownRemark] = (), kept: Iterable[KnownRemark] = ()
) -> str:
    """Return a ``remarks.toml`` with all of ``remarks`` and what is ``kept``; reasons given ``before`` stay."""
    reasons = {(each.by, each.file, _NUMBER.sub("N", each.words)): each.why for each in before}
    found = sorted(remarks, reverse=True)
    counts = Counter(remark.key for remark in found)
    shown = {remark.key: remark.words for remark in found}
    for each in kept:
        key = (each.by, each.file, _NUMBER.sub("N", each.words))
        counts[key] += each.count
        shown.setdefault(key, each.words)
    lines = ["# What static analysis remarks on and is known; `vexlab check --accept` writes it."]
    for key in sorted(counts):
        words = {"by": key[0], "file": key[1], "words": shown[key], "count": counts[key]}
        if reasons.get(key):
            words["why"] = reasons[key]
        lines += ["", "[[remark]]", *(f"{name} = {json.dumps(value)}" for name, value in words.items())]
    return "\n".join(lines) + "\n"
