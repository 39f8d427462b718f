"""Runs of several environments, kernels or revisions side by side: which cases end otherwise in one than in another."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from vexlab.model.case import RunResult
from vexlab.model.verdict import Verdict

_DECIDED = (Verdict.PASSED, Verdict.FAILED, Verdict.CRASHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """A case by its id, and its verdict in each place in which it came to its end."""

    case: str
    verdicts: Mapping[str, Verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class Across:
    """What runs of several places say; ``compared`` cases were decided in two of them with the same code."""

    runs: Mapping[str, str]
    compared: int
    differing: tuple[Differing, ...]


def across(runs: Mapping[str, RunResult]) -> Across:
    """Compare runs, by the names of their places. A case whose code differs is another case."""
    verdicts: dict[tuple[str, str], dict[str, Verdict]] = {}
    for place, run in runs.items():
        for case in run.cases:
            if case.verdict in _DECIDED:
                verdicts.setdefault((case.id, case.digest), {})[place] = case.verdict
    compared = {case: found for (case, _), found in sorted(verdicts.items()) if len(found) > 1}
    differing = (Differing(case=case, verdicts=each) for case, each in compared.items() if len(set(each.values())) > 1)
    return Across(
        runs={place: run.run.id for place, run in runs.items()},
        compared=len(compared),
        differing=tuple(differing),
    )


def on_kernel(run: RunResult, kernel: str) -> RunResult:
    """Return what a run did on ``kernel``, its cases named as on every other one."""
    cases = (dataclasses.replace(case, key=case.key.across_kernels) for case in run.cases if case.kernel == kernel)
    return dataclasses.replace(run, cases=tuple(cases))
