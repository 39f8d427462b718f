"""classify(): console text in, every report of it out. Pure: no clock, no files, no processes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

from vexlab.classify import corrupted as corruption
from vexlab.classify.belief import believed
from vexlab.classify.blame import Candidate, blame, candidate, candidates
from vexlab.classify.body import WINDOW, Body, extract, frames_of
from vexlab.classify.facts import facts
from vexlab.classify.fingerprint import fingerprint
from vexlab.classify.grouping import Group, Grouping, ends_search, merge
from vexlab.classify.headlines import DIE_COUNT, Headline
from vexlab.classify.interleave import told_apart
from vexlab.classify.lines import normalise
from vexlab.classify.names import plain
from vexlab.classify.oops_format import OopsFormat
from vexlab.classify.oops_formats import OOPS_FORMATS
from vexlab.classify.remarks import remark
from vexlab.classify.skips import skipped
from vexlab.classify.titles import clean
from vexlab.classify.traces import target_frame, traces
from vexlab.classify.types import HANG, severity, type_of
from vexlab.model.report import Report

MOST_REPORTS = 2000
"""Reports returned for one log."""
MOST_ALIKE = 300
"""Reports with the same headline, numbers aside: a flood of one crash leaves room for the next one."""
_WINDOWS = ((20, WINDOW), (200, WINDOW // 16), (MOST_REPORTS, WINDOW // 64))  # (reports so far, characters)
NOBODY = "corrupted"
"""Who is blamed in a title where the log names no function."""


class Verdict(NamedTuple):
    """What the table of formats makes of a headline."""

    title: str
    alts: tuple[str, ...]
    frame: str
    corrupted: bool


def classify(text: str, *, target_modules: Collection[str] = ()) -> tuple[Report, ...]:
    """All reports of a kernel log in order, each with the follow-on noise that belongs to it.

    ``text`` is any console, dmesg or journal text; ``target_modules`` are the names of the modules under test
    (``-`` and ``_`` are the same), whose frames mark a report as ``in_target``. Never raises on any text.
    """
    text = normalise(text)
    groups = Grouping(text).groups(believed(text))
    lost = corruption.serial_lost(text)
    targets = frozenset(name.replace("-", "_") for name in target_modules)
    found: list[Report] = []
    lines = _LineNumbers(text)
    alike: Counter[str] = Counter()
    for group, foreign in told_apart(text, groups):
        kind = clean(group.head.text)
        alike[kind] += 1
        if alike[kind] > MOST_ALIKE:
            continue
        stop = min(group.stop, group.head.start + _window(len(found)))
        body = extract(text, group.head, stop=stop, targets=targets, foreign=foreign)
        body.bound(frozenset(one.start for one in group.tail if ends_search(one)))
        found.append(_report(body, group, lines, lost=lost))
        if len(found) >= MOST_REPORTS:
            break
    return merge(found)


def headline(text: str) -> str | None:
    """The first crash headline in a piece of console text, or None; fast, for pollers."""
    text = normalise(text)
    for found in believed(text):
        return found.text
    return None


def _window(before: int) -> int:
    """How far a report's text is sought; a log with hundreds of reports gets less for each, to stay linear."""
    return next(size for most, size in _WINDOWS if before < most)


class _LineNumbers:
    """Line numbers of rising places in a text, counted once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._pos = 0
        self._line = 1

    def of(self, pos: int) -> int:
        if pos < self._pos:
            return self._line - self._text.count("\n", pos, self._pos)
        self._line += self._text.count("\n", self._pos, pos)
        self._pos = pos
        return self._line


def _report(body: Body, group: Group, lines: _LineNumbers, *, lost: bool) -> Report:
    head, tail = group.head, group.tail
    verdict = _judge(body, head)
    report_type = type_of(verdict.title)
    own = body.own_lines(frozenset(one.start for one in tail), many_stacks=report_type == HANG)
    text = "\n".join(line.body for line in own)
    stacks = traces(own)
    seen = facts(head.body, text)
    suppressed = corruption.setup_trouble(body, head)
    in_target, target = False, ""
    if body.targets and not suppressed:
        in_target, target = target_frame(text, stacks, head.text, body.targets)
    first = lines.of(head.start)
    last = max(first, lines.of(tail[-1].start)) if tail else first
    return Report(
        title=verdict.title,
        type=report_type,
        severity=severity(report_type, verdict.title),
        frame=verdict.frame,
        alt_titles=verdict.alts,
        corrupted=verdict.corrupted or lost,
        suppressed=suppressed,
        text=body.text,
        headline=head.text[:1024],
        fingerprint=fingerprint(verdict.title, stacks),
        traces=stacks,
        taint=seen.taint,
        release=seen.release,
        task=seen.task,
        pid=seen.pid,
        cpu=seen.cpu,
        executor=seen.executor,
        in_target=in_target,
        target_frame=target,
        first_line=first,
        last_line=last,
        follow_on=tuple(one.text[:1024] for one in tail),
        remark=remark(text, stacks),
    )


def _judge(body: Body, head: Headline) -> Verdict:
    """The first format whose headline and required lines are there, or the raw headline."""
    at = body.starts[body.head] + (head.at if head.keyword != DIE_COUNT else 0)
    tried = False
    for oops_format in OOPS_FORMATS:
        match = oops_format.head.match(body.text, at)
        if match is None:
            continue
        groups: dict[str, str] = {k: v for k, v in match.groupdict().items() if v is not None}
        named = _named(match, body)
        pos = match.end()
        if oops_format.before:
            groups.update(next((hit.groupdict() for hit in map(oops_format.before.match, body.earlier) if hit), {}))
        if not _needs(oops_format, body, pos, groups):
            tried = True
            continue
        return _fill(oops_format, body, pos, groups, named or _named_later(groups))
    raw = clean(_raw(head))
    return Verdict(raw, (), _frame_in(raw), tried or corruption.stamped(raw))


def _named(match: re.Match[str], body: Body) -> Candidate | None:
    """The function that the headline itself names."""
    name = match.groupdict().get("name")
    if not name:
        return None
    function = name.partition(".")[0]
    return candidate(function, body, match.start("name"))


def _named_later(groups: dict[str, str]) -> Candidate | None:
    """The function that a line behind the headline names."""
    name = groups.get("name", "").partition(".")[0]
    return Candidate(name) if name else None


def _needs(oops_format: OopsFormat, body: Body, pos: int, groups: dict[str, str]) -> bool:
    for need in oops_format.needs:
        match = need.search(body.text, pos, body.endpos)
        if match is None:
            return False
        pos = match.end()
        groups.update({k: v for k, v in match.groupdict().items() if v is not None and k != "f"})
    return True


def _fill(oops_format: OopsFormat, body: Body, pos: int, groups: dict[str, str], named: Candidate | None) -> Verdict:
    corrupted = (
        oops_format.corrupted
        or (not oops_format.stackless and corruption.no_stack(body))
        or corruption.broken_stack(body)
    )
    frame = raw = ""
    others: tuple[str, ...] = ()
    if "{f}" in oops_format.title:
        frame, raw, injected = blame(oops_format, named, body, pos)
        corrupted = corrupted or injected or not frame
        frame, others = plain(frame)
        if raw and raw != frame and raw not in others:
            others = (raw, *others)
    elif oops_format.stack_patterns:
        frame = plain(blame(oops_format, named, body, pos).name)[0]
    origin = _origin(oops_format, body, pos)
    title = _title(oops_format.title, groups, frame or NOBODY, origin)
    names = (frame or NOBODY, *others)
    alts = {
        _title(alt, groups, name, origin) for alt in oops_format.alts if origin or "{g}" not in alt for name in names
    }
    alts |= {_title(oops_format.title, groups, name, origin) for name in others}
    alts.discard(title)
    corrupted = corrupted or corruption.stamped(title)
    return Verdict(clean(title), tuple(sorted(clean(alt) for alt in alts)), frame or _frame_in(clean(title)), corrupted)


def _title(template: str, groups: dict[str, str], frame: str, origin: str) -> str:
    """Fill a template without letting text from the log be read as a template."""
    values = {**groups, "f": frame, "g": origin}
    parts = template.split("{")
    out = parts[0]
    for part in parts[1:]:
        key, _, rest = part.partition("}")
        out += values.get(key, "") + rest
    return out


def _origin(oops_format: OopsFormat, body: Body, pos: int) -> str:
    for names in candidates(oops_format.origin, body, pos):
        for one in names:
            if one.own or not skipped(one.name, oops_format.skip):
                return plain(one.name)[0]
    return ""


def _frame_in(title: str) -> str:
    """The name behind the last `` in `` of a title."""
    _, found, rest = title.rpartition(" in ")
    name = rest.split(" ")[0] if found else ""
    return "" if name == NOBODY else name


def _raw(head: Headline) -> str:
    text = head.text
    if text.startswith("BUG: KASAN: "):
        text = text[5:]
    return text.rstrip(" ]") if text.endswith(" ]") else text


__all__ = ["classify", "frames_of", "headline"]
