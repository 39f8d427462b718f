"""Builds that go on where the last one ended: for an edit loop, where a fresh copy each time would cost the most.

The copy of the source stays, with what make left in it; files that changed are copied anew, and make does the rest.
What is built is the same as from a fresh copy, byte for byte: paths in it are mapped away, as there.
"""

from __future__ import annotations

import fcntl
import filecmp
import json
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from vexlab.cache import Cache, file_digest, key_of
from vexlab.errors import UsageError
from vexlab.model.kernel import Kernel
from vexlab.model.request import Sandboxing
from vexlab.model.target import ModuleArtifact, Target, Tool
from vexlab.targets import build
from vexlab.targets.sandbox import Workplace, readable, wanted
from vexlab.targets.source import SHARED, Kind, digest_tree, entries_of, roots_of, tool_roots

_FOLDER = "incremental"  # in the cache's root
_LOCK = ".lock"
# savedcmd_/x/source/super.o := gcc-12 …     since Linux 6.5; cmd_/x/source/super.o := … before
# source_/x/source/super.o := /x/source/super.c
_COMMAND = re.compile(r"^(?:saved)?cmd_(?P<object>\S+\.o) := (?P<command>.+)$", re.MULTILINE)
_SOURCE = re.compile(r"^source_\S+\.o := (?P<file>\S+)$", re.MULTILINE)


class IncrementalBuild:
    """The build of one target for one kernel; ``tools`` are built besides, from the cache. Raises as ``build_module``.

    One process builds in it at a time; another waits.
    """

    def __init__(
        self,
        target: Target,
        kernel: Kernel,
        headers: Callable[[], Path],
        cache: Cache,
        *,
        tools: Iterable[Tool] = (),
        sandboxing: Sandboxing = "auto",
    ) -> None:
        if target.source is None:
            raise UsageError(f"{target.name} comes with the kernel, there is nothing to build")
        self._target = target
        self._source = target.source
        self._kernel = kernel
        self._headers = headers
        self._cache = cache
        self._tools = tuple(tools)
        self._sandboxing = sandboxing
        key = key_of(str(target.file), target.build, kernel.name, kernel.release, kernel.version)
        self.folder = cache.root / _FOLDER / key

    def build(self) -> ModuleArtifact:
        """Build what changed since the last time, and return the artifact; raise as ``build_module``."""
        with self._alone():
            draft = self._module()
            own = [self._tool(number, tool) for number, tool in enumerate(self._target.tools)]
            shipped = build.build_module(
                _without_source(self._target), self._kernel, self._headers, self._cache,
                tools=self._tools, sandboxing=self._sandboxing,
            )  # fmt: skip
        log = (self.folder / "build.log").read_text()
        warnings, foreign = build.compiler_warnings(log, self.folder / "module")
        programs = tuple(sorted((path.name, path) for folder in own for path in folder.iterdir()))
        files = [draft / f"{self._target.module}.ko", *(path for _, path in programs)]
        return ModuleArtifact(
            target=self._target.name,
            kernel=self._kernel.name,
            path=files[0],
            digest=key_of("incremental", [file_digest(file) for file in files], shipped.digest),
            tools=(*programs, *shipped.tools),
            warnings=warnings,
            foreign_warnings=foreign,
            log=log,
        )

    def compile_commands(self) -> list[dict[str, str]]:
        """Return what a compilation database (clang.llvm.org/docs/JSONCompilationDatabase.html) says of the last build.

        Files are those of the user's source, not of the copy.
        """
        copy = self.folder / "module" / "source"
        found = []
        for file in sorted(copy.rglob(".*.o.cmd")):
            text = file.read_text(errors="replace")
            command, source = _COMMAND.search(text), _SOURCE.search(text)
            if not command or not source:
                continue
            found.append(self._entry(command["command"], source["file"], copy))
        return found

    def _entry(self, command: str, source: str, copy: Path) -> dict[str, str]:
        path = Path(os.path.normpath(copy / source))
        own = self._source / path.relative_to(copy) if path.is_relative_to(copy) else path
        words = [word for word in shlex.split(command.partition(" ; ")[0]) if not word.startswith("-Wp,-MMD")]
        mapped = [word.replace(str(copy), str(self._source)) for word in words]
        mapped = [str(own) if word in (source, str(path)) else word for word in mapped]
        return {"directory": str(self._headers().resolve()), "file": str(own), "command": shlex.join(mapped)}

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _module(self) -> Path:
        work, out = self.folder / "module", self.folder / "out"
        tree = self._headers()
        work.mkdir(exist_ok=True)
        roots = roots_of(self._source, self._target.file.parent)
        refresh(self._source, work / "source", roots)
        place = Workplace(work=work, readable=readable(tree), sandboxed=wanted(self._sandboxing))
        with tempfile.TemporaryDirectory(dir=self.folder) as temporary:
            draft = Path(temporary)
            log = build.build_kernel_module(self._target, tree.resolve(), place, draft)
            (self.folder / "build.log").write_text(log)
            _replace(draft, out)
        return out

    def _tool(self, number: int, tool: Tool) -> Path:
        """Build the programs of a folder where anything in it changed, and return where they lie."""
        work, out = self.folder / f"tool-{number}", self.folder / f"bin-{number}"
        roots = tool_roots(tool.source, self._target.file.parent, self._target.source)
        shared = tool.source.parent / SHARED
        sources = {"source": tool.source, **({SHARED: shared} if shared.is_dir() else {})}
        digest = key_of(tool.args, tool.outputs, [digest_tree(each, roots) for each in sources.values()])
        note = self.folder / f"tool-{number}.json"
        if out.is_dir() and note.exists() and json.loads(note.read_text()) == digest:
            return out
        work.mkdir(exist_ok=True)
        for name, source in sources.items():
            refresh(source, work / name, roots)
        place = Workplace(work=work, readable=(), sandboxed=wanted(self._sandboxing))
        with tempfile.TemporaryDirectory(dir=self.folder) as temporary:
            build.build_tool(tool, place, Path(temporary))
            _replace(Path(temporary), out)
        note.write_text(json.dumps(digest))
        return out


def refresh(source: Path, copy: Path, roots: tuple[Path, ...]) -> tuple[str, ...]:
    """Bring a copy of a source folder up to date, and return what changed; what make left in it stays.

    A file that changed gets the time of the copy, so that make sees it whatever its own time says. Files that are gone
    from the source go, with the objects that were made of them. Raises as ``copy_tree``.
    """
    note = copy.with_name(f".{copy.name}.copied")
    before: Mapping[str, object] = json.loads(note.read_text()) if note.exists() and copy.is_dir() else {}
    if not before and copy.exists():
        shutil.rmtree(copy)
    copy.mkdir(exist_ok=True)
    changed, now = [], []
    for entry in entries_of(source, roots):
        name = str(entry.path)
        now.append(name)
        target = copy / name
        if entry.kind is Kind.FOLDER:
            target.mkdir(exist_ok=True)
        elif not target.is_file() or not filecmp.cmp(entry.real, target, shallow=False):
            shutil.copyfile(entry.real, target)
            shutil.copymode(entry.real, target)
            changed.append(name)
    gone = [name for name in before if name not in set(now)]
    for name in sorted(gone, key=len, reverse=True):
        _forget(copy / name)
    note.write_text(json.dumps(dict.fromkeys(now, 0)))
    return (*changed, *gone)


def _forget(file: Path) -> None:
    if file.is_dir():
        shutil.rmtree(file, ignore_errors=True)
        return
    file.unlink(missing_ok=True)
    file.with_suffix(".o").unlink(missing_ok=True)


def _replace(draft: Path, out: Path) -> None:
    """Put what a build made in the place of what the last one made; a machine may still read the old files."""
    if out.exists():
        shutil.rmtree(out)
    shutil.copytree(draft, out)


def _without_source(target: Target) -> Target:
    """Return the target without what is built here: of the rest nothing changes while somebody edits."""
    return replace(target, source=None, tools=())
