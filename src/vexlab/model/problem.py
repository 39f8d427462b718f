"""Distinct problems: what a run found, one entry for each cause however many cases it turned red. Pure."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from vexlab.model.case import CaseResult
from vexlab.model.report import Severity
from vexlab.model.subresult import SubVerdict
from vexlab.model.verdict import Finding, Verdict

_RED = (Verdict.FAILED, Verdict.CRASHED)
_CAPABILITY = "capability"
# Cases that load the module, or try one thing on an empty filesystem, by how their ids begin: the earliest first.
_EARLY = ("kernel_module.", "filesystem_operations.capability[", "filesystem_operations.essential[")
PRECEDED = "what the case had done last:"  # how the line of a failure begins that names the command before it
FINDING, CHECK = "finding:", "check:"  # how keys begin of what the kernel said, and of a check that failed
# Raised when keys of problems change: histories are told by them, so what was noted by other keys is noted anew.
GROUPING = 4
_WORDS_MOST = 300

# blocked by `symlink`, which is broken: BUG: ...      it needs `symlink`, which is broken: ...
_BLOCKER = re.compile(r"`(\w+)`, which is broken")
# blocked by "hang in vexfs_read_super", which filesystem_operations.device_odd[6.1] shows: after 33 s a task is stuck
_HANG_BLOCKER = re.compile(r'blocked by "([^"]+)", which \S+ shows')
# what differs between two cases with one cause: addresses, numbers, paths, seeds
_VARYING = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+(?:\.\d+)?|/[\w./%+-]+|tree\d+|\bline \d+")
_PLACE = re.compile(r" \(test_\w+\.py:\d+\)")
# the kernel said: VEXFS-fs error (vdc): directory 8255 has more subdirectories than links
# ...; it says: VEXFS-fs error (vdc): directory 8255 has more subdirectories than links
_SAID = re.compile(r"(?:the kernel said|it says): (.+)")
# memory leak: each round of 3 mounts and 4 refused ones leaves more behind: kmalloc-32 by 267 (25648 bytes)
_LEAK = re.compile(r"memory leak: .* leaves more behind: (.+)")
_CACHE = re.compile(r"([\w:.-]+) by -?\d")  # kmalloc-32 by 267 (25648 bytes)
_GROWTH = re.compile(r"memory leak: ([\w:.-]+) grows by")  # memory leak: kmalloc-32 grows by 2.0 (192 bytes) a cycle
_EXTENT = "memory"  # free memory as a whole: what caches and pages take
_SEEN_STUCK = "hang in "  # how findings of ours begin
# 10-kkk: content: expected zeros at byte 3764, got its own bytes of generation 1, which were cut
_DIFFERENCE = re.compile(r"\b(\w+): (expected [^;]+, got [^;]+)")
# bystanders/7-hh/16-qqqq: hash: expected "1c9b95979618bf75", got ...     a file of the tree that fstree fills
_FILLED = re.compile(r"\b\d+-([a-z]?)\1*: hash: ")
# xattr.names: not done after 60 s and cannot be killed: [<0>] filename_create+0xb7/0x1b0
_STUCK = re.compile(r"not done after [\d.]+ s and cannot be killed|the kernel died or hung in it")
# words of a failure that are about data that were lost, changed or shown to others
_HARM = re.compile(
    r"not consistent|not what it was|stale|lost|missing|differ|wrong bytes|disclos|is gone|reads as", re.I
)


class Harm(IntEnum):
    """How bad a problem is, the worst last."""

    WRONG = 1  # it does not do what it promises
    LEAK = 2
    WARNING = 3  # the kernel complains and goes on
    DATA = 4
    HANG = 5
    CRASH = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One cause; ``cases`` are the ids of those that show it, the shortest first, ``blocked`` of those it kept away.

    ``title`` is its first line: the kernel's words, or the check that failed and why. ``evidence`` is the folder of the
    shortest case, whose ``reproduce`` shows it again. ``finding`` is the title of the kernel's report, empty where it
    said nothing. ``known`` are the words of the known issue that covers it, in every case that shows it. ``also`` are
    the keys of what was joined with it: by them cases show it that are not about the capability.
    """

    key: str
    title: str
    harm: Harm
    cases: tuple[str, ...]
    blocked: tuple[str, ...] = ()
    evidence: str = ""
    seconds: float = 0.0
    finding: str = ""
    known: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Symptom:
    key: str
    title: str
    harm: Harm
    finding: str = ""
    frame: str = ""
    also: tuple[str, ...] = ()


def distinct(cases: Iterable[CaseResult]) -> tuple[Problem, ...]:
    """Return the problems that ``cases`` show, the most harmful first.

    Of these come first those that show early in the module's life, in the cases of ``_EARLY``: who loads or mounts it
    meets them before all others. Then comes what most cases show.

    A case that shows what the kernel said, or checks that failed, shows these; its other words are taken for their
    consequence. Two failures have one cause where the kernel's report, the check, the broken capability, or the words
    less all numbers and paths are the same.
    """
    cases = tuple(cases)
    symptoms: dict[str, _Symptom] = {}
    shown: dict[str, list[CaseResult]] = {}
    for case in cases:
        if case.verdict not in _RED:
            continue
        for symptom in {each.key: each for each in _symptoms(case)}.values():
            known = symptoms.setdefault(symptom.key, symptom)
            symptoms[symptom.key] = max(known, symptom, key=lambda each: each.harm)
            shown.setdefault(symptom.key, []).append(case)
    leads = _join_hangs(symptoms, shown)
    _join_with_capabilities(symptoms, shown)
    blocked = _blocked(cases, leads | {each.finding: key for key, each in symptoms.items() if each.finding})
    problems = [_problem(symptoms[key], found, blocked.pop(key, ())) for key, found in shown.items()]
    problems += [_unshown(key, ids) for key, ids in blocked.items()]
    return tuple(sorted(problems, key=lambda each: (-each.harm, _stage(each), -len(each.cases), each.key)))


def _stage(problem: Problem) -> int:
    """Return how early in the module's life a problem shows: the place in ``_EARLY`` of the first that shows it."""
    places = (at for at, prefix in enumerate(_EARLY) if any(case.startswith(prefix) for case in problem.cases))
    return next(places, len(_EARLY))


def _problem(symptom: _Symptom, found: list[CaseResult], blocked: tuple[str, ...]) -> Problem:
    found = sorted(found, key=lambda case: (case.duration_s, case.id))
    return Problem(
        key=symptom.key,
        title=symptom.title,
        harm=symptom.harm,
        cases=tuple(dict.fromkeys(case.id for case in found)),
        blocked=blocked,
        evidence=found[0].evidence,
        seconds=found[0].duration_s,
        finding=symptom.finding,
        known=_known(symptom.key, found),
        also=symptom.also,
    )


def _known(key: str, found: list[CaseResult]) -> str:
    """Return why what ``found`` show is tolerated, ``""`` where it is not in each of them."""
    words = [
        {each.key: each.words for each in case.known}.get(key, case.known[0].words if case.excused else "")
        for case in found  # one that was joined shows it by a key of its own
    ]
    return words[0] if all(words) else ""


def _unshown(key: str, ids: tuple[str, ...]) -> Problem:
    name = key.partition(":")[2]
    title = f"`{name}` is broken, as the probe before the run found; this run has no case about it"
    return Problem(key=key, title=title, harm=Harm.WRONG, cases=(), blocked=ids)


def _blocked(cases: tuple[CaseResult, ...], findings: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return which cases, or checks of cases, each problem kept away; ``findings`` are the keys by kernel's title."""
    found: dict[str, list[str]] = {}
    for case in cases:
        if case.verdict is Verdict.BLOCKED and (key := _blocker(case.reason, findings)):
            found.setdefault(key, []).append(case.id)
        for each in case.subresults:
            if each.verdict is SubVerdict.BLOCKED and (key := _blocker(each.words, findings)):
                found.setdefault(key, []).append(each.name)
    return {key: tuple(dict.fromkeys(names)) for key, names in found.items()}


def _blocker(words: str, findings: Mapping[str, str]) -> str:
    """Return the key of the problem that ``words`` name as being in the way, ``""`` for none."""
    if match := _BLOCKER.search(words):
        return f"{_CAPABILITY}:{match[1]}"
    match = _HANG_BLOCKER.search(words)
    return findings.get(match[1], "") if match else ""


def _symptoms(case: CaseResult) -> Iterator[_Symptom]:
    """Return what a red case shows: at least one symptom."""
    if case.key.name == _CAPABILITY:
        worst = max((_harm_of(each) for each in case.findings), default=_harm_of_words(case.reason))
        said = "; ".join(dict.fromkeys(finding.title for finding in case.findings))
        yield _Symptom(f"{_CAPABILITY}:{case.key.parameters}", _first(case.reason), worst, said)
        return
    checks = [each for each in case.subresults if each.verdict is SubVerdict.FAILED]
    for finding in case.findings:
        key = f"{FINDING}{finding.fingerprint or finding.title}"
        yield _Symptom(key, _titled(finding, case), _harm_of(finding), finding.title, finding.frame)
    if case.findings:  # a check that the kernel died in fails for that
        checks = [each for each in checks if not any(finding.title in each.words for finding in case.findings)]
    if any(_harm_of(finding) >= Harm.HANG for finding in case.findings):  # the others wait for what the first one holds
        checks = [each for each in checks if not _STUCK.search(each.words)]
    for check in checks:
        yield _Symptom(
            f"{CHECK}{check.name}", f"{check.name}: {check.words}"[:_WORDS_MOST], _harm_of_words(check.words)
        )
    if not case.findings and not checks:
        yield from _of_words(case)


def _of_words(case: CaseResult) -> Iterator[_Symptom]:
    """Return a symptom for each line of a failure that says something of its own."""
    lines = [
        line for line in case.reason.splitlines() if line.strip() and not line.startswith(("kernel: ", "shortest"))
    ]
    first = _PLACE.sub("", lines[0]) if lines else case.id
    if case.key.name == "refusals":
        yield _Symptom("refusals", first, Harm.WRONG)
        return
    preceded = next((line.removeprefix(PRECEDED) for line in lines if line.startswith(PRECEDED)), "")
    title = f"{first[:_WORDS_MOST]}{f' (after{preceded})' if preceded else ''}"
    yield _Symptom(_key_of(first, case), title, _harm_of_words(case.reason))


def _key_of(first: str, case: CaseResult) -> str:
    """Return what two failures have in common where they have one cause.

    A hash of bytes says that they differ and not how, so that there it is the case that tells; of files that every case
    has beside its own it tells nothing.
    """
    if said := _log_key(case.reason):
        return said
    if match := _LEAK.search(first):
        caches = {name for name in _CACHE.findall(match[1]) if name != _EXTENT}
        return f"leak:{','.join(sorted(caches) or [_EXTENT])}"
    if match := _GROWTH.search(first):
        return f"leak:{match[1]}"
    if (match := _DIFFERENCE.search(first)) and match[1] == "hash":
        if _FILLED.search(first):
            return "differs:hash"
        return f"differs:hash:{case.key.name}[{case.key.parameters}]"
    if match:
        return f"differs:{match[1]}: {_VARYING.sub('#', match[2])}"[:_WORDS_MOST]
    return f"words:{_VARYING.sub('#', first.partition(' (do the run again')[0])}"[:_WORDS_MOST]


def _log_key(reason: str) -> str:
    """Return the filesystem's own words in the kernel's log, without numbers, or ``""``."""
    match = _SAID.search(reason)
    return f"log:{_VARYING.sub('#', match[1].strip())}"[:_WORDS_MOST] if match else ""


def _join_hangs(symptoms: dict[str, _Symptom], shown: dict[str, list[CaseResult]]) -> dict[str, str]:
    """Join hangs of one case, and those in one function: who waits for a lock makes others wait.

    Returns the key of the problem that each kernel's title is part of now.
    """
    hangs = [key for key, each in symptoms.items() if each.harm is Harm.HANG and key.startswith(FINDING)]
    groups: list[set[str]] = []
    for key in hangs:
        ids = {case.id for case in shown[key]}
        near = {other for other in hangs if _hang_together(symptoms[key], symptoms[other])}
        near |= {other for other in hangs if ids & {case.id for case in shown[other]}}
        meeting = [group for group in groups if group & near]
        groups = [group for group in groups if not group & near] + [near.union(*meeting)]
    leads: dict[str, str] = {}
    for group in groups:
        # What vexlab itself saw stuck in the module says more than the kernel's watchdog, which names any waiter.
        lead, *others = sorted(group, key=lambda key: (not symptoms[key].finding.startswith(_SEEN_STUCK), key))
        leads |= {symptoms[key].finding: lead for key in group}
        found = {case.id: case for key in (lead, *others) for case in shown[key]}
        shown[lead] = list(found.values())
        symptoms[lead] = dataclasses.replace(symptoms[lead], also=tuple(others))
        for key in others:
            del shown[key], symptoms[key]
    return leads


def _hang_together(one: _Symptom, other: _Symptom) -> bool:
    return one == other or bool(one.frame and one.frame == other.frame)


def _join_with_capabilities(symptoms: dict[str, _Symptom], shown: dict[str, list[CaseResult]]) -> None:
    """Give to a broken capability the failures in which the filesystem says what it says of that."""
    for key in [key for key in shown if key.startswith(f"{_CAPABILITY}:")]:
        said = next(filter(None, (_log_key(case.reason) for case in shown[key])), "")
        if said in shown:
            shown[key] += shown.pop(said)
            symptoms.pop(said)
            symptoms[key] = dataclasses.replace(symptoms[key], also=(said,))


def _titled(finding: Finding, case: CaseResult) -> str:
    """Return the finding's title, its place in the source, and in which check or command it came where that is said."""
    title = f"{finding.title} at {finding.place}" if finding.place else finding.title
    match = re.search(r"\((while [^()]+)\)\s*$", case.reason)
    return f"{title} ({match[1]})" if match else title


def _first(reason: str) -> str:
    return reason.splitlines()[0][:_WORDS_MOST] if reason else ""


def _harm_of(finding: Finding) -> Harm:
    if finding.type == "HANG":
        return Harm.HANG
    if finding.severity in (Severity.CRASH, Severity.FATAL):
        return Harm.CRASH
    return Harm.LEAK if finding.type == "LEAK" else Harm.WARNING


def _harm_of_words(words: str) -> Harm:
    if "leak" in words.lower():
        return Harm.LEAK
    if "did not end within" in words or "not done after" in words:
        return Harm.HANG
    return Harm.DATA if _HARM.search(words) else Harm.WRONG
