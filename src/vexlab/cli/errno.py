"""``vexlab trace --errno``: a failed case again, to see which function of the module its error came from."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from pathlib import Path

import click
import msgspec

from vexlab.cli.again import red_cases, say
from vexlab.cli.traced_case import run_again
from vexlab.config import Settings, settings_for
from vexlab.errors import UsageError
from vexlab.model.case import CaseResult
from vexlab.model.request import Request
from vexlab.plugin.evidence import AGAIN
from vexlab.plugin.recorder import folder_name
from vexlab.plugin.tracing import ERRNO_FILE, ERRNO_TEXT
from vexlab.report.content import errno_of
from vexlab.results.store import Store
from vexlab.targets.load import find_target
from vexlab.trace.errno import number_of


def trace_errno(
    request: Request, settings: Settings, where: str, error: str, place: tuple[Path, str], *, as_json: bool
) -> int:
    """Run the case of ``where`` (RUN/CASE) again and print where its error came from; return the exit status."""
    results, url = place
    run, slash, name = where.partition("/")
    if not slash:
        raise UsageError(f"`{where}` names no case", hint="write RUN/CASE, such as `last/kernel_module.load[6.1]`")
    with closing(Store(results, url, readonly=True)) as store:
        result = store.load(run)
    case = next((each for each in result.cases if each.id == name), None)
    if case is None:
        red = ", ".join(each.id for each in red_cases(result)[:5])
        raise UsageError(f"the run {result.run.id} has no case {name}", hint=f"of it failed: {red or 'none'}")
    if find_target(request.target).name != result.run.target:
        raise UsageError(f"the run is of {result.run.target}", hint="--target names where its target.toml is")
    wanted = error or errno_of(case)
    if not wanted:
        raise UsageError(f"{name} did not end in an error that has a name", hint="--error EEXIST names one")
    number_of(wanted)
    kept = None if request.build_args else recorded(results, result.run.id, case)
    again = dataclasses.replace(kept or _request(request, settings, case), trace_errno=wanted)
    whose = "with the run's own module" if kept else f"with {request.target} as it is now"
    say(f"running {name} again, {whose} and return probes for {wanted}")
    settings = settings_for(again) if kept else dataclasses.replace(settings, kernels=again.kernels)
    cases, _ = run_again(again, settings, results / result.run.id / "errno")
    return _tell(cases[0], wanted, as_json=as_json)


def recorded(results: Path, run: str, case: CaseResult) -> Request | None:
    """Return the request that runs a case as its run had it, ``None`` where that is not here."""
    file = results / run / "cases" / folder_name(case.id) / AGAIN
    try:
        request = msgspec.json.decode(file.read_bytes(), type=Request)
    except (OSError, msgspec.MsgspecError):
        return None
    here = all(Path(each).exists() for each in (request.config, request.artifact) if each)
    return request if here else None  # the evidence was copied from elsewhere


def _request(request: Request, settings: Settings, case: CaseResult) -> Request:
    key = case.key
    return dataclasses.replace(
        request,
        cases=(case.id,),
        kernels=(key.kernel,) if key.kernel else settings.kernels,
        configurations=(key.configuration,) if key.configuration else (),
    )


def _tell(case: CaseResult, wanted: str, *, as_json: bool) -> int:
    folder = Path(case.evidence)
    if not (folder / ERRNO_FILE).is_file():
        raise UsageError(
            f"nothing was seen: the case ended as {case.verdict.value}: {case.reason[:300]}",
            hint="the module must be one that can be probed: loaded from a file, in a machine that lived on",
        )
    click.echo((folder / (ERRNO_FILE if as_json else ERRNO_TEXT)).read_text(), nl=False)
    if errno_of(case) != wanted:
        say(f"this time the case ended as {case.verdict.value}: {case.reason[:300] or 'no reason'}")
    return 0
