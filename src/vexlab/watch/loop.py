"""The edit loop itself: waits for a save or a key, builds, runs, shows."""

from __future__ import annotations

import dataclasses
import logging
import select
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from vexlab.errors import BuildError, InfraError, UsageError
from vexlab.lab import Lab, Order
from vexlab.model.case import CaseResult
from vexlab.model.kernel import Kernel
from vexlab.model.profile import RUN_FILE, Profile, encode_all
from vexlab.model.request import Request
from vexlab.model.target import ModuleArtifact, Target
from vexlab.plugin.capabilities import undeclared
from vexlab.probe.kept import profile_of
from vexlab.targets.changes import concern
from vexlab.targets.kept import keep_artifact
from vexlab.watch.files import Saved
from vexlab.watch.session import Phase, Round, Screen
from vexlab.watch.warm import Ended, Planned, WarmRun

log = logging.getLogger(__name__)

_LOOK_S = 0.04  # between two looks at the files, or ten times as long as one took
_HEAR_S = 0.15  # the longest wait for a word of the cases before the files are looked at
_SETTLE_S = 0.05  # an editor writes several files
_QUIT = "q"
_MODULE = "module"  # in a round's folder
_KEPT = 5  # rounds whose evidence stays
_LINES_MOST = 40
# super.c:10:5: error: …     a.c:1:10: fatal error: x.h: No such file     ERROR: modpost: "f" [x.ko] undefined!
_ERRORS = (": error:", ": fatal error:", "undefined!")


class Loop:
    """The loop over one target on one kernel; ``show`` draws a screen, ``hand_over`` runs a command on the terminal.

    ``folder`` is for the evidence.
    """

    def __init__(
        self,
        lab: Lab,
        target: Target,
        kernel: Kernel,
        request: Request,
        folder: Path,
        *,
        show: Callable[[Screen], None],
        hand_over: Callable[[list[str]], None],
    ) -> None:
        self._lab, self._target, self._kernel, self._request = lab, target, kernel, request
        self._folder = folder
        self._show, self._hand_over = show, hand_over
        self._builds = lab.incremental(target, kernel)
        folders = [target.source, *(tool.source for tool in target.tools)] if target.source else []
        self._saved = Saved([each for each in folders if each])
        self._screen = Screen(target=target.name, kernel=kernel.name)
        self._waiting: tuple[Path, ...] = ()  # saved while cases ran
        self._profile: Profile | None = None

    def run(self, *, once: bool = False) -> Screen:
        """Build and run at once, then on each save, until a key or Ctrl-C ends it; return the last screen."""
        self._round((), self._request)
        while not once:
            self._show(self._screen)
            changed, key = self._wait()
            if key == _QUIT:
                break
            if key:
                self._on_key(key)
            else:
                self._round(changed, self._concerned(changed))
        return self._screen

    def _on_key(self, key: str) -> None:
        last = self._screen.now
        red = last.red if last else ()
        match key:
            case "r":
                self._round((), self._request)
            case "a":
                self._profile = None  # what was refused may work by now
                self._round((), dataclasses.replace(self._request, quick=False, level=0, domains=(), cases=()))
            case "f" if red:
                self._round((), dataclasses.replace(self._request, cases=tuple(case.id for case in red)))
            case "p" if red:
                self._hand_over([f"{red[0].evidence}/reproduce"])
            case "d" if red:
                target = str(self._target.file)
                self._hand_over([sys.executable, "-m", "vexlab", "vm", "start", "watch", "--target", target])

    def _concerned(self, changed: tuple[Path, ...]) -> Request:
        here = self._target.file.parent
        names = tuple(str(path.relative_to(here)) if path.is_relative_to(here) else path.name for path in changed)
        found = concern(names, self._target)
        if not found.domains or self._request.cases or self._request.domains:
            return self._request
        return dataclasses.replace(self._request, domains=found.domains)

    def _round(self, changed: tuple[Path, ...], request: Request) -> None:
        begin = time.monotonic()
        number = len(self._screen.history) + 1
        names = tuple(path.name for path in changed)
        why = f"domains: {', '.join(request.domains)}" if request.domains != self._request.domains else ""
        now = Round(number=number, changed=names, why=why)
        self._draw(Phase.BUILDING, now)
        try:
            with ExitStack() as stack:
                known = self._is_known()
                cases = stack.enter_context(self._collecting(number, request)) if known else None
                artifact = self._builds.build()
                now = dataclasses.replace(now, build_s=time.monotonic() - begin, warnings=artifact.warnings)
                if cases is None:
                    self._probe(artifact, now)
                    cases = stack.enter_context(self._collecting(number, request))
                now = self._cases(now, cases, artifact, begin)
        except BuildError as error:
            words = "\n".join([error.message, *_errors(error.log)])
            now = dataclasses.replace(now, build_s=time.monotonic() - begin, build_error=words)
        except (InfraError, UsageError) as error:
            now = dataclasses.replace(now, error=error.message)
        now = dataclasses.replace(now, total_s=time.monotonic() - begin)
        self._screen = self._screen.after(now)
        self._show(self._screen)

    def _is_known(self) -> bool:
        """Whether it is known what the target can do, and it lacks only what it declares: a save may mend the rest."""
        profile = self._profile
        return profile is not None and not profile.broken() and not undeclared(self._target, profile)

    def _probe(self, artifact: ModuleArtifact, now: Round) -> None:
        """Find out what the target can do; where the lab cannot, cases try everything."""
        self._draw(Phase.PROBING, now)
        try:
            self._profile = profile_of(self._lab, self._target, self._kernel, artifact)
        except (InfraError, UsageError) as error:
            log.warning("it was not found out what %s can do: %s", self._target.name, error.message)
            self._profile = None

    def _collecting(self, number: int, request: Request) -> WarmRun:
        """Return the round's cases, which are collected while the module is built."""
        folder = self._folder / f"round-{number}"
        shutil.rmtree(self._folder / f"round-{number - _KEPT}", ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        if self._profile:
            (folder / RUN_FILE).write_bytes(encode_all((self._profile,)))
        asked = dataclasses.replace(
            request,
            artifact=str(folder / _MODULE),
            probe=False,
            kernels=(self._kernel.name,),
            order=self._first_the_red(folder),
        )
        return WarmRun(asked, folder)

    def _cases(self, now: Round, running: WarmRun, artifact: ModuleArtifact, begin: float) -> Round:
        self._draw(Phase.RUNNING, now)
        folder = self._folder / f"round-{now.number}"
        keep_artifact(artifact, folder / _MODULE)
        self._lab.snapshot(
            Order(
                target=self._target,
                kernel=self._kernel,
                artifact=artifact,
                memory=self._lab.settings.memory,
                cpus=self._lab.settings.cpus,
                profile=self._profile,
            )
        )
        running.go()
        while running.running:
            for said in running.said(_HEAR_S):
                now = self._heard(now, said, begin)
            if self._interrupted():
                return dataclasses.replace(now, error="stopped by another save")
        if running.status not in (0, 1, 5):
            words = f"the cases' process ended with status {running.status}: {folder}/watch.log"
            return dataclasses.replace(now, error=words)
        return now

    def _heard(self, now: Round, said: Planned | Ended, begin: float) -> Round:
        if isinstance(said, Planned):
            now = dataclasses.replace(now, planned=said.count)
        else:
            first = now.first_s or time.monotonic() - begin
            now = dataclasses.replace(now, cases=(*now.cases, said.case), first_s=first)
        self._draw(Phase.RUNNING, now)
        return now

    def _first_the_red(self, folder: Path) -> str:
        """Write the order in which cases run: what was red before comes first."""
        last: tuple[CaseResult, ...] = self._screen.now.red if self._screen.now else ()
        file = folder / "order.txt"
        file.write_text("".join(f"{case.id}\n" for case in last))
        return str(file)

    def _draw(self, phase: Phase, now: Round) -> None:
        self._screen = dataclasses.replace(self._screen, phase=phase, now=now)
        self._show(self._screen)

    def _interrupted(self) -> bool:
        """Whether a save has made the running cases old; the save is kept for the next round."""
        changed = self._saved.changed()
        if changed:
            self._waiting = changed
        return bool(changed)

    def _wait(self) -> tuple[tuple[Path, ...], str]:
        """Return what was saved, or the key that was pressed."""
        if waiting := self._waiting:
            self._waiting = ()
            return waiting, ""
        pause = _LOOK_S
        while True:
            if key := read_key(pause):
                return (), key
            begin = time.monotonic()
            changed = self._saved.changed()
            pause = max(_LOOK_S, 10 * (time.monotonic() - begin))
            if changed:
                time.sleep(_SETTLE_S)
                return tuple(sorted({*changed, *self._saved.changed()})), ""


def read_key(timeout: float) -> str:
    """Return a key that was pressed within ``timeout`` seconds, an empty string where none was, ``q`` at the end."""
    if not sys.stdin.isatty():
        time.sleep(timeout)
        return ""
    ready, _, _ = select.select([sys.stdin], [], [], timeout)
    return (sys.stdin.read(1) or _QUIT) if ready else ""


def _errors(log: str) -> list[str]:
    """Return the lines of a build's log that say what is wrong."""
    found = [line for line in log.splitlines() if any(word in line for word in _ERRORS)]
    return (found or log.splitlines()[-_LINES_MOST:])[:_LINES_MOST]
