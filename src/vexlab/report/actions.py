"""The subscriber that tells GitHub Actions of a run: annotations on standard output, the job's summary in its file."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from vexlab.errors import UsageError
from vexlab.model.event import Event, RunFinished
from vexlab.report.content import Content
from vexlab.report.github import commands, summary

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
        for line in commands(content, self._folder()):
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        if file := self._environment.get(_SUMMARY):
            try:
                with Path(file).open("ab") as out:
                    out.write(summary(content))
            except OSError as error:
                raise UsageError(f"the job's summary cannot be written: {error}") from error

    def _folder(self) -> str:
        """Return the module's folder as the repository names it."""
        root = self._environment.get(_WORKSPACE) or os.getcwd()  # noqa: PTH109 - as the shell has it
        if self._source and self._source.resolve().is_relative_to(Path(root).resolve()):
            return str(self._source.resolve().relative_to(Path(root).resolve()))
        return ""
