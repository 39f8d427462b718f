"""Each run's log: its events, and what the code that carries it out has to say."""

from __future__ import annotations

import logging
from pathlib import Path

from vexlab import runlog
from vexlab.model.event import (
    CaseFinished,
    CaseStarted,
    Event,
    RunFinished,
    RunPlanned,
    RunStarted,
    StepStarted,
    Warned,
)
from vexlab.tables import visible

log = logging.getLogger(runlog.EVENTS)


class RunLog:
    """Writes ``run.log`` in the run's folder from level ``level`` on; what came before the folder was there, too."""

    def __init__(self, level: str) -> None:
        self._level = level
        self._early: list[Event] = []
        self._handler: logging.Handler | None = None

    def take(self, event: Event) -> None:
        """Note what happens."""
        match event:
            case RunStarted():
                self._handler = runlog.to_file(Path(event.folder), self._level)
                log.info("run %s of %s on %s", event.run.id, event.run.target, ", ".join(event.run.kernels))
                for earlier in self._early:
                    self._note(earlier)
            case _ if self._handler is None:
                self._early.append(event)
            case _:
                self._note(event)
        if isinstance(event, RunFinished):
            self.close()

    def close(self) -> None:
        """End the log, also of a run that did not come to its end."""
        if self._handler:
            runlog.stop(self._handler)
        self._handler = None

    def _note(self, event: Event) -> None:
        match event:
            case StepStarted():
                log.info("%s", visible(event.words))
            case Warned():
                log.log(logging.ERROR if event.red else logging.WARNING, "%s", visible(event.words))
            case RunPlanned():
                log.info("%d cases are planned", len(event.plan.cases))
            case CaseStarted():
                log.info("%s begins", visible(str(event.key or event.node)))
            case CaseFinished():
                case = event.case
                log.info("%s: %s in %.1f s%s", visible(case.id), case.verdict, case.duration_s, _why(case.reason))
            case RunFinished():
                log.info("the run ends with status %d after %.1f s", event.result.exit_code, event.seconds)
                for error in event.errors:
                    log.error("%s", visible(error))


def _why(reason: str) -> str:
    return f": {visible(reason)}" if reason else ""
