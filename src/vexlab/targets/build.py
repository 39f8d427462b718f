"""From source to artifact: out of tree, in a copy, the same bytes for the same source, kernel and compiler."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from vexlab import process
from vexlab.cache import Cache, file_digest, key_of
from vexlab.errors import BuildError, InfraError, UsageError, VexlabError
from vexlab.model.kernel import Kernel
from vexlab.model.target import ModuleArtifact, Target, Tool

_FORMAT = 2
_FACTS = "facts.json"
_LOG = "build.log"
_LEFT_BY_BUILDS = shutil.ignore_patterns(
    "*.o", "*.ko", "*.mod", "*.mod.c", "*.cmd", ".git", "Module.symvers", "*.a", "*.d", "build", "obj", "__pycache__"
)
_SHARED = "include"  # the folder beside a tool's own with headers that module and tools share
# Words in a build log that accuse the machine, not the source.
_HOST_FAULTS = (
    "No space left on device",
    "Disk quota exceeded",
    "Read-only file system",
    "Cannot allocate memory",
    "terminated program cc1",  # gcc: internal compiler error: Killed signal terminated program cc1
)
_COMPILERS = ("gcc-12", "gcc")  # Debian's kernels are built with the first


def build_module(
    target: Target, kernel: Kernel, headers: Callable[[], Path], cache: Cache, *, tools: Iterable[Tool] = ()
) -> ModuleArtifact:
    """Build ``target`` and its tools (and ``tools`` besides) for ``kernel``, or find the same build in the cache.

    ``headers`` is asked for the kernel's build folder only where something must be compiled against it. Raises
    ``BuildError`` with the compiler's words where the source is at fault, ``InfraError`` where a program is missing,
    ``UsageError`` where the build made no module of that name.
    """
    compiler = _compiler() if target.source or target.tools or tools else ""
    builds = [_tool_build(tool, compiler, cache) for tool in (*target.tools, *tools)]
    if target.source:
        builds.insert(0, _module_build(target, target.source, kernel, headers, compiler, cache))
    facts = [json.loads((entry / _FACTS).read_text()) for entry, _ in builds]
    module = builds[0][0] / f"{target.module}.ko" if target.source else None
    programs = [path for entry, _ in builds if (entry / "bin").is_dir() for path in sorted((entry / "bin").iterdir())]
    return ModuleArtifact(
        target=target.name,
        kernel=kernel.name,
        path=module,
        digest=key_of(target.module, [each["digest"] for each in facts]),
        tools=tuple((path.name, path) for path in programs),
        warnings=tuple(warning for each in facts for warning in each["warnings"]),
        log="".join((entry / _LOG).read_text() for entry, _ in builds),
        cached=all(found for _, found in builds),
    )


def _module_build(
    target: Target, source: Path, kernel: Kernel, headers: Callable[[], Path], compiler: str, cache: Cache
) -> tuple[Path, bool]:
    """Return the cache entry of the module's build, and whether it was there."""
    key = key_of(
        _FORMAT, target.module, target.build, kernel.version, kernel.release, compiler, digest_tree(source)
    )  # fmt: skip

    def build(draft: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="vexlab-build-") as work:
            log = _build_kernel_module(target, source, headers(), Path(work), draft)
        _write_facts(draft, log)

    found = cache.get("artifacts", key)
    return found or cache.make("artifacts", key, build), found is not None


def _tool_build(tool: Tool, compiler: str, cache: Cache) -> tuple[Path, bool]:
    """Return the cache entry of a tool's build, and whether it was there."""
    shared = tool.source.parent / _SHARED
    sources = [tool.source, *([shared] if shared.is_dir() else [])]
    key = key_of(_FORMAT, tool.outputs, tool.args, compiler, [digest_tree(source) for source in sources])

    def build(draft: Path) -> None:
        (draft / "bin").mkdir()
        with tempfile.TemporaryDirectory(prefix="vexlab-build-") as work:
            log = _build_tool(tool, Path(work), draft / "bin")
        _write_facts(draft, log)

    found = cache.get("tools", key)
    return found or cache.make("tools", key, build), found is not None


def _write_facts(draft: Path, log: str) -> None:
    contents = [file_digest(file) for file in sorted(draft.rglob("*")) if file.is_file()]
    (draft / _LOG).write_text(log)
    (draft / _FACTS).write_text(json.dumps({"digest": key_of(contents), "warnings": compiler_warnings(log)}))


def keep_artifact(artifact: ModuleArtifact, folder: Path) -> None:
    """Copy what goes into the guest to ``folder``, for ``kept_artifact`` to read back; does nothing twice."""
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        draft = Path(work, "draft")
        (draft / "tools").mkdir(parents=True)
        for file in (artifact.path, *(path for _, path in artifact.tools)):
            if file:
                shutil.copy(file, draft / file.name if file == artifact.path else draft / "tools" / file.name)
        (draft / _FACTS).write_text(json.dumps({"digest": artifact.digest, "target": artifact.target}))
        with contextlib.suppress(OSError):  # another worker was faster
            draft.rename(folder)


def kept_artifact(path: Path, target: Target, kernel: Kernel) -> ModuleArtifact:
    """Return the artifact in a folder of ``keep_artifact``, or a single module file; raise ``UsageError``."""
    if path.is_file():
        return ModuleArtifact(target=target.name, kernel=kernel.name, path=path, digest=file_digest(path))
    try:
        facts = json.loads((path / _FACTS).read_text())
        tools = tuple((file.name, file) for file in sorted((path / "tools").iterdir()))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is no folder that a run kept: {error}") from error
    module = path / f"{target.module}.ko"
    return ModuleArtifact(
        target=target.name,
        kernel=kernel.name,
        path=module if module.exists() else None,
        digest=facts["digest"],
        tools=tools,
    )


def digest_tree(folder: Path) -> str:
    """Return a digest of a source folder: paths and contents, without what builds leave behind."""
    digest = hashlib.sha256()
    for root, folders, names in os.walk(folder, followlinks=True):
        ignored = _LEFT_BY_BUILDS(root, names + folders)
        folders[:] = sorted(name for name in folders if name not in ignored)
        for name in sorted(name for name in names if name not in ignored):
            path = Path(root, name)
            if path.is_file():
                digest.update(f"{path.relative_to(folder)}\0{file_digest(path)}\n".encode())
    return digest.hexdigest()


def compiler_warnings(log: str) -> tuple[str, ...]:
    """Return the lines of a build log in which a compiler, modpost or objtool warns."""
    # super.c:10:5: warning: unused variable 'x' [-Wunused-variable]  ·  WARNING: modpost: missing MODULE_LICENSE()
    return tuple(line.strip() for line in log.splitlines() if ": warning: " in line or line.startswith("WARNING: "))


def _build_kernel_module(target: Target, source: Path, headers: Path, work: Path, draft: Path) -> str:
    copy = work / "source"
    shutil.copytree(source, copy, ignore=_LEFT_BY_BUILDS)
    real = headers.resolve()
    # No path of this machine may end up in the module: the same source gives the same bytes everywhere.
    prefix_maps = f"-ffile-prefix-map={copy}=. -ffile-prefix-map={real.parent}=/usr/src"
    arguments = [f"M={copy}", f"KCFLAGS={prefix_maps}", *target.build.args, *_compiler_override(), "modules"]
    done = _make(real, arguments, timeout=target.build.timeout)
    log = _without(done, copy, real)
    if done.returncode:
        raise _fault(f"{target.name} does not build", log)
    module = copy / f"{target.module}.ko"
    if not module.is_file():
        found = ", ".join(sorted(path.name for path in copy.rglob("*.ko"))) or "none"
        raise UsageError(
            f"the build made no {module.name} (made: {found})",
            hint="is `module` in target.toml the name in Kbuild?",
        )
    shutil.copyfile(module, draft / f"{target.module}.debug.ko")
    stripped = ["strip", "--strip-debug", "-o", str(draft / module.name), str(module)]
    process.run(stripped, timeout=60, check=True)
    return log


def _build_tool(tool: Tool, copy: Path, into: Path) -> str:
    shutil.copytree(tool.source, copy / "source", ignore=_LEFT_BY_BUILDS)
    if (tool.source.parent / _SHARED).is_dir():
        shutil.copytree(tool.source.parent / _SHARED, copy / _SHARED)
    done = _make(copy / "source", list(tool.args), timeout=300)
    log = _without(done, copy, copy)
    if done.returncode:
        raise _fault(f"the tools in {tool.source.name} do not build", log)
    for output in tool.outputs:
        program = copy / "source" / output
        if not program.is_file():
            raise UsageError(f"building {tool.source} made no {output}")
        process.run(["strip", "-o", str(into / Path(output).name), str(program)], timeout=60, check=True)
    return log


def _make(folder: Path, arguments: list[str], *, timeout: float) -> process.Completed:
    jobs = f"-j{len(os.sched_getaffinity(0))}"
    return process.run(["make", "-C", str(folder), jobs, *arguments], timeout=timeout, env={"LC_ALL": "C", "TZ": "UTC"})


def _without(done: process.Completed, copy: Path, headers: Path) -> str:
    log = done.text + done.error_text
    return log.replace(f"{copy}/", "").replace(str(headers), "<kernel>")


def _fault(what: str, log: str) -> VexlabError:
    """Return the error of a failed build: the machine's where the log accuses it, else the source's."""
    if any(words in log for words in _HOST_FAULTS):
        return InfraError(f"{what}, and not for the source's sake:\n{_errors(log)}", hint="is a disk or memory full?")
    return BuildError(f"{what}:\n{_errors(log)}", log=log, hint=_first_file(log))


def _errors(log: str) -> str:
    lines = [line for line in log.splitlines() if "error" in line.lower() or "No rule" in line or "undefined" in line]
    return "\n".join((lines or log.splitlines()[-10:])[:20])


def _first_file(log: str) -> str:
    for line in log.splitlines():
        if ": error:" in line:  # super.c:10:5: error: 'x' undeclared
            return f"the first error is at {':'.join(line.split(':')[:2])}"
    return ""


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
