"""Going on with a run that did not come to its end: what passed with the same module need not be run again.

What failed runs again. Where it passes then, both answers are about one module: it fails sometimes, and stays red.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from vexlab.errors import InfraError, UsageError
from vexlab.model.case import TAKEN_OVER, CaseResult
from vexlab.model.provenance import UsedKernel
from vexlab.model.verdict import Verdict
from vexlab.plugin.evidence import CASE

LAST = "last"
_TESTED = "tested.json"  # in a run's folder: what it tested, by kernel
_STANDS = (Verdict.PASSED, Verdict.SKIPPED)
_RED = (Verdict.FAILED, Verdict.CRASHED)


def note_tested(
    folder: Path, target: str, kernels: tuple[UsedKernel, ...], suites: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Leave in the run's folder what it tests, and by which ``suites``, for a later run that goes on with it."""
    try:
        (folder / _TESTED).write_bytes(msgspec.json.encode(_tested(target, kernels, suites)))
    except OSError as error:
        raise InfraError(f"the run's folder {folder} cannot be written: {error}") from error


def find_earlier(results: Path, name: str) -> Path:
    """Return the folder of the run ``name``, or of the newest one that left anything; raise ``UsageError``."""
    if name == LAST:
        runs = sorted(file.parent for file in results.glob(f"*/{_TESTED}"))
        if not runs:
            raise UsageError(f"{results} holds no run to go on with", hint="--results names another folder")
        return runs[-1]
    folder = results / name
    if "/" in name or not (folder / _TESTED).is_file():
        raise UsageError(f"{results} holds no run `{name}` to go on with", hint="`vexlab results list` names the runs")
    return folder


def decided_in(
    earlier: Path, target: str, kernels: tuple[UsedKernel, ...], suites: Mapping[str, str] = MappingProxyType({})
) -> tuple[tuple[CaseResult, ...], tuple[CaseResult, ...]]:
    """Return the results that stand, and the red ones, all of them about this very target, module and kernel."""
    try:
        then = msgspec.json.decode((earlier / _TESTED).read_bytes(), type=dict[str, str])
    except (OSError, ValueError) as error:
        raise InfraError(f"{earlier / _TESTED} cannot be read: {error}") from error
    now = _tested(target, kernels, suites)
    if changed := [name for name in now if name in then and then[name] != now[name]]:
        raise UsageError(
            f"run {earlier.name} tested another module or kernel, or with other files of a suite: "
            f"{', '.join(changed)}; its results do not stand",
            hint="run without --resume",
        )
    found: list[CaseResult] = []
    for file in sorted(earlier.glob(f"cases/*/{CASE}")):
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            case = msgspec.json.decode(file.read_bytes(), type=CaseResult)
            if f"{case.key.target}@{case.key.kernel}" in now:
                found.append(case)
    return tuple(each for each in found if each.verdict in _STANDS), tuple(
        each for each in found if each.verdict in _RED
    )


def with_earlier(case: CaseResult, red: Mapping[str, CaseResult], run: str) -> CaseResult:
    """Return ``case`` as it is, but red where it passes now and the same code and module failed in ``run``."""
    then = red.get(case.id)
    if then is None or case.verdict is not Verdict.PASSED or then.digest != case.digest:
        return case
    words = f"it fails sometimes: it passes now, and failed in run {run}: {then.reason}"
    return dataclasses.replace(
        case, verdict=then.verdict, reason=words, findings=then.findings, attempts=(*then.attempts, then.reason)
    )


def leave_taken_over(folder: Path, cases: tuple[CaseResult, ...]) -> None:
    """Tell the workers which cases need not be run, by their ids; each only where its code is still the same."""
    try:
        (folder / TAKEN_OVER).write_bytes(msgspec.json.encode({case.id: case.digest for case in cases}))
    except OSError as error:
        raise InfraError(f"the run's folder {folder} cannot be written: {error}") from error


def _tested(target: str, kernels: tuple[UsedKernel, ...], suites: Mapping[str, str]) -> Mapping[str, str]:
    modules = {f"{target}@{each.name}": f"{each.release} {each.version} {each.module}" for each in kernels}
    return modules | {f"suite {name}": key for name, key in suites.items()}
