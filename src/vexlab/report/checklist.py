"""A scenario as a checklist: what must hold, and, where a run is at hand, whether it did and by what figures. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vexlab.model.case import CaseResult
from vexlab.model.scenario import Scenario
from vexlab.model.verdict import Verdict
from vexlab.report.terminal import printable

_BOXES = {
    Verdict.PASSED: "[x]",
    Verdict.FAILED: "[!]",
    Verdict.CRASHED: "[!]",
    Verdict.SKIPPED: "[-]",
    Verdict.BLOCKED: "[-]",
    Verdict.ERROR: "[?]",
    Verdict.UNDECIDED: "[?]",
}
_LEGEND = "[x] holds  [!] does not  [-] could not run  [?] the lab failed  [ ] not run yet"
_REASON_MOST = 200
_FIGURES_MOST = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One case of a scenario; ``criterion`` is what holds when it passes."""

    id: str
    criterion: str


def render_checklist(scenario: Scenario, steps: Sequence[Step], results: Iterable[CaseResult] = ()) -> str:
    """Return the checklist as text; a case without a result is an empty box."""
    found = {case.id: case for case in results}
    lines = [f"Scenario {scenario.number}: {scenario.title} ({scenario.phase})", ""]
    lines += ["Over all:", *(f"  - {criterion}" for criterion in scenario.criteria), "", "Step by step:"]
    for step in steps:
        lines += _step(step, found.get(step.id))
    done = [found[step.id].verdict for step in steps if step.id in found]
    lines += ["", f"{done.count(Verdict.PASSED)} of {len(steps)} steps hold", _LEGEND]
    return "\n".join(lines)


def _step(step: Step, case: CaseResult | None) -> Iterable[str]:
    yield f"  {_BOXES[case.verdict] if case else '[ ]'} {step.criterion}"
    figures = case.metrics[:_FIGURES_MOST] if case else ()
    yield "      " + " · ".join([step.id, *(printable(str(each)) for each in figures)])
    if case and case.reason and case.verdict is not Verdict.PASSED:
        yield f"      {printable(case.reason.splitlines()[0])[:_REASON_MOST]}"
