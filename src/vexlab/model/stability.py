"""The stability score: one number for how well a module stood a run, to compare two builds over the same cases. Pure.

``score = 100 * decided / (decided + harm)``, rounded to a tenth. ``decided`` counts the cases that say something of the
module: passed, failed or crashed; skipped ones and errors of the lab do not count. ``harm`` adds up what went wrong:

- each *distinct* finding of the kernel once, however many cases met it: 40 where the machine was finished (panic), 20
  for a crash or hang, 5 for a warning;
- 2 for each case that failed without a finding.

So it is 100 only where nothing at all was found; every further fault lowers it, every further sound case raises it; one
crash costs more than several failures; and one crash that fifty cases run into is one fault, not fifty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vexlab.model.report import Severity
from vexlab.model.verdict import Finding, Verdict

HARM: Mapping[Severity, int] = {Severity.FATAL: 40, Severity.CRASH: 20, Severity.WARNING: 5}
HARM_OF_FAILURE = 2
_DECIDED = (Verdict.PASSED, Verdict.FAILED, Verdict.CRASHED)


def stability(cases: Iterable[tuple[Verdict, tuple[Finding, ...]]]) -> float | None:
    """Return the score of a run's verdicts with their findings, from 0 to 100; ``None`` where no case decided."""
    decided = [(verdict, findings) for verdict, findings in cases if verdict in _DECIDED]
    if not decided:
        return None
    worst: dict[str, int] = {}
    for _, findings in decided:
        for finding in findings:
            worst[finding.title] = max(worst.get(finding.title, 0), HARM[finding.severity])
    failures = sum(verdict is not Verdict.PASSED and not findings for verdict, findings in decided)
    harm = sum(worst.values()) + HARM_OF_FAILURE * failures
    return round(100 * len(decided) / (len(decided) + harm), 1)
