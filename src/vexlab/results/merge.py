"""Several runs that are parts of one, such as the jobs of a workflow, as the one run that they are."""

from __future__ import annotations

import dataclasses
import datetime
import secrets
from collections.abc import Iterable, Mapping, Sequence

from vexlab.errors import UsageError
from vexlab.model.case import CaseResult, Plan, RunInfo, RunResult, RunState
from vexlab.model.key import CaseKey
from vexlab.model.provenance import Provenance, UsedKernel
from vexlab.model.verdict import Verdict
from vexlab.results.store import Store

_ENDED = (Verdict.PASSED, Verdict.FAILED, Verdict.CRASHED)


def merge_runs(store: Store, names: Sequence[str]) -> RunResult:
    """Keep one run with the results of all ``names``, which stay; return it.

    Raises ``UsageError`` where they are not parts of one run: of different targets, revisions or modules, or with a
    case that came to its end in two of them. The evidence stays where it is.
    """
    infos = list({info.id: info for info in map(store.info, names)}.values())
    if len(infos) < 2:
        raise UsageError("at least two runs are merged", hint="`vexlab results` lists them")
    for info in infos:
        if store.is_running(info.id):
            raise UsageError(f"the run {info.id} goes on", hint="merge it when it has ended")
    _reject_different(infos)
    parts = [store.recorded(info.id) for info in infos]
    cases = _united([case for _, cases in parts for case in cases])
    planned = {case.key: case for plan, _ in parts for case in plan.cases}
    decided = {case.key for case in cases}
    run = dataclasses.replace(
        infos[0],
        id=f"{datetime.datetime.now(datetime.UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
        kernels=tuple(dict.fromkeys(name for info in infos for name in info.kernels)),
        accelerator=", ".join(sorted({info.accelerator for info in infos})),
        started=min(info.started for info in infos),
        finished=max(info.finished for info in infos),
        state=RunState.FINISHED if planned.keys() <= decided else RunState.INCOMPLETE,
        provenance=_provenance(infos),
    )
    left_out = tuple(dict.fromkeys(case for plan, _ in parts for case in plan.left_out))
    store.add(run, Plan(cases=tuple(planned.values()), left_out=left_out), cases, str(store.folder / run.id))
    return store.load(run.id)


def _reject_different(infos: Sequence[RunInfo]) -> None:
    facts = {
        "targets": [info.target for info in infos],
        "revisions": [info.provenance.revision for info in infos],
        "versions of vexlab": [info.provenance.vexlab for info in infos],
    }
    for name, values in facts.items():
        if len(set(values)) > 1:
            words = ", ".join(f"`{each}`" for each in dict.fromkeys(values))
            raise UsageError(f"the runs are of different {name}: {words}", hint="`vexlab compare` compares runs")
    for kernel, used in _kernels(infos).items():
        if len({(each.release, each.version, each.module) for each in used}) > 1:
            raise UsageError(f"the runs had different kernels or modules by the name {kernel}")


def _kernels(infos: Iterable[RunInfo]) -> Mapping[str, list[UsedKernel]]:
    found: dict[str, list[UsedKernel]] = {}
    for info in infos:
        for each in info.provenance.kernels:
            found.setdefault(each.name, []).append(each)
    return found


def _provenance(infos: Sequence[RunInfo]) -> Provenance:
    first = infos[0].provenance
    return dataclasses.replace(
        first,
        kernels=tuple(used[0] for used in _kernels(infos).values()),
        configurations=tuple(dict.fromkeys(name for info in infos for name in info.provenance.configurations)),
    )


def _united(cases: Iterable[CaseResult]) -> tuple[CaseResult, ...]:
    """Return one result for each case: the one that came to its end, else the first."""
    found: dict[CaseKey, CaseResult] = {}
    for case in cases:
        there = found.get(case.key)
        if there is None or (there.verdict not in _ENDED and case.verdict in _ENDED):
            found[case.key] = case
        elif there.verdict in _ENDED and case.verdict in _ENDED:
            raise UsageError(
                f"{case.id} came to its end in two of the runs", hint="only parts of one run can be merged"
            )
    return tuple(found.values())
