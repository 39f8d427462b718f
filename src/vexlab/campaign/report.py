"""A campaign as text: who got the time, what was found and what shows it again, how stable the module was. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Sequence

from vexlab.campaign.campaign import Found, State
from vexlab.campaign.sharing import ARMS, Arm, Round, shares
from vexlab.model.case import CaseResult
from vexlab.model.stability import stability

FORMULA = (
    "100 * decided / (decided + harm): harm is 40 for each distinct finding that finished the machine, 20 for a crash "
    "or hang, 5 for a warning, 2 for each case that failed without a finding"
)


def render(state: State, cases: Iterable[CaseResult], kernels: Sequence[str], arms: Sequence[Arm] = ARMS) -> str:
    """Return the report of a campaign whose rounds ran ``cases``."""
    fuzzing = {arm.name for arm in arms if arm.fuzz}
    lines = [f"{len(state.rounds)} rounds in {state.spent_s / 60:.0f} minutes, {len(state.found)} problems", ""]
    lines.append(f"{'arm':12} {'kernel':14} {'rounds':>6} {'minutes':>8} {'new':>4} {'expected/min':>13}")
    lines += [
        f"{each.arm:12} {each.kernel:14} {each.rounds:6} {each.seconds / 60:8.1f} {each.new:4} {each.expected:13.3f}"
        for each in shares(arms, kernels, state.rounds)
    ]
    for found in state.found:
        by = state.rounds[found.round - 1]
        lines += ["", f"round {found.round}, {by.arm}: {found.problem.title}", f"  {_again(found, by, fuzzing)}"]
    score = stability((case.verdict, case.findings) for case in cases)
    lines += ["", "stability: nothing was decided" if score is None else f"stability {score:.1f} = {FORMULA}"]
    failed = [each for each in state.rounds if each.error]
    if failed:
        lines += ["", f"{len(failed)} rounds did not come to their end; the last: {failed[-1].error.splitlines()[-1]}"]
    return "\n".join(lines) + "\n"


def _again(found: Found, by: Round, fuzzing: Collection[str]) -> str:
    """Return the command that shows a problem again; what a fuzzer has found has no seed that would do so."""
    if by.arm in fuzzing and found.problem.evidence:
        return shlex.quote(f"{found.problem.evidence}/reproduce")
    steered = f" --rare {shlex.quote(by.rare)}" if by.rare else ""
    cases = found.problem.cases[:1]
    return " ".join(
        ["vexlab run", *(f"--kernel {by.kernel} --seed {by.seed}{steered} --case '{each}'" for each in cases)]
    )
