"""Two runs side by side: what fails newly, what no longer runs, which numbers differ. Pure.

Only results of equal keys and equal code are compared. A case or a check that came to its end in the first run and did
not in the second is a regression: nobody knows whether it still passes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vexlab.model.aliases import current
from vexlab.model.case import CaseResult, RunInfo, RunResult
from vexlab.model.history import History, PastRun, Standing, histories, looked, sightings
from vexlab.model.key import CaseKey
from vexlab.model.metric import Direction
from vexlab.model.problem import CHECK
from vexlab.model.shift import outlying
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.model.verdict import Verdict

NOT_RUN = "not run"
_RED = (Verdict.FAILED, Verdict.CRASHED)
_ENDED = (Verdict.PASSED, *_RED)
_ANSWERED = (SubVerdict.PASSED, SubVerdict.FAILED, SubVerdict.REFUSED)


class Change(StrEnum):
    """What became of a case, or of a check of one, from the first run to the second."""

    NEWLY_FAILING = "newly failing"
    DISAPPEARED = "disappeared"
    STILL_FAILING = "still failing"
    NEWLY_PASSING = "newly passing"
    APPEARED = "appeared"


REGRESSIONS = (Change.NEWLY_FAILING, Change.DISAPPEARED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A case, or its check of the name ``check``; ``before`` and ``after`` are verdicts, or that it was not run.

    ``words`` are why it is not passed in the second run, ``known`` those of the known issue that explains that.
    """

    case: str
    change: Change
    before: str
    after: str
    check: str = ""
    words: str = ""
    known: str = ""

    @property
    def is_regression(self) -> bool:
        """Whether the second run is the worse one for it."""
        return self.change in REGRESSIONS and not self.known


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A metric that differs; ``relative`` is by how much of its first value, ``better`` whether for the better.

    ``runs`` is how many earlier runs tell how it varies, ``p`` the probability that one of them is as far off as the
    second value (``vexlab.model.shift.outlying``), ``None`` of too few. ``beyond`` tells that this is beyond the noise,
    all numbers that were looked at considered (Holm, Scand. J. Statist. 6, 1979).
    """

    case: str
    name: str
    unit: str
    before: float
    after: float
    relative: float
    better: bool
    runs: int = 0
    p: float | None = None
    beyond: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something besides the target's behaviour that is not the same in both runs."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs, and what changed from ``before`` to ``after``.

    ``compared`` counts the cases that were; ``changed_code`` names those whose code differs, or was not noted, so that
    they were not. ``problems`` are as of the second run, given the first; ``new_problems`` are the keys of those that
    compared cases show.
    """

    before: RunInfo
    after: RunInfo
    differences: tuple[Difference, ...]
    compared: int
    changed_code: tuple[str, ...]
    problems: tuple[History, ...]
    new_problems: tuple[str, ...]
    cases: tuple[Compared, ...]
    checks: tuple[Compared, ...]
    numbers: tuple[Number, ...]

    @property
    def regressions(self) -> int:
        """How many cases, checks and problems are worse."""
        return len(self.new_problems) + sum(each.is_regression for each in (*self.cases, *self.checks))


def compare(first: RunResult, second: RunResult, *, least: float = 0.1) -> Comparison:
    """Return what changed; numbers are told that differ by ``least`` of their first value or more."""
    before, after = ({case.key: case for case in run.cases} for run in (first, second))
    pairs = [(case, after[key]) for key, case in before.items() if key in after]
    ended = [pair for pair in pairs if all(case.verdict in _ENDED for case in pair)]
    same = [(old, new) for old, new in ended if _is_same_code(old, new)]
    renamed = _renamed(before, after)
    problems = _problems(first, second)
    keys = {new.key for _, new in same}
    return Comparison(
        before=first.run,
        after=second.run,
        differences=tuple(_differences(first.run, second.run)),
        compared=len(same),
        changed_code=tuple(
            sorted([old.id for old, new in ended if not _is_same_code(old, new)] + [str(key) for key in renamed])
        ),
        problems=problems,
        new_problems=tuple(each for each in _new(problems, second, keys)),
        cases=_sorted([*_lost(before, after, renamed), *_appeared(before, after, renamed), *_cases(same)]),
        checks=_sorted([change for old, new in same for change in _checks(old, new)]),
        numbers=tuple(sorted(_numbers(same, least), key=lambda each: (each.better, -each.relative, each.case))),
    )


def _is_same_code(old: CaseResult, new: CaseResult) -> bool:
    return bool(old.digest) and old.digest == new.digest


def _sorted(found: Sequence[Compared]) -> tuple[Compared, ...]:
    order = list(Change)
    return tuple(sorted(found, key=lambda each: (order.index(each.change), each.case, each.check)))


def _renamed(before: Mapping[CaseKey, CaseResult], after: Mapping[CaseKey, CaseResult]) -> dict[CaseKey, CaseKey]:
    """Return the keys of ``before`` that cases of ``after`` bore then, each with its present one."""
    there = {str(key): key for key in after}
    moved = {key: current(str(key)) for key in before if key not in after}
    return {key: there[name] for key, name in moved.items() if name != str(key) and name in there}


def _lost(
    before: Mapping[CaseKey, CaseResult], after: Mapping[CaseKey, CaseResult], renamed: Mapping[CaseKey, CaseKey]
) -> Iterator[Compared]:
    for key, old in before.items():
        new = after.get(renamed.get(key, key))
        if old.verdict in _ENDED and (new is None or new.verdict not in _ENDED):
            yield Compared(
                case=old.id,
                change=Change.DISAPPEARED,
                before=old.verdict.value,
                after=new.verdict.value if new else NOT_RUN,
                words=_first(new.reason) if new else "",
            )


def _appeared(
    before: Mapping[CaseKey, CaseResult], after: Mapping[CaseKey, CaseResult], renamed: Mapping[CaseKey, CaseKey]
) -> Iterator[Compared]:
    known = {renamed.get(key, key) for key, case in before.items() if case.verdict in _ENDED}
    for key, new in after.items():
        if new.verdict in _ENDED and key not in known:
            old = before.get(key)
            yield _compared(new, Change.APPEARED, old.verdict.value if old else NOT_RUN)


def _cases(same: Sequence[tuple[CaseResult, CaseResult]]) -> Iterator[Compared]:
    changes = {
        (False, True): Change.NEWLY_FAILING,
        (True, True): Change.STILL_FAILING,
        (True, False): Change.NEWLY_PASSING,
    }
    for old, new in same:
        if change := changes.get((old.verdict in _RED, new.verdict in _RED)):
            yield _compared(new, change, old.verdict.value)


def _compared(new: CaseResult, change: Change, before: str) -> Compared:
    known = "; ".join(dict.fromkeys(each.words for each in new.known)) if new.excused else ""
    words = _first(new.reason) if new.verdict in _RED else ""
    return Compared(case=new.id, change=change, before=before, after=new.verdict.value, words=words, known=known)


def _checks(old: CaseResult, new: CaseResult) -> Iterator[Compared]:
    before, after = ({each.name: each for each in case.subresults} for case in (old, new))
    known = {each.key: each.words for each in new.known}
    for name in dict.fromkeys([*before, *after]):
        then, now = before.get(name), after.get(name)
        if change := _change(then, now):
            yield Compared(
                case=new.id,
                check=name,
                change=change,
                before=then.verdict.value if then else NOT_RUN,
                after=now.verdict.value if now else NOT_RUN,
                words=now.words if now else "",
                known=known.get(f"{CHECK}{name}", ""),
            )


def _change(then: SubResult | None, now: SubResult | None) -> Change | None:
    """Return what became of a check; what it refused before and does now has appeared, the other way round it fails."""
    was, did = (each.verdict if each and each.verdict in _ANSWERED else None for each in (then, now))
    if was is did:
        return Change.STILL_FAILING if did is SubVerdict.FAILED else None
    if did is None:
        return Change.DISAPPEARED
    if was is None or (was, did) == (SubVerdict.REFUSED, SubVerdict.PASSED):
        return Change.APPEARED
    return Change.NEWLY_PASSING if was is SubVerdict.FAILED else Change.NEWLY_FAILING


def _problems(first: RunResult, second: RunResult) -> tuple[History, ...]:
    runs = [(dataclasses.replace(run.run, started=str(at)), run.cases) for at, run in enumerate((first, second))]
    past = [
        PastRun(id=info.id, started=info.started, looked={case.key: looked(case) for case in cases})
        for info, cases in runs
    ]
    return histories([each for info, cases in runs for each in sightings(info, cases)], past)


def _new(problems: Sequence[History], second: RunResult, compared: set[CaseKey]) -> Iterator[str]:
    keys = {case.id: case.key for case in second.cases}
    for each in problems:
        shown = {keys[case] for case in each.problem.cases if case in keys}
        if each.standing is Standing.NEW and not each.problem.known and shown & compared:
            yield each.problem.key


def _numbers(same: Sequence[tuple[CaseResult, CaseResult]], least: float) -> Iterator[Number]:
    for old, new in same:
        before = {each.name: each for each in old.metrics}
        for now in new.metrics:
            then = before.get(now.name)
            if then is None or now.direction is Direction.NONE or then.value == now.value:
                continue
            relative = abs(now.value - then.value) / abs(then.value) if then.value else float("inf")
            if relative >= least:
                yield Number(
                    case=new.id,
                    name=now.name,
                    unit=now.unit,
                    before=then.value,
                    after=now.value,
                    relative=relative,
                    better=(now.value < then.value) == (now.direction is Direction.LOWER),
                )


def with_noise(found: Comparison, values: Mapping[tuple[str, str], Sequence[float]], level: float = 0.05) -> Comparison:
    """Return the comparison with what earlier runs say of its numbers; ``values`` are theirs, by case and metric.

    Of all numbers that stay within the noise one is said to be beyond it with the probability ``level`` or less.
    """
    told = []
    for each in found.numbers:
        before = values.get((each.case, each.name), ())
        told.append(dataclasses.replace(each, runs=len(before), p=outlying(before, each.after)))
    tested = sorted((each for each in told if each.p is not None), key=lambda each: each.p or 0.0)
    beyond: set[tuple[str, str]] = set()
    for rank, each in enumerate(tested):
        if each.p is None or each.p > level / (len(tested) - rank):
            break
        beyond.add((each.case, each.name))
    numbers = [dataclasses.replace(each, beyond=(each.case, each.name) in beyond) for each in told]
    order = sorted(numbers, key=lambda each: (each.better, not each.beyond, -each.relative, each.case))
    return dataclasses.replace(found, numbers=tuple(order))


def _differences(before: RunInfo, after: RunInfo) -> Iterator[Difference]:
    then, now = _circumstances(before), _circumstances(after)
    for name in dict.fromkeys([*then, *now]):
        if then.get(name, "") != now.get(name, ""):
            yield Difference(name=name, before=then.get(name, ""), after=now.get(name, ""))


def _circumstances(run: RunInfo) -> dict[str, str]:
    """Return what a run's results depend on, by name."""
    origin = run.provenance
    host = origin.host
    found = {
        "revision": origin.revision,
        "environment": run.environment,
        "configurations": ", ".join(origin.configurations),
        "accelerator": run.accelerator,
        "QEMU": origin.qemu,
        "vexlab": origin.vexlab,
        "host": f"{host.cores} cores, {host.memory} MiB, {host.cpu}",
        "seed": "" if origin.seed is None else str(origin.seed),
    }
    for kernel in origin.kernels:
        found[f"kernel {kernel.name}"] = f"{kernel.flavour} {kernel.release}, {kernel.version}"
        found[f"module on {kernel.name}"] = kernel.module[:16]
    return found


def _first(reason: str) -> str:
    return reason.splitlines()[0] if reason.strip() else ""
