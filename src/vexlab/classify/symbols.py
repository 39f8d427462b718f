"""File, line and inlined callers for the frames of reports, from DWARF, by binutils in batch mode.

Reads files and starts ``readelf`` and ``addr2line``; the pure core never imports it. Both are asked once per
object and batch; symbol tables and answers are kept in a cache folder, keyed by the file's path, size and time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from vexlab import process
from vexlab.classify.traces import POINTER
from vexlab.errors import UsageError
from vexlab.model.report import Frame, Report, Trace

TIMEOUT_S = 120.0
_FORMAT = 2  # part of every cache key: raise it when what is kept changes

# 92184: ffffffff81000000   512 FUNC    GLOBAL DEFAULT    1 f
_SYMBOL = re.compile(rb"^ *\d+: ([0-9a-f]+) +(\d+|0x[0-9a-f]+) FUNC +\S+ +\S+ +(\d+) (\S+)", re.M)
# [ 1] .text             PROGBITS
_SECTION = re.compile(rb"^ *\[ *(\d+)\] (\S+)", re.M)
# Type:                              REL (Relocatable file)
_RELOCATABLE = re.compile(rb"Type: +REL\b")
_RELEASE = re.compile(rb"Linux version (\d+\.\d+[^ \0]*)")
_DISCRIMINATOR = re.compile(r" \(discriminator \d+\)$")


class Place(msgspec.Struct, frozen=True):
    """Where a function begins: address (within its section for a module), size in bytes, section name."""

    address: int
    size: int
    section: str


class Table(msgspec.Struct):
    """What is kept of one object file: its functions, its kernel release, and the answers so far."""

    relocatable: bool = False
    release: str = ""
    functions: dict[str, list[Place]] = {}
    answers: dict[str, list[tuple[str, str]]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class DebugInfo:
    """The files that hold debug information: the kernel's, and each module's by module name."""

    vmlinux: Path | None = None
    modules: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbolised:
    """The reports with what could be told, and remarks on what could not (another kernel, a stripped file)."""

    reports: tuple[Report, ...]
    remarks: tuple[str, ...]


def symbolise(reports: Iterable[Report], info: DebugInfo, *, cache: Path, timeout: float = TIMEOUT_S) -> Symbolised:
    """Add ``source`` and inlined callers to the frames of reports; ``timeout`` is in seconds for each program run.

    A frame whose function has another size than in the file is left alone: the file is of another build.
    Raises ``UsageError`` for a file that is no ELF object, ``InfraError`` where binutils are missing.
    """
    given = tuple(reports)
    objects: dict[str, _Object] = {}
    if info.vmlinux:
        objects[""] = _Object(info.vmlinux, cache, timeout)
    for name, path in info.modules.items():
        objects[name.replace("-", "_")] = _Object(path, cache, timeout)
    remarks = [f"{one.path} holds no functions" for one in objects.values() if not one.table.functions]
    kernel = objects.get("")
    usable = [report for report in given if _same_kernel(report, kernel)]
    if kernel and len(usable) < len(given):
        remarks.append(f"{kernel.path} is of {kernel.table.release}; reports of other kernels are left as they are")
    wanted = {
        (frame, trace.heading == POINTER) for report in usable for trace in report.traces for frame in trace.frames
    }
    for module, one in objects.items():
        one.resolve((frame, exact) for frame, exact in wanted if frame.module.replace("-", "_") == module)
    done = tuple(_with_sources(report, objects) if report in usable else report for report in given)
    return Symbolised(reports=done, remarks=tuple(remarks))


def sources(
    frames: Iterable[Frame], info: DebugInfo, *, cache: Path, exact: bool = False, timeout: float = TIMEOUT_S
) -> Mapping[Frame, tuple[Frame, ...]]:
    """Return for each of ``frames`` of a module what stands for it: inlined functions, then itself, with file and line.

    ``exact`` tells that offsets are those of instructions, not return addresses. Errors are those of ``symbolise``.
    """
    wanted = set(frames)
    found: dict[Frame, tuple[Frame, ...]] = {}
    for name, path in info.modules.items():
        one = _Object(path, cache, timeout)
        own = [frame for frame in wanted if frame.module.replace("-", "_") == name.replace("-", "_")]
        one.resolve((frame, exact) for frame in own)
        found |= {frame: one.expand(frame, exact=exact) for frame in own}
    return found


def _same_kernel(report: Report, kernel: _Object | None) -> bool:
    return kernel is None or not kernel.table.release or report.release in ("", kernel.table.release)


def _with_sources(report: Report, objects: Mapping[str, _Object]) -> Report:
    traces: list[Trace] = []
    for trace in report.traces:
        frames: list[Frame] = []
        for frame in trace.frames:
            one = objects.get(frame.module.replace("-", "_"))
            frames.extend(one.expand(frame, exact=trace.heading == POINTER) if one else (frame,))
        traces.append(replace(trace, frames=tuple(frames)))
    return replace(report, traces=tuple(traces))


class _Object:
    """One ELF file with debug information."""

    def __init__(self, path: Path, cache: Path, timeout: float) -> None:
        self.path = path
        self._timeout = timeout
        try:
            status = path.stat()
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}") from error
        key = f"{_FORMAT}\0{path.absolute()}\0{status.st_size}\0{status.st_mtime_ns}"
        self._store = cache / "symbols" / hashlib.sha256(key.encode()).hexdigest()[:20]
        self.table = self._load() or self._read()

    def _load(self) -> Table | None:
        try:
            return msgspec.msgpack.decode(self._store.read_bytes(), type=Table)
        except (OSError, msgspec.DecodeError):
            return None

    def _save(self) -> None:
        self._store.parent.mkdir(parents=True, exist_ok=True)
        draft = self._store.with_suffix(".new")
        draft.write_bytes(msgspec.msgpack.encode(self.table))
        draft.replace(self._store)

    def _read(self) -> Table:
        """Read symbols and release from the file; only the first use pays for it."""
        with self.path.open("rb") as file:
            if file.read(4) != b"\x7fELF":
                raise UsageError(
                    f"{self.path} is not an ELF file", hint="give the uncompressed file that holds debug information"
                )
        head = process.run(["readelf", "-h", "-S", "-W", str(self.path)], timeout=self._timeout, check=True).stdout
        symbols = process.run(["readelf", "-s", "-W", str(self.path)], timeout=self._timeout, check=True).stdout
        sections = {int(number): name.decode() for number, name in _SECTION.findall(head)}
        functions: dict[str, list[Place]] = {}
        for address, size, section, name in _SYMBOL.findall(symbols):
            place = Place(int(address, 16), int(size, 0), sections.get(int(section), ""))
            functions.setdefault(name.decode(errors="replace"), []).append(place)
        self.table = Table(relocatable=bool(_RELOCATABLE.search(head)), release=self._release(), functions=functions)
        self._save()
        return self.table

    def _release(self) -> str:
        """The kernel release written in a vmlinux (init/version.c); empty for modules."""
        if self.path.suffix == ".ko":
            return ""
        with self.path.open("rb") as file:
            tail = b""
            while block := file.read(1 << 24):
                if match := _RELEASE.search(tail + block):
                    return match[1].decode(errors="replace")
                tail = block[-64:]
        return ""

    def _place(self, frame: Frame) -> Place | None:
        if frame.offset < 0 or frame.inline:
            return None
        places = self.table.functions.get(frame.function, ())
        fitting = [place for place in places if frame.size in (-1, place.size) or _padded(place.size, frame.size)]
        return fitting[0] if len(fitting) == 1 else None

    def _at(self, frame: Frame, *, exact: bool) -> tuple[str, int] | None:
        """Section (of a relocatable file) and address to ask for.

        A return address belongs to the call before it; an instruction pointer is meant exactly.
        """
        place = self._place(frame)
        if place is None:
            return None
        offset = frame.offset if exact else max(frame.offset - 1, 0)
        return place.section if self.table.relocatable else "", place.address + offset

    def resolve(self, frames: Iterable[tuple[Frame, bool]]) -> None:
        """Ask addr2line for all frames whose answer is not known yet, once per section."""
        asked: dict[str, list[int]] = {}
        for frame, exact in frames:
            at = self._at(frame, exact=exact)
            if at and _key(at) not in self.table.answers:
                asked.setdefault(at[0], []).append(at[1])
        for section, addresses in asked.items():
            self._ask(section, sorted(set(addresses)))
        if asked:
            self._save()

    def _ask(self, section: str, addresses: Sequence[int]) -> None:
        where = ["-j", section] if section else []
        argv = ["addr2line", "-e", str(self.path), "-a", "-f", "-i", *where]
        asked = "".join(f"{address:#x}\n" for address in addresses).encode()
        lines = process.run(argv, timeout=self._timeout, input=asked, check=True).text.splitlines()
        current: list[tuple[str, str]] = []
        index = 0
        while index < len(lines):
            if lines[index].startswith("0x"):
                current = self.table.answers.setdefault(_key((section, int(lines[index], 16))), [])
                index += 1
            elif index + 1 < len(lines):
                current.append((lines[index], _DISCRIMINATOR.sub("", lines[index + 1])))
                index += 2
            else:
                break

    def expand(self, frame: Frame, *, exact: bool) -> tuple[Frame, ...]:
        """The frame with its source, behind the inlined functions that stand for it; innermost first."""
        at = self._at(frame, exact=exact)
        answer = self.table.answers.get(_key(at), []) if at else []
        known = [(name, source) for name, source in answer if not source.startswith("??")]
        if not known:
            return (frame,)
        inlined = tuple(
            Frame(function=name, module=frame.module, inline=True, guess=frame.guess, source=_short(source))
            for name, source in known[:-1]
        )
        return (*inlined, replace(frame, source=_short(known[-1][1])))


def _padded(size: int, printed: int) -> bool:
    """The kernel prints the distance to the next symbol, which is the size rounded up (kernel/kallsyms.c)."""
    return size <= printed < size + 64


def _key(at: tuple[str, int]) -> str:
    return f"{at[0]}:{at[1]:x}"


# build/source/fs/inode.c:1 -> fs/inode.c:1; the folders are those of the kernel's top
_TREE = re.compile(
    r"(?:^|/)((?:arch|block|certs|crypto|drivers|fs|include|init|io_uring|ipc|kernel|lib|mm|net|rust|security|sound|virt)/.*)"
)


def _short(source: str) -> str:
    """The path below the top of the kernel's source tree; a module's own path stays as it is."""
    match = _TREE.search(source)
    if match:
        return match[1]
    # /usr/src/linux-headers-6.1.0-9-amd64/./namei.c: a build names its own folder `.`, the kernel's is the compiler's
    return source.rpartition("/./")[2]
