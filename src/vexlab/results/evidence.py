"""The files of evidence: noted with their checksums, each content once on the disk, and looked at again later."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

from sqlalchemy import insert, select

from vexlab.errors import InfraError
from vexlab.model.case import CaseResult
from vexlab.results.schema import ArtifactRow, CaseRow
from vexlab.results.store import Store
from vexlab.tables import visible

CONTENT = "content"  # in the results folder: each content of evidence once, named by its SHA-256
FILES_MOST = 500  # of a case
_DEEPEST = 4
_AT_ONCE = 1 << 20


class Kind(StrEnum):
    """What a file of evidence is."""

    CONSOLE = "console"
    REPORT = "report"  # what the kernel said, one finding
    OUTCOME = "outcome"  # what the case said
    RESULT = "result"
    SCRIPT = "script"  # runs the case again
    MACHINE = "machine"  # the emulator's command line, and what was done in the guest
    POST_MORTEM = "post-mortem"
    TRACE = "trace"
    OTHER = "other"


_KINDS = {
    "console*.log": Kind.CONSOLE,
    "finding-*.txt": Kind.REPORT,
    "outcome.txt": Kind.OUTCOME,
    "case.json": Kind.RESULT,
    "reproduce": Kind.SCRIPT,
    "again.json": Kind.SCRIPT,
    "qemu.txt": Kind.MACHINE,
    "commands.txt": Kind.MACHINE,
    "postmortem*": Kind.POST_MORTEM,
    "trace*": Kind.TRACE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFile:
    """A file below a case's folder; ``digest`` is the SHA-256 of its ``size`` bytes."""

    name: str
    kind: Kind
    size: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What became of the files that were noted: ``changed`` and ``missing`` name them, below the run's folder."""

    same: int
    changed: tuple[str, ...]
    missing: tuple[str, ...]


def files_below(folder: Path) -> tuple[tuple[str, int], ...]:
    """Return names and sizes of the regular files below ``folder``, at most ``FILES_MOST``; links are none of them."""
    found = []
    for each in _walked(folder, "", 0):
        found.append(each)
        if len(found) == FILES_MOST:
            break
    return tuple(sorted(found))


def keep_evidence(store: Store, run: str, case: CaseResult) -> tuple[EvidenceFile, ...]:
    """Note the files in the folder of a case that is kept in ``store``, and return them.

    A file whose content the results folder has already becomes a link to that, where the filesystem can link. A folder
    that lies elsewhere, and that of a case whose files are noted already, is left as it is. Raises ``InfraError`` where
    the store cannot be written.
    """
    folder = Path(case.evidence)
    if not case.evidence or store.folder not in folder.parents or ".." in folder.parts:
        return ()
    with store.reading() as session:
        number = session.scalar(select(CaseRow.number).where(CaseRow.run == run, CaseRow.id == case.id))
        noted = session.scalar(select(ArtifactRow.name).where(ArtifactRow.case == number).limit(1))
    if number is None or noted is not None:
        return ()
    files = []
    for name, _ in files_below(folder):
        if known := _read(folder / name):
            size, digest = known
            files.append(EvidenceFile(name=name, kind=_kind_of(name), size=size, digest=digest))
            if size:
                _share(folder / name, digest, store.folder / CONTENT)
    named = {visible(each.name): each for each in files}  # no two rows of one name, whatever is in an archive
    rows = [
        {"case": number, "name": name, "kind": each.kind, "size": each.size, "digest": each.digest}
        for name, each in named.items()
    ]
    if rows:
        with store.writing() as session:
            session.execute(insert(ArtifactRow), rows)
    return tuple(files)


def check_evidence(store: Store, name: str) -> Checked:
    """Compare the evidence of the run ``name`` with what was noted of it; raise ``UsageError`` where there is none."""
    run = store.info(name)
    folder = store.evidence(run.id)
    asked = (
        select(CaseRow.result["evidence"].as_string(), ArtifactRow.name, ArtifactRow.size, ArtifactRow.digest)
        .join(CaseRow, CaseRow.number == ArtifactRow.case)
        .where(CaseRow.run == run.id)
        .order_by(CaseRow.number, ArtifactRow.name)
    )
    with store.reading() as session:
        rows = session.execute(asked).all()
    same = 0
    changed: list[str] = []
    missing: list[str] = []
    for evidence, file, size, digest in rows:
        below = Path("cases", Path(evidence).name, file)
        now = _read(folder / below)
        if now == (size, digest):
            same += 1
        else:
            (missing if now is None else changed).append(str(below))
    return Checked(same=same, changed=tuple(changed), missing=tuple(missing))


def drop_unused(folder: Path) -> None:
    """Remove contents that no evidence in the results folder ``folder`` has any more."""
    for parent in _folders(folder / CONTENT):
        for name, _ in files_below(parent):
            _drop_if_unused(parent / name)


def size_of(folder: Path) -> int:
    """Return the bytes on the disk that go when ``folder`` does; 0 where it is gone.

    What evidence elsewhere shares is not counted: its file has more links than those in the folder and the one among
    the contents.
    """
    links: dict[tuple[int, int], list[os.stat_result]] = {}
    for file in folder.rglob("*"):
        try:
            found = file.lstat()
        except OSError:
            continue
        if not stat.S_ISLNK(found.st_mode):
            links.setdefault((found.st_dev, found.st_ino), []).append(found)
    return sum(
        same[0].st_blocks * 512  # stat(2): whatever the filesystem's own blocks are
        for same in links.values()
        if stat.S_ISDIR(same[0].st_mode) or same[0].st_nlink <= len(same) + 1
    )


def _kind_of(name: str) -> Kind:
    last = name.rpartition("/")[2]
    return next((kind for pattern, kind in _KINDS.items() if fnmatchcase(last, pattern)), Kind.OTHER)


def _walked(folder: Path, prefix: str, depth: int) -> Iterator[tuple[str, int]]:
    try:
        inside = sorted(os.scandir(folder), key=lambda each: each.name)
    except OSError:
        return
    for each in inside:
        if each.is_dir(follow_symlinks=False) and depth < _DEEPEST:
            yield from _walked(folder / each.name, f"{prefix}{each.name}/", depth + 1)
        elif each.is_file(follow_symlinks=False):
            yield f"{prefix}{each.name}", each.stat(follow_symlinks=False).st_size


def _folders(folder: Path) -> list[Path]:
    try:
        return [Path(each.path) for each in os.scandir(folder) if each.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _read(file: Path) -> tuple[int, str] | None:
    """Return size and SHA-256 of a regular file; ``None`` where there is none, or it cannot be read."""
    try:
        number = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(number, "rb") as opened:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            return None
        digest, size = hashlib.sha256(), 0
        while part := opened.read(_AT_ONCE):
            digest.update(part)
            size += len(part)
    return size, digest.hexdigest()


def _share(file: Path, digest: str, contents: Path) -> None:
    """Make ``file`` and the content of that digest one; where that cannot be, leave it."""
    kept = contents / digest[:2] / digest
    beside = file.with_name(f".{secrets.token_hex(8)}")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file, kept)
        except FileExistsError:
            if _is_content(kept, digest):
                if _alike(file, kept):
                    os.link(kept, beside)
                    beside.replace(file)
            else:  # somebody wrote into evidence that shares it: what is kept for others is what was seen
                os.link(file, beside)
                beside.replace(kept)
    except OSError:  # a filesystem without links, or another one
        beside.unlink(missing_ok=True)


def _is_content(kept: Path, digest: str) -> bool:
    known = _read(kept)
    return known is not None and known[1] == digest


def _alike(file: Path, kept: Path) -> bool:
    """Whether ``file`` is no link to ``kept`` yet and may be: another mode would change who may read or run it."""
    one, other = file.lstat(), kept.lstat()
    return one.st_mode == other.st_mode and one.st_ino != other.st_ino


def _drop_if_unused(file: Path) -> None:
    try:
        if file.lstat().st_nlink == 1:
            file.unlink()
    except FileNotFoundError:
        pass  # another command was quicker
    except OSError as error:
        raise InfraError(f"{file}, which no evidence has any more, cannot be removed: {error}") from error
