"""Going on with a run that did not come to its end: what it decided about the same module need not be run again."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from vexlab.errors import InfraError, UsageError
from vexlab.model.case import TAKEN_OVER, CaseResult
from vexlab.model.provenance import UsedKernel
from vexlab.model.verdict import Verdict
from vexlab.plugin.evidence import CASE

LAST = "last"
_TESTED = "tested.json"  # in a run's folder: what it tested, by kernel
_DECIDED = (Verdict.PASSED, Verdict.FAILED, Verdict.CRASHED, Verdict.SKIPPED)


def note_tested(folder: Path, target: str, kernels: tuple[UsedKernel, ...]) -> None:
    """Leave in the run's folder what it tests, for a later run that goes on with it."""
    try:
        (folder / _TESTED).write_bytes(msgspec.json.encode(_tested(target, kernels)))
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


def decided_in(earlier: Path, target: str, kernels: tuple[UsedKernel, ...]) -> tuple[CaseResult, ...]:
    """Return the results that stand: of cases that came to their end, about this very target, module and kernel."""
    try:
        then = msgspec.json.decode((earlier / _TESTED).read_bytes(), type=dict[str, str])
    except (OSError, ValueError) as error:
        raise InfraError(f"{earlier / _TESTED} cannot be read: {error}") from error
    now = _tested(target, kernels)
    if changed := [name for name in now if name in then and then[name] != now[name]]:
        raise UsageError(
            f"run {earlier.name} tested another module or kernel ({', '.join(changed)}); its results do not stand",
            hint="run without --resume",
        )
    found = []
    for file in sorted(earlier.glob(f"cases/*/{CASE}")):
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            case = msgspec.json.decode(file.read_bytes(), type=CaseResult)
            if case.verdict in _DECIDED and f"{case.key.target}@{case.key.kernel}" in now:
                found.append(case)
    return tuple(found)


def leave_taken_over(folder: Path, cases: tuple[CaseResult, ...]) -> None:
    """Tell the workers which cases need not be run, by their ids; each only where its code is still the same."""
    try:
        (folder / TAKEN_OVER).write_bytes(msgspec.json.encode({case.id: case.digest for case in cases}))
    except OSError as error:
        raise InfraError(f"the run's folder {folder} cannot be written: {error}") from error


def _tested(target: str, kernels: tuple[UsedKernel, ...]) -> Mapping[str, str]:
    return {f"{target}@{each.name}": f"{each.release} {each.version} {each.module}" for each in kernels}
