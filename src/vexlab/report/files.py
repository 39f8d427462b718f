"""The subscriber that writes a finished run as JSON and JUnit: into its folder, and where the user wants it."""

from __future__ import annotations

import sys
from pathlib import Path

from vexlab.errors import InfraError, UsageError
from vexlab.model.event import Event, RunFinished
from vexlab.report import jsonfile, junit

_JSON = "result.json"
_JUNIT = "junit.xml"


class ReportFiles:
    """Writes at the end of the run; ``json_file`` may be ``-`` for standard output, an empty name is none."""

    def __init__(self, json_file: str = "", junit_file: str = "") -> None:
        self._json_file = json_file
        self._junit_file = junit_file

    def take(self, event: Event) -> None:
        """Write; raise ``InfraError`` for the run's own folder, ``UsageError`` for a file of the user's."""
        if not isinstance(event, RunFinished):
            return
        document, suite = jsonfile.render(event.result), junit.render(event.result)
        wanted = ((self._json_file, document), (self._junit_file, suite))
        try:
            for name, data in wanted:
                if name == "-":
                    sys.stdout.buffer.write(data)
                    sys.stdout.flush()
                elif name:
                    Path(name).write_bytes(data)
        except OSError as error:
            hint = f"it is kept in {event.folder}"
            raise UsageError(f"the report cannot be written: {error}; {hint}", hint=hint) from error
        finally:
            self._write_own(Path(event.folder), document, suite)

    def _write_own(self, folder: Path, document: bytes, suite: bytes) -> None:
        try:
            (folder / _JSON).write_bytes(document)
            (folder / _JUNIT).write_bytes(suite)
        except OSError as error:
            raise InfraError(f"the results cannot be written: {error}") from error
