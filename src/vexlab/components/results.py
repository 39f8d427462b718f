"""What a component's ``get_results`` returned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from vexlab.errors import UsageError
from vexlab.plugin.domain_base import TestResult


def named(results: object) -> Iterator[tuple[str, TestResult]]:
    """Yield what ``get_results`` returned, each result with its name; raise ``UsageError`` for anything else."""
    if isinstance(results, TestResult):
        yield "result", results
        return
    if isinstance(results, Mapping):
        pairs: Iterable[tuple[object, object]] = results.items()
    elif isinstance(results, (list, tuple)):
        pairs = ((f"result {number}", each) for number, each in enumerate(results, 1))
    else:
        raise UsageError(
            f"get_results returned {type(results).__name__}", hint="return TestResults, by name or in a list"
        )
    for name, result in pairs:
        if not isinstance(result, TestResult):
            raise UsageError(f"get_results returned {type(result).__name__} as {name}", hint="return TestResults")
        yield str(name), result
