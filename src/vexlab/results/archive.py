"""Runs in one file, for other hosts: written, read, and refused where it is not what ``export`` writes.

An archive is a tar with gzip. It holds ``vexlab-results.json``, and for each run ``ID/run.json`` (what it was about,
and its plan), ``ID/cases.jsonl`` (a result a line) and, where asked for, its evidence below ``ID/evidence/``.
"""

from __future__ import annotations

import dataclasses
import datetime
import io
import json
import math
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Self, TypeVar

import msgspec

from vexlab.errors import InfraError, UsageError
from vexlab.model.case import CaseResult, Plan, RunInfo
from vexlab.results.evidence import keep_evidence
from vexlab.results.store import Store
from vexlab.tables import has_control, texts_of, visible

T = TypeVar("T")

VERSION = 1
MOST_BYTES = 4 << 30  # of all files of an archive, unpacked
MOST_FILES = 200_000
_RUN_BYTES, _LINE_BYTES = 64 << 20, 16 << 20  # of run.json, and of one result
_HEAD, _RUN, _CASES, _EVIDENCE = "vexlab-results.json", "run.json", "cases.jsonl", "evidence"
_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")  # 20261128-122830-9fb9
_NAME_BYTES = 64 << 10  # of a header that holds a long name: tarfile reads it into memory whole
_NAMES = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_NOT_OURS = "only what `vexlab results export` writes can be imported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What an archive says of itself."""

    version: int
    runs: tuple[str, ...]


class _Entry(tarfile.TarInfo):
    """A member whose headers are bounded before they are read."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Return the header in ``buf``; raise ``tarfile.ReadError`` for a name of megabytes."""
        entry = super().frombuf(buf, encoding, errors)
        if entry.type in _NAMES and entry.size > _NAME_BYTES:
            raise tarfile.ReadError(f"a name in it has {entry.size} bytes")
        return entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A run in an archive, without its results."""

    run: RunInfo
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A run of an archive; ``added`` is whether it was, or was there before."""

    run: RunInfo
    cases: int
    added: bool


def export_runs(store: Store, names: Sequence[str], file: Path, *, evidence: bool = False) -> tuple[RunInfo, ...]:
    """Write the runs ``names`` into ``file``; raise ``UsageError`` where there is no such run, or it goes on."""
    infos = tuple({info.id: info for info in map(store.info, names)}.values())
    for info in infos:
        if store.is_running(info.id):
            raise UsageError(f"the run {info.id} goes on", hint="export it when it has ended")
    if not file.name:
        raise UsageError("no file is named to write into", hint="--output NAME.tar.gz names one")
    draft = file.with_name(f".{file.name}.part")
    try:
        # What several files share is written with each of them: an archive holds no links.
        with tarfile.open(draft, "w:gz", compresslevel=6, dereference=True) as archive:
            _add(archive, _HEAD, msgspec.json.encode(Head(version=VERSION, runs=tuple(each.id for each in infos))))
            for info in infos:
                _add_run(archive, store, info, evidence=evidence)
        draft.replace(file)
    except OSError as error:
        raise InfraError(f"{file} cannot be written: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
    return infos


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))


def _add_run(archive: tarfile.TarFile, store: Store, info: RunInfo, *, evidence: bool) -> None:
    plan, cases = store.recorded(info.id)
    _add(archive, f"{info.id}/{_RUN}", msgspec.json.encode(Kept(run=info, plan=plan)))
    lines = [json.dumps(msgspec.to_builtins(case)).encode() for case in cases]  # a lone surrogate is escaped
    _add(archive, f"{info.id}/{_CASES}", b"".join(line + b"\n" for line in lines))
    folder = store.evidence(info.id)
    if not evidence or not folder.is_dir():
        return
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink() and not file.name.startswith(".running"):
            inside = PurePosixPath(info.id, _EVIDENCE, *file.relative_to(folder).parts)
            entry = archive.gettarinfo(file, str(inside))
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            with file.open("rb") as content:
                archive.addfile(entry, content)


def import_runs(store: Store, file: Path) -> tuple[Imported, ...]:
    """Add the runs of an archive that the store does not have yet; all of its evidence lies in the store's folder.

    Raises ``UsageError`` where the archive is not one of ``export``: its paths, links, sizes and results are checked,
    and nothing of it is kept.
    """
    store.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".import-", dir=store.folder) as scratch:
        head = _unpack(file, Path(scratch))
        runs = [_read(file, Path(scratch, name), name) for name in head.runs]
        return tuple(_take(store, Path(scratch), kept, cases) for kept, cases in runs)


def _unpack(file: Path, scratch: Path) -> Head:
    with _refusing(file), tarfile.open(file, "r|gz", tarinfo=_Entry) as archive:
        total = 0
        for number, entry in enumerate(archive):
            total += entry.size
            if number >= MOST_FILES or total > MOST_BYTES:
                raise UsageError(f"{file} holds more than {MOST_FILES} files or {MOST_BYTES >> 30} GiB", hint=_NOT_OURS)
            if entry.isdir():
                continue
            content = archive.extractfile(entry) if entry.isreg() else None
            path = _path_of(entry.name)
            if content is None or path is None:
                raise UsageError(f"{file}: `{visible(entry.name[:200])}` has no place in an archive", hint=_NOT_OURS)
            _write(content, scratch.joinpath(*path.parts), entry.mode & 0o100)
    head = _decoded(file, scratch / _HEAD, Head)
    if head.version != VERSION:
        raise UsageError(
            f"{file} is an archive of version {head.version}, and this vexlab reads version {VERSION}",
            hint="import it with the version of vexlab that wrote it, or a newer one",
        )
    return head


def _path_of(name: str) -> PurePosixPath | None:
    """Return the path of a member where it is one of those that an archive has."""
    path = PurePosixPath(name)
    if name == _HEAD:
        return path
    if name != str(path) or "\0" in name or any(part in ("..", ".") or part.startswith("/") for part in path.parts):
        return None
    run, *rest = path.parts
    if not _ID.fullmatch(run) or not rest:
        return None
    return path if rest in ([_RUN], [_CASES]) or (rest[0] == _EVIDENCE and len(rest) > 1) else None


def _write(content: IO[bytes], file: Path, executable: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("xb") as out:
        shutil.copyfileobj(content, out)
    if executable:
        file.chmod(0o755)


@contextmanager
def _refusing(file: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, OSError, UnicodeError) as error:
        raise UsageError(f"{file} cannot be read as an archive: {error}", hint=_NOT_OURS) from error


def _missing(file: Path, part: Path) -> UsageError:
    return UsageError(
        f"{file} cannot be read as an archive: it holds no {part.name}", hint="it may be cut short: copy it once more"
    )


def _decoded(file: Path, part: Path, kind: type[T]) -> T:
    try:
        if part.stat().st_size > _RUN_BYTES:
            raise UsageError(f"{file}: {part.name} is too large", hint=_NOT_OURS)
        return msgspec.json.decode(part.read_bytes(), type=kind)
    except FileNotFoundError as error:
        raise _missing(file, part) from error
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"{file}: {part.name}: {error}", hint=_NOT_OURS) from error


def _read(file: Path, folder: Path, name: str) -> tuple[Kept, tuple[CaseResult, ...]]:
    kept = _decoded(file, folder / _RUN, Kept) if _ID.fullmatch(name) else None
    if kept is None or kept.run.id != name:
        raise UsageError(f"{file}: `{visible(name[:60])}` is not the id of the run in it", hint=_NOT_OURS)
    _reject_odd(file, kept.run)
    cases = tuple(_cases(file, folder / _CASES))
    if len({case.id for case in cases}) < len(cases):
        raise UsageError(f"{file}: the run {name} has two results of one case", hint=_NOT_OURS)
    for case in (*kept.plan.cases, *cases):
        _reject_control(file, msgspec.to_builtins(case.key))
    return kept, cases


def _reject_odd(file: Path, run: RunInfo) -> None:
    """Raise ``UsageError`` for what no run notes: runs are put in order by their times, which are texts."""
    _reject_control(file, msgspec.to_builtins(run))
    for words in filter(None, (run.started, run.finished)):
        try:
            when = datetime.datetime.fromisoformat(words)
        except ValueError:
            when = datetime.datetime.min
        if when.isoformat(timespec="seconds") != words or when.utcoffset() != datetime.timedelta() or when.year < 1970:
            raise UsageError(f"{file}: the run {run.id} has the time `{visible(words[:60])}`", hint=_NOT_OURS)
    if not run.started:
        raise UsageError(f"{file}: the run {run.id} has no time", hint=_NOT_OURS)


def _reject_control(file: Path, value: object) -> None:
    for words in texts_of(value):
        if has_control(words):
            raise UsageError(f"{file}: there is a control character in `{visible(words)[:200]}`", hint=_NOT_OURS)


def _cases(file: Path, part: Path) -> Iterator[CaseResult]:
    try:
        with part.open("rb") as lines:
            while line := lines.readline(_LINE_BYTES + 1):
                if len(line) > _LINE_BYTES:
                    raise UsageError(f"{file}: a result is larger than {_LINE_BYTES >> 20} MiB", hint=_NOT_OURS)
                read = json.loads(line, parse_float=_finite, parse_constant=_finite)
                yield msgspec.convert(read, CaseResult)
    except FileNotFoundError as error:
        raise _missing(file, part) from error
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{file}: {part.name}: {error}", hint=_NOT_OURS) from error


def _finite(words: str) -> float:
    number = float(words)
    if not math.isfinite(number):
        raise ValueError(f"{words[:60]} is no number that a case measures")
    return number


def _take(store: Store, scratch: Path, kept: Kept, cases: Sequence[CaseResult]) -> Imported:
    folder = store.folder / kept.run.id
    if store.has(kept.run.id):
        return Imported(run=kept.run, cases=len(cases), added=False)
    there = scratch / kept.run.id / _EVIDENCE
    if there.is_dir():
        if folder.exists():
            raise UsageError(f"{folder} is there already, without its run", hint="move it away, and import again")
        there.rename(folder)
    try:
        cases = rebased(cases, folder)
        store.add(kept.run, kept.plan, cases, str(folder))
        for case in cases:
            keep_evidence(store, kept.run.id, case)
    except BaseException:
        if there.parent.exists() and folder.is_dir() and not there.exists():
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return Imported(run=kept.run, cases=len(cases), added=True)


def rebased(cases: Iterable[CaseResult], folder: Path) -> tuple[CaseResult, ...]:
    """Return ``cases`` with their evidence in ``folder``, wherever it was on the host that they come from."""
    return tuple(
        dataclasses.replace(case, evidence=str(folder / "cases" / PurePosixPath(case.evidence).name))
        if PurePosixPath(case.evidence).name
        else case
        for case in cases
    )
