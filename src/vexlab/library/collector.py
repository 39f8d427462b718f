"""Results of runs put together: ``ResultCollector``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vexlab.errors import UsageError
from vexlab.model.case import CaseResult, RunInfo, RunResult, RunState, Summary
from vexlab.report.content import Content
from vexlab.report.renderers import BY_NAME, chosen
from vexlab.results.store import Store


class ResultCollector:
    """Holds results by domain; they come from runs: a result that nothing in a kernel stands behind is none."""

    def __init__(self, target: str = "") -> None:
        self._target = target
        self._results: dict[str, tuple[CaseResult, ...]] = {}
        self._run: RunInfo | None = None

    @classmethod
    def of_run(cls, results: str | Path = "vexlab-results", run: str = "last") -> ResultCollector:
        """Return a collector with all results of a run of a folder; raise ``UsageError`` where there is none."""
        store = Store(Path(results).absolute())
        try:
            loaded = store.load(run)
        finally:
            store.close()
        collector = cls(loaded.run.target)
        collector._run = loaded.run
        for domain in dict.fromkeys(case.domain for case in loaded.cases):
            collector.store_domain_results(domain, [case for case in loaded.cases if case.domain == domain])
        return collector

    def store_domain_results(self, domain: str, results: Iterable[CaseResult]) -> None:
        """Keep the results of a domain, beside those that are kept; raise ``UsageError`` for what is no result."""
        given = tuple(results)
        for each in given:
            if not isinstance(each, CaseResult):
                raise UsageError(f"{type(each).__name__} is no result of a run", hint="`of_run` takes those of a run")
        self._results[domain] = (*self._results.get(domain, ()), *given)

    def generate_summary_report(self) -> dict[str, object]:
        """Return the counts of all and of each domain, the stability score and the verdict's exit status."""
        summary = Summary.of(self._cases())
        return {
            "target": self._target,
            "total": len(self._cases()),
            **_counts(summary),
            "success_rate": round(100 * summary.passed / len(self._cases()), 1) if self._cases() else None,
            "stability": summary.stability,
            "exit_code": summary.exit_code,
            "domains": {domain: _counts(Summary.of(cases)) for domain, cases in self._results.items()},
        }

    def export_results(self, format: str = "json") -> str:  # noqa: A002 - the name in the documents
        """Return the results in a format of `vexlab report`; raise ``UsageError`` for one that is no text."""
        (form,) = chosen(format)
        if not form.screen:
            raise UsageError(
                f"{form.name} is no text", hint=f"there are {', '.join(n for n, f in BY_NAME.items() if f.screen)}"
            )
        return form.parts[0].render(Content.of(self._result())).decode()

    def _cases(self) -> tuple[CaseResult, ...]:
        return tuple(case for cases in self._results.values() for case in cases)

    def _result(self) -> RunResult:
        cases = self._cases()
        kernels = tuple(dict.fromkeys(case.kernel for case in cases if case.kernel))
        made = RunInfo(
            id="collected", target=self._target, kernels=kernels, accelerator="", started="", state=RunState.FINISHED
        )
        return RunResult(run=self._run or made, summary=Summary.of(cases), cases=cases)


def _counts(summary: Summary) -> dict[str, int]:
    names = ("passed", "failed", "crashed", "skipped", "errors", "blocked", "undecided")
    return {name: getattr(summary, name) for name in names}
