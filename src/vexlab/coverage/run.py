"""What a run reached: read from the counters in its folder once, kept there, read back by whoever asks again."""

from __future__ import annotations

import contextlib
import gzip
import logging
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import msgspec

from vexlab.cache import key_of
from vexlab.coverage.gcov import Noted, Unreadable
from vexlab.errors import DeadlineError, UsageError
from vexlab.model.case import PlannedCase
from vexlab.model.coverage import CASE_FILE, RUN_FOLDER, UNREAD, Coverage, FileCounts, added, lines_of, spans
from vexlab.model.request import Sandboxing
from vexlab.plugin.evidence import CASE
from vexlab.targets.counted import COUNTERS_END, SOURCE_FOLDER

log = logging.getLogger(__name__)

_KEPT = "counts.json.gz"  # in the run's folder of coverage
_FORMAT = 1
_TELL_EACH = 25  # cases
_OBJECT_MOST = 16 << 20  # bytes of the counters of one object
_HINT = "`vexlab run --coverage` counts; the kernel must have gcov, as the flavour kasan has"


class _Kept(msgspec.Struct):
    """What was read of a run: ``made_of`` is the key of the files it was read from, ``cases`` have spans of lines."""

    format: int
    made_of: str
    files: dict[str, FileCounts]
    cases: dict[str, dict[str, str]]
    unread: dict[str, str]


def has_coverage(folder: Path) -> bool:
    """Whether the run with its evidence in ``folder`` counted anything."""
    return any(_counted(folder))


def source_of(folder: Path) -> Path:
    """Return the folder with the module's sources as the run built them; raise ``UsageError`` where it has none."""
    found = next((folder / RUN_FOLDER).glob(f"*/{SOURCE_FOLDER}"), None)
    if found is None:
        raise UsageError(f"the run {folder.name} did not count which lines run", hint=_HINT)
    return found


def read_coverage(
    folder: Path, sandboxing: Sandboxing = "auto", *, progress: Callable[[str], None] = log.info
) -> Coverage:
    """Return what the run in ``folder`` reached. Raises ``UsageError`` where it counted nothing.

    ``progress`` is told now and then how many cases are read; ``unread`` tells of counters that gcov does not take.
    """
    source_of(folder)
    files = sorted(_counted(folder))
    made_of = key_of([(file.parent.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files])
    kept = _kept(folder / RUN_FOLDER / _KEPT)
    if kept is None or kept.made_of != made_of:
        kept = _read_all(folder, files, sandboxing, made_of, progress)
        with contextlib.suppress(OSError):  # a folder that cannot be written to is read again next time
            (folder / RUN_FOLDER / _KEPT).write_bytes(gzip.compress(msgspec.json.encode(kept)))
    cases = {case: {path: lines_of(lines) for path, lines in reached.items()} for case, reached in kept.cases.items()}
    return Coverage(files=kept.files, cases=cases, unread=kept.unread)


def _counted(folder: Path) -> Iterator[Path]:
    return folder.glob(f"cases/*/{CASE_FILE}")


def _kept(file: Path) -> _Kept | None:
    try:
        found = msgspec.json.decode(gzip.decompress(file.read_bytes()), type=_Kept)
    except (OSError, EOFError, zlib.error, msgspec.MsgspecError):
        return None
    return found if found.format == _FORMAT else None


def _read_all(
    folder: Path, files: list[Path], sandboxing: Sandboxing, made_of: str, progress: Callable[[str], None]
) -> _Kept:
    kernels = {path.name: Noted(path, sandboxing) for path in (folder / RUN_FOLDER).iterdir() if path.is_dir()}
    total: dict[str, FileCounts] = added(noted.counts({}) for noted in kernels.values())  # all that could be reached
    cases, unread = {}, {}
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:  # gcov is a process, so threads do not wait
        read = pool.map(lambda file: _case_counts(file, kernels), files)
        for number, (file, (found, problem)) in enumerate(zip(files, read, strict=True)):
            if number % _TELL_EACH == 0:
                progress(f"reading the counters of {len(files)} cases: {number} are read")
            case = _case_of(file.parent)
            if problem:
                unread[case] = problem
            if found:
                total = added([total, found])
                cases[case] = {path: spans(counts.reached) for path, counts in found.items() if counts.reached}
    return _Kept(format=_FORMAT, made_of=made_of, files=total, cases=cases, unread=unread)


def _case_of(folder: Path) -> str:
    """Return the id of the case whose evidence lies in ``folder``."""
    try:
        return msgspec.json.decode((folder / CASE).read_bytes(), type=PlannedCase).id
    except (OSError, msgspec.MsgspecError):
        return folder.name  # it did not come to its end


def _case_counts(file: Path, kernels: Mapping[str, Noted]) -> tuple[dict[str, FileCounts], str]:
    """Return what a case's machines counted together, and why one of them is not among them."""
    parts, problem = [], ""
    try:
        machines = _machines(file)
    except (OSError, zipfile.BadZipFile, zlib.error, ValueError) as error:
        return {}, f"{file.name} cannot be read: {error}"
    for kernel, counters in machines:
        if not counters:
            problem = "a machine did not give its counters: its kernel had crashed, or did not answer"
        elif kernel in kernels:
            try:
                parts.append(kernels[kernel].counts(counters))
            except (Unreadable, DeadlineError) as error:
                problem = f"gcov does not take the counters of a machine: {error}"
    return added(parts), problem


def _machines(file: Path) -> list[tuple[str, dict[str, bytes]]]:
    """Return kernel and counters, by object, of each machine of a case."""
    found: dict[tuple[str, str], dict[str, bytes]] = {}
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            number, kernel, *rest = PurePosixPath(entry.filename).parts
            counters = found.setdefault((number, kernel), {})
            if rest == [UNREAD]:
                continue
            if entry.file_size > _OBJECT_MOST:
                raise ValueError(f"{entry.filename} is larger than {_OBJECT_MOST >> 20} MiB")
            counters["/".join(rest).removesuffix(COUNTERS_END)] = archive.read(entry)
    return [(kernel, counters) for (_, kernel), counters in found.items()]
