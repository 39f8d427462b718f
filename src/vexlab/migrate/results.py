"""Result files of the old infrastructure beside a run of vexlab's: which old passes never ran in a kernel. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vexlab.model.case import CaseResult
from vexlab.model.verdict import Verdict

_NAMES = ("name", "test_name", "test", "test_case", "title")
_STATES = ("status", "result", "outcome", "verdict")
_SIMULATED = ("simulat", "mock", "fake", "demo")
_PASSED = ("passed", "pass", "success", "ok", "true")
_WORD = re.compile(r"[a-z0-9]+")
# Words that say nothing about which case is meant.
_EMPTY = frozenset({"module", "test", "basic", "validation", "detection", "operations", "system"})
# Old words, and what vexlab's cases are named by.
_SAME: Mapping[str, str] = {"prevention": "hang", "leaks": "leak", "cycles": "stress", "ops": "concurrent"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OldResult:
    """A test of an old file: whether it passed, and the word in its entry that says that nothing ran, if one does."""

    name: str
    passed: bool
    simulated: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """An old result and the cases of the run that look at the same; none where the run has none."""

    old: OldResult
    cases: tuple[CaseResult, ...]

    @property
    def words(self) -> str:
        """What can be said of the old result."""
        decided = [case for case in self.cases if case.verdict in (Verdict.PASSED, Verdict.FAILED, Verdict.CRASHED)]
        red = [case for case in decided if case.verdict is not Verdict.PASSED]
        if self.old.passed and red:
            return f"passed then, {red[0].verdict} now: {red[0].id}"
        if self.old.passed and not decided:
            return "passed then; no case of the run looks at it"
        if not self.old.passed and decided and not red:
            return "failed then, passes now"
        return "the same"


def read(text: str) -> tuple[OldResult, ...]:
    """Return the tests of an old result file, wherever in it they stand; raise ``ValueError`` where there are none."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not valid JSON: {error}") from error
    found = tuple(dict.fromkeys(_tests(data, "", 0)))
    if not found:
        raise ValueError("no test with a name and a status is in it")
    return found


def _tests(data: object, name: str, depth: int) -> Iterator[OldResult]:
    if depth > 32:
        return
    if isinstance(data, list):
        for each in data:
            yield from _tests(each, "", depth + 1)
    if not isinstance(data, Mapping):
        return
    own = next((str(data[key]) for key in _NAMES if isinstance(data.get(key), str)), name)
    state = next((data[key] for key in _STATES if isinstance(data.get(key), (str, bool))), None)
    if own and state is not None:
        yield OldResult(name=own[:200], passed=str(state).lower() in _PASSED, simulated=_simulated(data))
        return
    for key, each in data.items():
        yield from _tests(each, str(key), depth + 1)


def _simulated(entry: Mapping[str, object]) -> str:
    text = json.dumps(entry).lower()
    return next((word for word in _SIMULATED if word in text), "")


def paired(old: Sequence[OldResult], cases: Sequence[CaseResult]) -> tuple[Pair, ...]:
    """Return each old result with the cases whose names share its telling words."""
    return tuple(Pair(old=each, cases=tuple(case for case in cases if _alike(each.name, case))) for each in old)


def _alike(name: str, case: CaseResult) -> bool:
    wanted = {_SAME.get(word, word) for word in _WORD.findall(name.lower())} - _EMPTY
    has = set(_WORD.findall(f"{case.key.name} {case.key.parameters}".lower()))
    return bool(wanted) and wanted <= {_SAME.get(word, word) for word in has}
