"""The subscriber that tells GitHub Actions of a run: annotations, the job's summary, findings for code scanning."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from vexlab.errors import UsageError
from vexlab.model.event import Event, RunFinished
from vexlab.report.content import Content
from vexlab.report.github import commands, summary
from vexlab.report.places import Places
from vexlab.report.sarif import render_with

SARIF = "findings.sarif"  # in the run's folder
_ACTIONS = "GITHUB_ACTIONS"
_SUMMARY = "GITHUB_STEP_SUMMARY"
_WORKSPACE = "GITHUB_WORKSPACE"


class ActionsReport:
    """Says nothing but where ``environment`` tells that this is a step of a workflow; ``source`` is the module's."""

    def __init__(self, environment: Mapping[str, str], source: Path | None) -> None:
        self._environment = environment
        self._source = source

    def take(self, event: Event) -> None:
        """Tell of the end of a run; raise ``UsageError`` where the summary cannot be written."""
        if not isinstance(event, RunFinished) or self._environment.get(_ACTIONS) != "true":
            return
        content = Content.of(event.result)
        places = Places(self._source, Path(self._environment.get(_WORKSPACE) or Path.cwd()))
        for line in commands(content, places.of):
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        try:
            (Path(event.folder) / SARIF).write_bytes(render_with(content, places.of))
            if file := self._environment.get(_SUMMARY):
                with Path(file).open("ab") as out:
                    out.write(summary(content))
        except OSError as error:
            raise UsageError(f"the job's summary cannot be written: {error}") from error
