"""From source to artifact: out of tree, in a copy, the same bytes for the same source, kernel and compiler."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vexlab import process, temporary
from vexlab.cache import Cache, Kind, file_digest, key_of
from vexlab.errors import BuildError, DeadlineError, InfraError, UsageError
from vexlab.model.kernel import Kernel
from vexlab.model.request import Sandboxing
from vexlab.model.target import KERNEL, ModuleArtifact, Target, Tool
from vexlab.tables import visible
from vexlab.targets.counted import COUNT, NOTES, keep_notes
from vexlab.targets.fault import fault_of, no_output, shown_log
from vexlab.targets.sandbox import LARGEST_FILE, Workplace, readable, toolchain, wanted
from vexlab.targets.source import SHARED, copy_tree, digest_tree, roots_of, tool_roots

_FORMAT = 3
_FACTS = "facts.json"
_LOG = "build.log"
_TOOL_S = 300.0
# The id that ld gives a program is a digest of its debug sections too, which hold the path of the build.
_NO_BUILD_ID = ("--remove-section", ".note.gnu.build-id")
_CLEAN_S = 120.0
_KEEP = 1 << 16  # bytes of what is said while cleaning up
_ELF = b"\x7fELF"
_COMPILERS = ("gcc-12", "gcc")  # Debian's kernels are built with the first
# What make, a shell and -ffile-prefix-map all take as it is; Debian's versions hold `~`.
_PLAIN = re.compile(r"[\w/.,+~-]+")


def build_module(
    target: Target,
    kernel: Kernel,
    headers: Callable[[], Path],
    cache: Cache,
    *,
    tools: Iterable[Tool] = (),
    sandboxing: Sandboxing = "auto",
    counted: bool = False,
) -> ModuleArtifact:
    """Build ``target`` and its tools (and ``tools`` besides) for ``kernel``, or find the same build in the cache.

    ``headers`` is asked for the kernel's build folder only where something must be compiled against it. ``sandboxing``
    says where make runs; what it makes is the same. A ``counted`` module counts what runs of it.

    Raises ``BuildError`` with the compiler's words where the source is at fault, ``InfraError`` where a program or a
    required sandbox is missing, ``UsageError`` where the build made no module of that name, or the source holds what
    cannot be copied.
    """
    compiler = _compiler() if target.source or target.tools or tools else ""
    if sandboxing == "require" and compiler:
        wanted(sandboxing)  # whatever the cache holds, so that the answer does not depend on it
    maker = _Maker(target=target, compiler=compiler, cache=cache, sandboxing=sandboxing, counted=counted)
    builds = [*map(maker.tool, target.tools), *map(maker.own_tool, tools)]
    if target.source:
        builds.insert(0, maker.module(target.source, kernel, headers))
    facts = [json.loads((entry / _FACTS).read_text()) for entry, _ in builds]
    module = builds[0][0] / f"{target.module}.ko" if target.source else None
    notes = builds[0][0] / NOTES if target.source and counted else None
    programs = [path for entry, _ in builds if (entry / "bin").is_dir() for path in sorted((entry / "bin").iterdir())]
    return ModuleArtifact(
        target=target.name,
        kernel=kernel.name,
        path=module,
        digest=key_of(target.module, [each["digest"] for each in facts]),
        tools=tuple((path.name, path) for path in programs),
        warnings=tuple(warning for each in facts for warning in each["warnings"]),
        foreign_warnings=sum(each["foreign_warnings"] for each in facts),
        log="".join((entry / _LOG).read_text() for entry, _ in builds),
        cached=all(found for _, found in builds),
        notes=notes,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Maker:
    """Makes what ``target`` needs with ``compiler`` (its version), each build once.

    Builds return the cache entry, and whether it was there.
    """

    target: Target
    compiler: str
    cache: Cache
    sandboxing: Sandboxing
    counted: bool

    def module(self, source: Path, kernel: Kernel, headers: Callable[[], Path]) -> tuple[Path, bool]:
        target = self.target
        roots = roots_of(source, target.file.parent)
        key = key_of(
            _FORMAT, target.module, target.build, kernel.version, kernel.release, self.compiler, *_chosen(),
            digest_tree(source, roots), *([COUNT] if self.counted else []),
        )  # fmt: skip

        def build(work: Path, draft: Path) -> str:
            tree = headers()
            place = Workplace(work=work, readable=readable(tree), sandboxed=wanted(self.sandboxing))
            copy_tree(source, work / "source", roots)
            return build_kernel_module(target, tree.resolve(), place, draft, counted=self.counted)

        return self._once(Kind.ARTIFACTS, key, build)

    def tool(self, tool: Tool) -> tuple[Path, bool]:
        shared = tool.source.parent / SHARED
        roots = tool_roots(tool.source, self.target.file.parent, self.target.source)
        sources = [tool.source, *([shared] if shared.is_dir() else [])]
        digests = [digest_tree(source, roots) for source in sources]
        key = key_of(_FORMAT, tool.outputs, tool.args, tool.prepare, self.compiler, *_chosen(), digests)

        def build(work: Path, draft: Path) -> str:
            (draft / "bin").mkdir()
            place = Workplace(work=work, readable=(), sandboxed=wanted(self.sandboxing))
            for source, name in zip(sources, ("source", SHARED), strict=False):
                copy_tree(source, work / name, roots)
            return build_tool(tool, place, draft / "bin")

        return self._once(Kind.TOOLS, key, build)

    def own_tool(self, tool: Tool) -> tuple[Path, bool]:
        """As ``tool``, of what ships with vexlab: that it does not build is no fault of the target's."""
        try:
            return self.tool(tool)
        except BuildError as error:
            hint = "`vexlab doctor` says whether the compiler works"
            raise InfraError(f"vexlab's own programs for the guest: {error.message}", hint=hint) from error

    def _once(self, kind: Kind, key: str, build: Callable[[Path, Path], str]) -> tuple[Path, bool]:
        def make(draft: Path) -> None:
            with _work_folder() as work:
                log = build(_plain(work, "the temporary folder", "TMPDIR"), draft)
                own, foreign = compiler_warnings(log, work)
            contents = [file_digest(file) for file in sorted(draft.rglob("*")) if file.is_file()]
            facts = {"digest": key_of(contents), "warnings": own, "foreign_warnings": foreign}
            (draft / _LOG).write_text(log)
            (draft / _FACTS).write_text(json.dumps(facts))

        found = self.cache.get(kind, key)
        return found or self.cache.make(kind, key, make), found is not None


@contextlib.contextmanager
def _work_folder() -> Iterator[Path]:
    """Make a folder for a build, and remove it whatever the build did there: nested deeply, took rights away."""
    folder = tempfile.mkdtemp(prefix="vexlab-build-")
    try:
        with temporary.hold(Path(folder)):
            yield Path(folder).resolve()
    finally:
        remove = ["rm", "-rf", "--", folder]
        if process.run(remove, timeout=_CLEAN_S, keep=_KEEP).returncode:
            shut = ["find", folder, "-type", "d", "!", "-perm", "-u=rwx"]
            process.run([*shut, "-exec", "chmod", "u+rwx", "{}", ";"], timeout=_CLEAN_S, keep=_KEEP)
            process.run(remove, timeout=_CLEAN_S, keep=_KEEP)


def _chosen() -> list[tuple[str, str]]:
    """Return what the user's environment says of the toolchain, for a build's key; mostly nothing."""
    return sorted(toolchain().items())


def _plain(path: Path, what: str, variable: str) -> Path:
    """Return ``path``; raise ``UsageError`` where make would misread it."""
    if _PLAIN.fullmatch(str(path)):
        return path
    raise UsageError(
        f"{what} {visible(str(path))} has a character in its name that make cannot take",
        hint=f"set {variable} to a folder named with letters, digits, `.`, `_`, `-`, `+`",
    )


def compiler_warnings(log: str, work: Path) -> tuple[tuple[str, ...], int]:
    """Return the lines of a build's log in which a compiler, modpost or objtool warns of something the target's own.

    Each is there once. The number is that of all others: warnings of the kernel's and the system's headers.
    ``work`` is the folder of the build, whose copy of the source tells what is the target's.
    """
    own: dict[str, None] = {}
    foreign = 0
    for line in log.splitlines():
        # super.c:10:5: warning: unused variable 'x' [-Wunused-variable]  ·  x.o: warning: objtool: f()+0x12: …
        where, warns, what = line.partition(": warning: ")
        # WARNING: modpost: missing MODULE_LICENSE() in x.o
        if not warns and not line.startswith("WARNING: "):
            continue
        file = where.partition(":")[0] if warns else ""
        # ld: warning: x.o: missing .note.GNU-stack section implies executable stack
        if _is_own(file, work) or ("." not in file and _names_own(what or line, work)):
            own[line.strip()] = None
        else:
            foreign += 1
    return tuple(own), foreign


def _is_own(file: str, work: Path) -> bool:
    path = Path(os.path.normpath(work / "source" / file.strip()))
    return path.is_relative_to(work) and path.is_file()


def _names_own(line: str, work: Path) -> bool:
    words = (word.strip("[]():,.") for word in line.split())
    return any(_is_own(name, work) for word in words if word for name in (word, f"{word}.o", f"{word}.ko"))


def build_kernel_module(target: Target, headers: Path, place: Workplace, draft: Path, *, counted: bool = False) -> str:
    """Make the module of the source in ``place`` against ``headers``, put it into ``draft``, and return the log.

    What gcov needs for the counters of a ``counted`` module is put there, too.
    """
    copy = place.work / "source"
    _plain(headers, "the folder of the kernel's headers", "VEXLAB_CACHE")
    # No path of this machine may end up in the module: the same source gives the same bytes everywhere.
    prefix_maps = f"-ffile-prefix-map={copy}=. -ffile-prefix-map={headers.parent}=/usr/src"
    own = [*target.build.args, *([COUNT] if counted else [])]
    arguments = [f"M={copy}", f"KCFLAGS={prefix_maps}", *own, *_compiler_override(), "modules"]
    log = _prepare(target.build.prepare, place, headers, timeout=target.build.timeout)
    done = _make(place, headers, arguments, timeout=target.build.timeout)
    log += shown_log(done, copy, headers)
    if done.returncode:
        raise fault_of(f"{target.name} does not build", log, sandboxed=place.sandboxed)
    name = f"{target.module}.ko"
    if not os.path.lexists(copy / name):
        modules = sorted(visible(path.name) for depth in ("*.ko", "*/*.ko") for path in copy.glob(depth))
        found = ", ".join(modules[:20]) or "none"
        raise UsageError(
            f"the build made no {name} (made: {found})", hint="is `module` in target.toml the name in Kbuild?"
        )
    take(place.work, copy / name, draft / f"{target.module}.debug.ko")
    _take_stripped(place, copy / name, draft / name, "--strip-debug")
    if counted:
        keep_notes(copy, draft / NOTES, lambda made, to: take(place.work, made, to))
    return log


def debug_file(artifact: ModuleArtifact, module: str) -> Path | None:
    """Return the module's file that still has its debug information, if any; ``None`` where the kernel brings it."""
    beside = debug_beside(artifact.path.with_name(f"{module}.ko")) if artifact.path else None
    return beside if beside and beside.is_file() else artifact.path


def debug_beside(module: Path) -> Path:
    """Return where a module's file with its debug information lies, if there is one: beside the one that is loaded."""
    return module.with_name(f"{module.stem}.debug.ko")


def build_tool(tool: Tool, place: Workplace, into: Path) -> str:
    """Make the programs of the source in ``place``, put them into ``into``, and return the log."""
    copy = place.work / "source"
    log = _prepare(tool.prepare, place, place.work, timeout=_TOOL_S)
    done = _make(place, copy, list(tool.args), timeout=_TOOL_S)
    log += shown_log(done, place.work, place.work)
    if done.returncode:
        raise fault_of(f"the tools in {tool.source.name} do not build", log, sandboxed=place.sandboxed, tool=tool)
    for output in tool.outputs:
        if not os.path.lexists(copy / output):
            raise no_output(tool, output, log)
        _take_stripped(place, copy / output, into / Path(output).name, *_NO_BUILD_ID)
    return log


def take(work: Path, made: Path, to: Path) -> bytes:
    """Copy a file that a build made, and return its first bytes; what it is the build may have chosen freely.

    Raises ``UsageError`` for anything but a file in the folder of the build, ``work``, of a size that fits.
    """
    try:
        real = made.resolve(strict=True)
        if not real.is_relative_to(work.resolve()):
            raise UsageError(f"the build made {made.name} a link that leads out of its folder")
        number = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise UsageError(f"the build made a {made.name} that cannot be read: {error}") from error
    try:
        status = os.fstat(number)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_FILE:
            raise UsageError(f"the build made a {made.name} that is no file of at most {LARGEST_FILE >> 20} MiB")
        with open(number, "rb", closefd=False) as file, to.open("wb") as copy:
            first = file.read(len(_ELF))
            copy.write(first)
            shutil.copyfileobj(file, copy)
    finally:
        os.close(number)
    return first


def _take_stripped(place: Workplace, made: Path, to: Path, *options: str) -> None:
    """Copy what a build made without symbols.

    ``strip`` parses the build's own bytes, and so runs in a sandbox too, in a folder that the build has not seen.
    """
    if take(place.work, made, to) != _ELF:
        return  # a script needs none of it; a module that is no object file is told when it is loaded
    with _work_folder() as work:
        shutil.copyfile(to, work / "whole")
        place = Workplace(work=work, readable=(), sandboxed=place.sandboxed)
        done = place.run(["strip", *options, "-o", "stripped", "whole"], timeout=60)
        if done.returncode:
            what = f"what the build made as {made.name} is no whole object file"
            raise fault_of(what, shown_log(done, work, work), sandboxed=place.sandboxed)
        take(work, work / "stripped", to)


def _prepare(commands: Iterable[str], place: Workplace, headers: Path, *, timeout: float) -> str:
    """Run the commands in the copy of the source, one after the other; return what they said."""
    copy = place.work / "source"
    log = ""
    for command in commands:
        words = [word.replace(KERNEL, str(headers)) for word in shlex.split(command)]
        try:
            done = place.run(["env", "-C", str(copy), *words], timeout=timeout)
        except DeadlineError as error:
            raise DeadlineError(f"`{command}` did not end within {timeout:g} s", hint=error.hint) from error
        said = shown_log(done, copy, headers)
        if done.returncode:
            what = f"`{command}`, which is to prepare the build, ended with status {done.returncode}"
            raise fault_of(what, said, sandboxed=place.sandboxed)
        log += said
    return log


def _make(place: Workplace, folder: Path, arguments: list[str], *, timeout: float) -> process.Completed:
    jobs = f"-j{len(os.sched_getaffinity(0))}"
    try:
        return place.run(["make", "-C", str(folder), jobs, *arguments], timeout=timeout)
    except DeadlineError as error:
        raise DeadlineError(
            f"make did not end within {timeout:g} s",
            hint="is the machine overloaded? A longer `build.timeout` in target.toml gives a module more",
        ) from error


def _compiler() -> str:
    for program in _COMPILERS:
        if process.find(program):
            process.require("make")
            process.require("ld")
            return process.run([program, "--version"], timeout=10, check=True).text.partition("\n")[0]
    raise InfraError("no C compiler is installed", hint="`vexlab doctor` names the package that holds it")


def _compiler_override() -> list[str]:
    """Debian's headers ask for ``gcc-12`` by name; elsewhere the system's own compiler has to do."""
    return [] if process.find(_COMPILERS[0]) else ["CC=gcc", "CROSS_COMPILE="]
