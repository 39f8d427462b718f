"""What looks at a target's source without running it: compiler, sparse, smatch, coccinelle, checkpatch, pahole.

Each runs where builds do, in the sandbox on a copy of the source, and what it printed is kept by content: the same
source, kernel and program are looked at once.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vexlab import temporary
from vexlab.cache import Cache, Kind, file_digest, key_of
from vexlab.errors import BuildError, DeadlineError
from vexlab.model.kernel import Kernel
from vexlab.model.request import Sandboxing
from vexlab.model.target import Target
from vexlab.targets import layout
from vexlab.targets.fault import shown_log
from vexlab.targets.programs import PACKAGES, Program
from vexlab.targets.remarks import Remark, own, parse
from vexlab.targets.sandbox import Workplace, readable, wanted
from vexlab.targets.source import copy_tree, digest_tree, roots_of

_FORMAT = 1
_PRINTED = "printed"
_SOURCE = "source"
_COMPILE_S, _LOOK_S, _PATCH_S = 900.0, 600.0, 60.0
_REMARK_STATUS = 1  # of checkpatch with something to say
# // Options: --no-includes --include-headers      (of a semantic patch, read by the kernel's scripts/coccicheck)
_OPTIONS = "// Options:"
_UNFINISHED = "did not end"
_INCLUDES = "/usr/include/x86_64-linux-gnu"  # asm/types.h is the same file for 32 and 64 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisInputs:
    """What an analyser works with: ``headers`` is asked for the kernel's build folder only where something must run.

    ``scripts`` is a kernel's folder of that name with checkpatch and semantic patches, ``None`` where none is at hand;
    ``program`` finds a program by name.
    """

    target: Target
    kernel: Kernel
    headers: Callable[[], Path]
    cache: Cache
    scripts: Path | None
    program: Callable[[str], Program | None]
    sandboxing: Sandboxing = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyser:
    """``run`` returns what was printed, which ``read`` understands; ``program`` must be there, "" for the compiler.

    ``scripts`` names what must lie in the kernel's folder of scripts. ``quick`` ones take seconds, others minutes.
    """

    name: str
    about: str
    run: Callable[[AnalysisInputs, Workplace, Program | None], str]
    read: Callable[[str, Path], tuple[Remark, ...]]
    program: str = ""
    scripts: str = ""
    uapi: bool = False
    quick: bool = True


def lacking(analyser: Analyser, inputs: AnalysisInputs) -> str:
    """Return why ``analyser`` cannot look at the target, or an empty string."""
    if inputs.target.source is None:
        return f"{inputs.target.name} comes with the kernel"
    if analyser.program and inputs.program(analyser.program) is None:
        where = "; `vexlab check` unpacks it into the cache" if PACKAGES[analyser.program] else ""
        return f"{analyser.program} is not installed{where}"
    if analyser.scripts and not (inputs.scripts and (inputs.scripts / analyser.scripts).exists()):
        return (
            f"no kernel source with scripts/{analyser.scripts} is at hand: distributions' headers lack it, kernels of "
            "`vexlab kernels build` bring it"
        )
    if analyser.uapi and not inputs.target.uapi:
        return f"{inputs.target.name} names no headers of its interface (`uapi` in target.toml)"
    return ""


def look(analyser: Analyser, inputs: AnalysisInputs) -> tuple[Remark, ...]:
    """Return what ``analyser`` remarks on the target's own files. ``lacking`` was empty.

    Raises ``BuildError`` where the source cannot be compiled, ``DeadlineError``.
    """
    source = inputs.target.source
    if source is None:
        return ()
    program = inputs.program(analyser.program) if analyser.program else None
    roots = roots_of(source, inputs.target.file.parent)

    def printed(draft: Path) -> None:
        tree = inputs.headers()
        shown = (
            *readable(tree),
            *(program.readable if program else ()),
            *((inputs.scripts,) if inputs.scripts else ()),
        )
        with temporary.folder("analysis") as work:
            place = Workplace(work=work.resolve(), readable=shown, sandboxed=wanted(inputs.sandboxing))
            copy_tree(source, place.work / _SOURCE, roots)
            (draft / _PRINTED).write_text(analyser.run(inputs, place, program))

    version = file_digest(program.path) if program else ""
    scripts = _digest_of_scripts(inputs.scripts, analyser.scripts)
    key = key_of(
        _FORMAT, analyser.name, inputs.target.build, inputs.target.uapi, inputs.kernel.version, version, scripts,
        digest_tree(source, roots), [file_digest(file) for file in inputs.target.uapi],
    )  # fmt: skip
    entry = inputs.cache.make(Kind.ARTIFACTS, f"analysis-{key}", printed)
    return analyser.read((entry / _PRINTED).read_text(), source)


def _digest_of_scripts(folder: Path | None, name: str) -> str:
    if not folder or not name:
        return ""
    return digest_tree(folder / name) if (folder / name).is_dir() else file_digest(folder / name)


def _made(inputs: AnalysisInputs, place: Workplace, *arguments: str) -> str:
    """Run make on the copy of the source with further arguments, and return what it printed.

    Preparing commands are run before. A checker that ends the build with remarks is no error.
    """
    copy, headers = place.work / _SOURCE, inputs.headers().resolve()
    log = ""
    for command in inputs.target.build.prepare:
        words = [word.replace("{kernel}", str(headers)) for word in shlex.split(command)]
        log += shown_log(place.run(["env", "-C", str(copy), *words], timeout=_COMPILE_S), copy, headers)
    jobs = f"-j{len(os.sched_getaffinity(0))}"
    argv = ["make", "-C", str(headers), jobs, "-k", f"M={copy}", *inputs.target.build.args, *arguments, "modules"]
    done = place.run(argv, timeout=_COMPILE_S)
    log += shown_log(done, copy, headers)
    if done.returncode and not parse("", log):
        raise BuildError(f"{inputs.target.name} cannot be looked at: make ended with {done.returncode}", log=log)
    return log


def _warned(inputs: AnalysisInputs, place: Workplace, _program: Program | None) -> str:
    return _made(inputs, place, "W=1")


def _sparse(inputs: AnalysisInputs, place: Workplace, program: Program | None) -> str:
    return _made(inputs, place, "C=2", f"CHECK={' '.join(program.words)}") if program else ""


def _smatch(inputs: AnalysisInputs, place: Workplace, program: Program | None) -> str:
    return _made(inputs, place, "C=2", f"CHECK={' '.join(program.words)} -p=kernel") if program else ""


def _sources(place: Workplace) -> list[str]:
    copy = place.work / _SOURCE
    files = (file for pattern in ("*.c", "*.h") for file in copy.rglob(pattern) if not file.name.endswith(".mod.c"))
    return sorted(str(file.relative_to(copy)) for file in files)


def _checkpatch(inputs: AnalysisInputs, place: Workplace, program: Program | None) -> str:
    if program is None or inputs.scripts is None:
        return ""
    script = str(inputs.scripts / "checkpatch.pl")
    argv = [*program.words, script, "--no-tree", "-f", "--terse", "--no-summary", "--show-types", *_sources(place)]
    copy = place.work / _SOURCE
    done = place.run(["env", "-C", str(copy), *argv], timeout=_LOOK_S)
    if done.returncode > _REMARK_STATUS:
        raise BuildError(f"checkpatch ended with status {done.returncode}", log=done.text + done.error_text)
    return shown_log(done, copy, inputs.scripts)


def patches(scripts: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield the kernel's semantic patches that can report, each with the options that it asks for."""
    for file in sorted((scripts / "coccinelle").rglob("*.cocci")):
        text = file.read_text(errors="replace")
        if "virtual report" in text:
            lines = (line.removeprefix(_OPTIONS) for line in text.splitlines() if line.startswith(_OPTIONS))
            yield file, tuple(word for line in lines for word in shlex.split(line))


def _coccinelle(inputs: AnalysisInputs, place: Workplace, program: Program | None) -> str:
    """Run each semantic patch by itself, so that one that takes for ever does not take the others along."""
    if program is None or inputs.scripts is None:
        return ""
    copy, log = place.work / _SOURCE, ""
    for file, options in patches(inputs.scripts):
        argv = [*program.words, "-D", "report", "--very-quiet", "--no-show-diff", *options]
        argv += ["--cocci-file", str(file), "--dir", "."]
        try:
            done = place.run(["env", "-C", str(copy), *argv], timeout=_PATCH_S)
        except DeadlineError:
            log += f"{file.stem}: {_UNFINISHED} within {_PATCH_S:g} s\n"
            continue
        log += "".join(f"{line} [{file.stem}]\n" for line in shown_log(done, copy, inputs.scripts).splitlines())
    return log


def _layout(inputs: AnalysisInputs, place: Workplace, program: Program | None) -> str:
    """Print what pahole says of the interface's headers as compiled for 64 bits, a line, and then for 32."""
    if program is None:
        return ""
    folder = place.work / "interface"
    folder.mkdir()
    names = []
    for number, header in enumerate(inputs.target.uapi):
        name = f"{number}/{header.name}"
        shutil.copytree(header.parent, folder / str(number), ignore=_only_headers)
        names.append(name)
    (folder / "all.c").write_text("".join(f'#include "{name}"\n' for name in names))
    printed = []
    for bits in ("64", "32"):
        flags = [f"-m{bits}", "-g", "-ffreestanding", "-fno-eliminate-unused-debug-types", "-isystem", _INCLUDES]
        made = place.run(["gcc", *flags, "-c", f"{folder}/all.c", "-o", f"{folder}/{bits}.o"], timeout=_LOOK_S)
        if made.returncode:
            raise BuildError(f"the interface's headers do not compile for {bits} bits alone", log=made.error_text)
        shown = place.run([*program.words, "--show_decl_info", f"{folder}/{bits}.o"], timeout=_LOOK_S)
        printed.append(shown.text.replace(f"{folder}/", "interface/"))
    return _BITS.join(printed)


_BITS = "==== the same for 32 bits\n"


def _only_headers(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if not name.endswith(".h") and not (Path(folder) / name).is_dir()}


def _read_layout(text: str, source: Path) -> tuple[Remark, ...]:
    wide, _, narrow = text.partition(_BITS)
    found = layout.judge(layout.parse_structures(wide), layout.parse_structures(narrow), "interface")
    return tuple(Remark(file=_place(each.file, source), line=each.line, by=each.by, words=each.words) for each in found)


def _place(name: str, source: Path) -> str:
    """Return where below ``source`` the header ``0/vexfs.h`` of the interface lies, or its bare name."""
    bare = name.partition("/")[2]
    found = sorted(source.rglob(Path(bare).name))
    return str(found[0].relative_to(source)) if found else bare


def _reader(by: str) -> Callable[[str, Path], tuple[Remark, ...]]:
    return lambda text, source: own(parse(by, text), source)


ANALYSERS = (
    Analyser(name="W1", about="the compiler's warnings with W=1", run=_warned, read=_reader("W1")),
    Analyser(name="sparse", about="sparse on every file (C=2)", run=_sparse, read=_reader("sparse"), program="sparse"),
    Analyser(
        name="layout",
        about="pahole: structures of the interface for 64 and 32 bits",
        run=_layout,
        read=_read_layout,
        program="pahole",
        uapi=True,
    ),
    Analyser(
        name="checkpatch",
        about="the kernel's coding style",
        run=_checkpatch,
        read=_reader("checkpatch"),
        program="perl",
        scripts="checkpatch.pl",
        quick=False,
    ),
    Analyser(
        name="smatch", about="smatch on every file", run=_smatch, read=_reader("smatch"), program="smatch", quick=False
    ),
    Analyser(
        name="coccinelle",
        about="the kernel's semantic patches",
        run=_coccinelle,
        read=_reader("coccinelle"),
        program="spatch",
        scripts="coccinelle",
        quick=False,
    ),
)
BY_NAME = {analyser.name: analyser for analyser in ANALYSERS}
