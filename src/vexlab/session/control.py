"""A failed case, run again in fresh machines: here, on the revision before, on a reference, on another kernel."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vexlab.config import Settings
from vexlab.errors import VexlabError
from vexlab.model.case import CaseResult
from vexlab.model.control import Arm, Explanation, Trial, elsewhere, goes_on_here
from vexlab.model.event import CaseFinished, Event
from vexlab.model.flaky import Count
from vexlab.model.request import Request
from vexlab.model.verdict import Verdict
from vexlab.session.execution import execute
from vexlab.targets.earlier import export_revision
from vexlab.targets.load import find_target

REFERENCE = "ext4"
_RED = (Verdict.FAILED, Verdict.CRASHED)
_LAB_MOST = 2  # runs in a row that the lab fails


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A case to explain. ``before`` is the revision to compare with, ``kernel`` the other kernel; empty: unknown."""

    case: CaseResult
    before: str = ""
    kernel: str = ""
    most: int = 40


class Control:
    """Runs cases again as ``request`` did. ``folder`` takes the evidence of what fails, ``say`` what is being done.

    ``interrupted`` tells whether somebody asked to stop.
    """

    def __init__(
        self,
        request: Request,
        settings: Settings,
        folder: Path,
        *,
        say: Callable[[str], None],
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        # What chose the cases of the run, or bears on its verdict only, is not meant for one case.
        self._request = dataclasses.replace(
            request,
            level=0,
            quick=False,
            duration_s=0.0,
            domains=(),
            scenario=0,
            order="",
            known="",
            expect=(),
            jobs=1,
            cluster="",
        )
        self._settings = settings
        self._folder = folder
        self._say = say
        self._interrupted = interrupted

    def again(self, case: CaseResult, enough: Callable[[Count], bool]) -> Trial:
        """Run a red ``case`` again as it was till ``enough``; its first failure counts."""
        trial = Trial(arm=Arm.HERE, place="here", count=Count(1, 1))
        return self._repeated(self._of(case), str(case.key), trial, lambda count: not enough(count))

    def explain(self, wanted: Wanted) -> Explanation:
        """Return what a red case does here and elsewhere."""
        here = self.again(wanted.case, lambda count: not goes_on_here(count))
        here = dataclasses.replace(here, fails=bool(here.count.failed))
        test = elsewhere(here.count, wanted.most)
        trials = [here]
        with tempfile.TemporaryDirectory(prefix="vexlab-earlier-") as scratch:
            for trial, request, name in self._arms(wanted, Path(scratch)):
                if request is not None and here.count.failed:
                    trial = self._repeated(request, name, trial, test.goes_on)  # noqa: PLW2901 - it grows
                    trial = dataclasses.replace(trial, fails=test.fails(trial.count))  # noqa: PLW2901
                trials.append(trial)
        return Explanation(case=str(wanted.case.key), trials=tuple(trials))

    def _arms(self, wanted: Wanted, scratch: Path) -> Iterator[tuple[Trial, Request | None, str]]:
        """Yield each other place, the request for it (``None``: there is none), and the case's id there."""
        key = wanted.case.key
        request = self._of(wanted.case)
        yield self._before(wanted, request, scratch)
        reference = dataclasses.replace(request, target=REFERENCE, build_args=(), configurations=(), artifact="")
        there = dataclasses.replace(key, target=REFERENCE, configuration="")
        trial = Trial(arm=Arm.REFERENCE, place=f"on {REFERENCE}")
        if request.target == REFERENCE or key.target == REFERENCE:
            yield dataclasses.replace(trial, unknown="it is the target itself"), None, ""
        elif request.paths:
            yield dataclasses.replace(trial, unknown="a case of the user's own may be about its target alone"), None, ""
        else:
            yield trial, reference, str(there)
        trial = Trial(arm=Arm.KERNEL, place=f"on kernel {wanted.kernel}" if wanted.kernel else "on another kernel")
        if not wanted.kernel or not key.kernel:
            yield dataclasses.replace(trial, unknown="there is none at hand"), None, ""
        elif request.artifact:
            yield dataclasses.replace(trial, unknown="the given module is built for this one"), None, ""
        else:
            other = dataclasses.replace(key, kernel=wanted.kernel)
            yield trial, dataclasses.replace(request, kernels=(wanted.kernel,)), str(other)

    def _before(self, wanted: Wanted, request: Request, scratch: Path) -> tuple[Trial, Request | None, str]:
        name = wanted.before
        trial = Trial(arm=Arm.BEFORE, place=f"on the revision before ({name})" if name else "on the revision before")
        if not name or request.artifact:
            words = "a given module has none" if request.artifact else "no run of another revision is known"
            return dataclasses.replace(trial, unknown=words), None, ""
        try:
            file = export_revision(find_target(request.target).file, name, scratch)
        except VexlabError as error:
            return dataclasses.replace(trial, unknown=error.message), None, ""
        return trial, dataclasses.replace(request, target=str(file)), str(wanted.case.key)

    def _of(self, case: CaseResult) -> Request:
        key = case.key
        return dataclasses.replace(
            self._request,
            kernels=tuple(filter(None, [key.kernel])) or self._request.kernels,
            configurations=(key.configuration,) if key.configuration else (),
        )

    def _repeated(self, request: Request, name: str, trial: Trial, goes_on: Callable[[Count], bool]) -> Trial:
        """Run the case ``name`` till there is no need to go on; say why where it has no result."""
        count, lost = trial.count, 0
        while goes_on(count) and not self._interrupted():
            self._say(f"{name} {trial.place}: {count.failed} of {count.runs} failed so far")
            try:
                result = self._once(request, name)
            except VexlabError as error:
                return dataclasses.replace(trial, count=count, unknown=error.message)
            if result is not None and result.verdict in (*_RED, Verdict.PASSED):
                count, lost = count + Count(int(result.verdict in _RED), 1), 0
                continue
            if result is None and self._interrupted():
                return dataclasses.replace(trial, count=count, unknown="it was interrupted")
            lost += 1
            reason = result.reason.partition("\n")[0][:200] if result else "there is no such case"
            if lost >= _LAB_MOST or result is None or result.verdict is not Verdict.ERROR:
                return dataclasses.replace(trial, count=count, unknown=f"{_said(result)}: {reason}")
        return dataclasses.replace(trial, count=count)

    def _once(self, request: Request, name: str) -> CaseResult | None:
        request = dataclasses.replace(request, cases=(name,))
        settings = dataclasses.replace(self._settings, kernels=request.kernels)
        found = _Found(name)
        execute(request, settings, self._folder, (found,), interrupted=self._interrupted)
        return found.result


def _said(result: CaseResult | None) -> str:
    return result.verdict.value if result else "unknown"


class _Found:
    """Listens for the result of one case."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.result: CaseResult | None = None

    def take(self, event: Event) -> None:
        """Keep the result."""
        if isinstance(event, CaseFinished) and event.case.id == self._name:
            self.result = event.case
