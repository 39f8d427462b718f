"""What goes into a bug report, the most telling first, until the archive is full."""

from __future__ import annotations

import io
import os
import platform
import stat
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import msgspec
import zstandard

import vexlab
from vexlab.bundle.scrub import Scrubber
from vexlab.errors import InfraError, UsageError, VexlabError
from vexlab.model.case import RunResult
from vexlab.model.verdict import Verdict
from vexlab.results.journal import FILE as JOURNAL
from vexlab.results.store import Store
from vexlab.vm.qemu import find_qemu

MOST = 20 << 20  # bytes of the archive
_FILE_MOST = 2 << 20  # of one file: its head and its tail
_TEXT_MOST = 150 << 20  # of all files before they are compressed
_CASES_MOST = 10
_RUNS_MOST = 20
_RED = (Verdict.CRASHED, Verdict.FAILED, Verdict.ERROR, Verdict.UNDECIDED)
_EVIDENCE = ("case.json", "outcome.txt", "console.log", "qemu.txt", "reproduce", "first-attempt.txt")
_LEVEL = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A file of the archive."""

    name: str
    text: str


def items(store: Store, run: str, doctor: Callable[[], object], config: Path, scrubber: Scrubber) -> tuple[Item, ...]:
    """Return what goes into the archive about ``run``; an empty name means that there is no run to tell of."""
    found = []
    total = 0
    for name, text in _texts(store, run, doctor, config):
        clean = scrubber.clean(text)
        total += len(clean)
        if total > _TEXT_MOST:
            break
        found.append(Item(name=name, text=clean))
    return tuple(found)


def packed(found: Sequence[Item], most: int = MOST) -> tuple[bytes, tuple[Item, ...]]:
    """Return an archive of at most ``most`` bytes and what is in it: the last items go where it would be larger."""
    kept = list(found)
    while kept:
        data = zstandard.ZstdCompressor(level=_LEVEL).compress(_tar(kept))
        if len(data) <= most:
            return data, tuple(kept)
        kept = kept[: max(1, int(len(kept) * most / len(data)) - 1)] if len(kept) > 1 else []
    raise InfraError(f"nothing fits into {most} bytes")


def write(data: bytes, file: Path) -> None:
    """Write the archive, readable for its owner; raise ``UsageError`` where there is such a file, or no room."""
    try:
        number = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(number, "wb") as out:  # noqa: PTH123 - a descriptor
            out.write(data)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error}", hint="-o names another file") from error


def _tar(found: Sequence[Item]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for each in found:
            data = each.text.encode(errors="replace")
            about = tarfile.TarInfo(f"vexlab-debug/{each.name}")
            about.size, about.mode, about.mtime = len(data), 0o644, int(time.time())
            archive.addfile(about, io.BytesIO(data))
    return out.getvalue()


def _texts(store: Store, run: str, doctor: Callable[[], object], config: Path) -> Iterator[tuple[str, str]]:
    yield "versions.json", _json(_versions())
    yield "doctor.json", _json(_asked(doctor))
    if config.is_file():
        yield "vexlab.toml", _read(config)
    yield "runs.json", _json(_asked(lambda: _runs(store)))
    if run:
        yield from _of_run(store, store.load(run))


def _of_run(store: Store, result: RunResult) -> Iterator[tuple[str, str]]:
    folder = store.evidence(result.run.id)
    yield "run.json", _json({"run": msgspec.to_builtins(result.run), "summary": msgspec.to_builtins(result.summary)})
    if (folder / JOURNAL).is_file():
        yield JOURNAL, _read(folder / JOURNAL)
    red = sorted((case for case in result.cases if case.verdict in _RED), key=lambda case: _RED.index(case.verdict))
    for case in red[:_CASES_MOST]:
        inside = folder / "cases" / Path(case.evidence).name
        if not case.evidence or inside.is_symlink() or not inside.is_dir():
            continue
        for file in sorted(inside.iterdir(), key=_order):
            if file.name in _EVIDENCE or file.name.startswith(("finding-", "post-mortem")):
                yield f"cases/{inside.name}/{file.name}", _read(file)
    for log in sorted(folder.glob("boot-*.log"))[:2]:
        yield log.name, _read(log)


def _order(file: Path) -> tuple[int, str]:
    return (_EVIDENCE.index(file.name) if file.name in _EVIDENCE else len(_EVIDENCE), file.name)


def _read(file: Path) -> str:
    """Return a file, of a large one head and tail; links are not followed, since a guest's words are beside them."""
    try:
        number = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return f"it cannot be read: {error}\n"
    try:
        status = os.fstat(number)
        if not stat.S_ISREG(status.st_mode):
            return "it is no regular file\n"
        if status.st_size <= _FILE_MOST:
            return os.pread(number, _FILE_MOST, 0).decode(errors="replace")
        half = _FILE_MOST // 2
        head, tail = os.pread(number, half, 0), os.pread(number, half, status.st_size - half)
        left_out = status.st_size - _FILE_MOST
        return f"{head.decode(errors='replace')}\n[{left_out} bytes left out]\n{tail.decode(errors='replace')}"
    finally:
        os.close(number)


def _versions() -> dict[str, object]:
    release = platform.freedesktop_os_release() if hasattr(platform, "freedesktop_os_release") else {}
    return {
        "vexlab": vexlab.__version__,
        "python": platform.python_version(),
        "kernel": platform.release(),
        "system": release.get("PRETTY_NAME", ""),
        "machine": platform.machine(),
        "qemu": _asked(lambda: find_qemu().version),
        "packages": {each.name: each.version for each in metadata.distributions()},
    }


def _runs(store: Store) -> list[object]:
    found = store.runs()[:_RUNS_MOST]
    return [{"run": msgspec.to_builtins(each.run), "summary": msgspec.to_builtins(each.summary)} for each in found]


def _asked(question: Callable[[], object]) -> object:
    """Return the answer, or why there is none: a report about what does not work must come about nevertheless."""
    try:
        return question()
    except (VexlabError, OSError) as error:
        return f"{type(error).__name__}: {error}"


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value)).decode() + "\n"
