"""``--last-failed``: which cases an earlier run leaves to be run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vexlab.model.case import CaseResult
from vexlab.model.request import Request
from vexlab.model.verdict import Verdict
from vexlab.results.store import Store
from vexlab.targets.load import find_target

# Of these nothing is learned by running the case again with the same module on the same kernel.
_DONE = (Verdict.PASSED, Verdict.SKIPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """The request for the rest, what is said about it, and whether there is nothing to do."""

    request: Request
    words: str
    nothing: bool = False


def last_failed(request: Request, store: Store, folder: Path) -> Rest:
    """Return what runs the cases again that the newest run of the target did not pass, whatever has changed since."""
    earlier = store.load(store.info("last", find_target(request.target).name).id)
    failed = [case for case in earlier.cases if case.verdict not in (*_DONE, Verdict.BLOCKED)]
    file = folder / "failed.txt"
    file.write_text("".join(f"{case.id}\n" for case in failed))
    words = f"run {earlier.run.id} left {len(failed)} cases that did not pass{_first(failed)}"
    asked = replace(request, only=str(file), kernels=request.kernels or earlier.run.kernels)
    return Rest(request=asked, words=words, nothing=not failed)


def _first(failed: Sequence[CaseResult]) -> str:
    names = ", ".join(case.id for case in failed[:3])
    return f": {names}{', …' if len(failed) > 3 else ''}" if failed else ""
