"""Runs of several environments side by side: which cases end otherwise in one than in another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vexlab.model.case import RunResult
from vexlab.model.verdict import Verdict

_DECIDED = (Verdict.PASSED, Verdict.FAILED, Verdict.CRASHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """A case by its id, and its verdict in each environment in which it came to its end."""

    case: str
    verdicts: Mapping[str, Verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class Across:
    """What runs of several environments say; ``compared`` cases were decided in two of them with the same code."""

    runs: Mapping[str, str]
    compared: int
    differing: tuple[Differing, ...]


def across(runs: Mapping[str, RunResult]) -> Across:
    """Compare runs, by their environments. A case whose code differs is another case."""
    verdicts: dict[tuple[str, str], dict[str, Verdict]] = {}
    for environment, run in runs.items():
        for case in run.cases:
            if case.verdict in _DECIDED:
                verdicts.setdefault((case.id, case.digest), {})[environment] = case.verdict
    compared = {case: found for (case, _), found in sorted(verdicts.items()) if len(found) > 1}
    differing = (Differing(case=case, verdicts=each) for case, each in compared.items() if len(set(each.values())) > 1)
    return Across(
        runs={environment: run.run.id for environment, run in runs.items()},
        compared=len(compared),
        differing=tuple(differing),
    )
