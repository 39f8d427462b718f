"""Reports as files: at the end of a run into its folder and where the user wants them, later whatever is asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from vexlab.errors import InfraError, UsageError
from vexlab.model.case import RunResult
from vexlab.model.earlier import Earlier
from vexlab.model.event import Event, ProfileKnown, RunFinished
from vexlab.model.profile import Profile
from vexlab.report import jsonfile, junit
from vexlab.report.content import NO_PAST, Content, Past
from vexlab.report.renderers import BY_NAME, Format

_ALWAYS = (BY_NAME["json"], BY_NAME["junit"])
STDOUT = "-"


class ReportFiles:
    """Writes at the end of the run; ``json_file`` may be ``-`` for standard output, an empty name is none.

    ``formats`` are written into the run's folder, beside JSON and JUnit, which always are; ``earlier`` returns the runs
    before one for those of them that draw charts, ``past`` what the store says of its cases.
    """

    def __init__(
        self,
        json_file: str = "",
        junit_file: str = "",
        formats: Sequence[Format] = (),
        earlier: Callable[[RunResult], tuple[Earlier, ...]] = lambda _: (),
        past: Callable[[RunResult], Past] = lambda _: NO_PAST,
    ) -> None:
        self._json_file = json_file
        self._junit_file = junit_file
        self._formats = (*_ALWAYS, *(each for each in formats if each not in _ALWAYS))
        self._earlier = earlier if any(each.charts for each in formats) else lambda _: ()
        self._past = past
        self._profiles: list[Profile] = []

    def take(self, event: Event) -> None:
        """Write; raise ``InfraError`` for the run's own folder, ``UsageError`` for a file of the user's."""
        match event:
            case ProfileKnown():
                self._profiles.append(event.profile)
            case RunFinished():
                result = event.result
                content = Content.of(result, self._profiles, self._earlier(result), self._past(result))
                self._write(content, Path(event.folder))

    def _write(self, content: Content, folder: Path) -> None:
        wanted = ((self._json_file, jsonfile.render), (self._junit_file, junit.render))
        try:
            for name, render in wanted:
                if name == STDOUT:
                    print_bytes(render(content))
                elif name:
                    Path(name).write_bytes(render(content))
        except OSError as error:
            hint = f"it is kept in {folder}"
            raise UsageError(f"the report cannot be written: {error}; {hint}", hint=hint) from error
        finally:
            self._write_own(content, folder)

    def _write_own(self, content: Content, folder: Path) -> None:
        try:
            write_folder(content, self._formats, folder)
        except OSError as error:
            raise InfraError(f"the results cannot be written: {error}") from error


def write_folder(content: Content, formats: Sequence[Format], folder: Path) -> list[Path]:
    """Write each format's files into ``folder``, which must exist, and return them; raise ``OSError``."""
    written = []
    for part in (part for each in formats for part in each.parts):
        (folder / part.file).write_bytes(part.render(content))
        written.append(folder / part.file)
    return written


def write_file(content: Content, form: Format, file: Path) -> list[Path]:
    """Write one format to ``file``, its further files beside it (``x.csv``, ``x-metrics.csv``); raise ``OSError``."""
    first, *others = form.parts
    places = [(file, first)]
    for part in others:
        name = Path(part.file)
        places.append((file.with_name(f"{file.stem}-{name.stem}{file.suffix or name.suffix}"), part))
    for place, part in places:
        place.write_bytes(part.render(content))
    return [place for place, _ in places]


def print_bytes(data: bytes) -> None:
    """Write to standard output as it is."""
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
