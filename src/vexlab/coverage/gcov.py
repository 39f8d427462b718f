"""Counters of guests, made counts of lines by gcov. It parses what a guest wrote, so it runs where builds do.

In the sandbox gcov can write to its own folder only; without one, it runs with the same limits of time and size.
"""

from __future__ import annotations

import gzip
import shutil
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vexlab import process
from vexlab.coverage.counts import parse
from vexlab.errors import InfraError, UsageError
from vexlab.model.coverage import FileCounts, added
from vexlab.model.request import Sandboxing
from vexlab.targets.build import take
from vexlab.targets.counted import COUNTERS_END, NOTES_END, NOTES_FOLDER, SOURCE_FOLDER, noted
from vexlab.targets.sandbox import Workplace, wanted

_PROGRAMS = ("gcov-12", "gcov")  # the one of the compiler (vexlab.targets.build)
_GCOV_S = 60.0
_DOCUMENT_MOST = 64 << 20  # bytes, unpacked
# gcov says this of an object of which no counter came: its count is 0
_NOT_RUN = "cannot open data file"


class Unreadable(ValueError):
    """Counters that gcov does not take: they are not those of this build, or spoiled."""


def program() -> str:
    """Return the gcov that belongs to the compiler; raise ``InfraError`` where there is none."""
    for name in _PROGRAMS:
        if process.find(name):
            return name
    raise InfraError("gcov is not installed", hint="it comes with gcc: `apt install gcc-12`")


@dataclass(frozen=True)
class Noted:
    """A module that was built to count: ``folder`` has gcov's notes and the sources."""

    folder: Path
    sandboxing: Sandboxing

    @cached_property
    def objects(self) -> tuple[str, ...]:
        """The objects that count; ``UsageError`` where there are none."""
        found = noted(self.folder)
        if not found:
            raise UsageError(f"{self.folder} holds no notes of gcov's", hint="`vexlab run --coverage` leaves them")
        return found

    @cached_property
    def sources(self) -> frozenset[str]:
        """The sources of the module, relative to its folder."""
        source = self.folder / SOURCE_FOLDER
        return frozenset(str(path.relative_to(source)) for path in source.rglob("*") if path.is_file())

    def counts(self, counters: Mapping[str, bytes]) -> dict[str, FileCounts]:
        """Return what ran, by the counters of a machine, by object; of an object without it is nothing.

        Raises ``Unreadable`` where gcov does not take them, ``DeadlineError`` and ``InfraError`` where it cannot run.
        """
        with tempfile.TemporaryDirectory(prefix="vexlab-gcov-") as folder:
            work = Path(folder).resolve()
            place = Workplace(work=work, readable=(), sandboxed=wanted(self.sandboxing))
            names = {name: f"{number:05}" for number, name in enumerate(self.objects)}
            for name, number in names.items():
                shutil.copyfile(self.folder / NOTES_FOLDER / f"{name}{NOTES_END}", work / f"{number}{NOTES_END}")
                if name in counters:
                    (work / f"{number}{COUNTERS_END}").write_bytes(counters[name])
            argv = [program(), "--json-format", "--branch-probabilities"]
            done = place.run([*argv, *(f"{number}{NOTES_END}" for number in names.values())], timeout=_GCOV_S)
            # 00003.gcda:stamp mismatch with notes file
            wrong = [line for line in done.error_text.splitlines() if line.strip() and _NOT_RUN not in line]
            if done.returncode or wrong:
                said = wrong[0] if wrong else f"status {done.returncode}"
                known = {number: name for name, number in names.items()}
                raise Unreadable(f"{known.get(said.partition('.')[0], 'gcov')}: {said[:200]}")
            return added(self._read(work, number) for number in names.values())

    def _read(self, work: Path, number: str) -> dict[str, FileCounts]:
        """Return what gcov wrote of an object."""
        taken = work / f"{number}.taken"
        try:
            take(work, work / f"{number}{NOTES_END.removesuffix('no')}ov.json.gz", taken)
            with gzip.open(taken) as file:
                document = file.read(_DOCUMENT_MOST + 1)
        except (OSError, EOFError, zlib.error, UsageError) as error:
            raise Unreadable(f"gcov wrote nothing that can be read: {error}") from error
        if len(document) > _DOCUMENT_MOST:
            raise Unreadable(f"gcov wrote more than {_DOCUMENT_MOST >> 20} MiB about one object")
        try:
            return parse(document, self.sources)
        except ValueError as error:
            raise Unreadable(str(error)) from error
