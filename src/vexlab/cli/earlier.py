"""``--resume`` and ``--last-failed``: which cases an earlier run leaves to be run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vexlab.errors import UsageError
from vexlab.model.case import CaseResult, RunResult
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


def resumed(request: Request, store: Store, run: str, folder: Path) -> Rest:
    """Return what runs the cases that ``run`` did not pass: failed ones, those not run, and new or changed ones.

    Module, kernels and target must be those of the run. Raises ``UsageError`` where there is no such run, or it is of
    another target.
    """
    earlier = _of_target(request, store.load(run))
    done = [case for case in earlier.cases if case.verdict in _DONE]
    file = folder / "done.txt"
    file.write_text("".join(f"{case.id}\t{case.digest}\n" for case in done))
    info = earlier.run
    expected = [f"kernel@{each.name}={each.release}:{each.version}" for each in info.provenance.kernels]
    expected += [f"module@{each.name}={each.module}" for each in info.provenance.kernels if each.module]
    asked = replace(
        request,
        kernels=request.kernels or info.kernels,
        configurations=request.configurations or info.provenance.configurations,
        without=str(file),
        expect=(*request.expect, *expected),
    )
    words = f"going on with run {info.id}: of its {len(earlier.cases)} cases {len(done)} need not run again"
    return Rest(request=asked, words=words)


def last_failed(request: Request, store: Store, folder: Path) -> Rest:
    """Return what runs the cases again that the newest run of the target did not pass, whatever has changed since."""
    earlier = _of_target(request, store.load(store.info("last", find_target(request.target).name).id))
    failed = [case for case in earlier.cases if case.verdict not in (*_DONE, Verdict.BLOCKED)]
    file = folder / "failed.txt"
    file.write_text("".join(f"{case.id}\n" for case in failed))
    words = f"run {earlier.run.id} left {len(failed)} cases that did not pass{_first(failed)}"
    asked = replace(request, only=str(file), kernels=request.kernels or earlier.run.kernels)
    return Rest(request=asked, words=words, nothing=not failed)


def _first(failed: Sequence[CaseResult]) -> str:
    names = ", ".join(case.id for case in failed[:3])
    return f": {names}{', …' if len(failed) > 3 else ''}" if failed else ""


def _of_target(request: Request, earlier: RunResult) -> RunResult:
    name = find_target(request.target).name
    if earlier.run.target != name:
        raise UsageError(
            f"run {earlier.run.id} is of {earlier.run.target}, not of {name}",
            hint=f"name its target: --target {earlier.run.target}",
        )
    return earlier
