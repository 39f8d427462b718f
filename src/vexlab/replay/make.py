"""From a case's evidence to a bundle: put together, run, and only then given away."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import zstandard

from vexlab import process
from vexlab.classify import classify
from vexlab.errors import DeadlineError, InfraError, UsageError
from vexlab.images import cpio
from vexlab.images.builder import GUEST
from vexlab.model.replay import FILE, FOLDER, Replay
from vexlab.model.report import Report
from vexlab.replay.script import facts_text, file_of, init_script, seconds_at_most, steps_text
from vexlab.tables import visible
from vexlab.vm.disks import create_disk

SUFFIX = ".tar.zst"
RUN, README, CONSOLE, REPORT = "run.sh", "README", "console.log", "report.txt"
_HERE = Path(__file__).parent
_PROOF_S = 120.0  # beyond what the script allows its machine
_LEVEL = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a bundle is made of: what was done, its evidence's folder, and the kernel's report it led to."""

    replay: Replay
    evidence: Path
    report: Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How often a bundle that was run showed its problem, how long each run took, and what the kernel said in one."""

    shown: int
    runs: int
    seconds: float
    console: str = ""

    def __str__(self) -> str:
        """Say it as people read it."""
        each = f"{self.seconds:.0f} s" + (" each" if self.runs > 1 else "")
        return f"it was run {_times(self.runs)} and showed the problem {_times(self.shown)}, in {each}"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def found_in(evidence: Path, title: str) -> Found:
    """Return what the ``evidence`` of a case has of the finding ``title``; raise ``UsageError`` that says why not."""
    try:
        kept = msgspec.json.decode((evidence / FILE).read_bytes(), type=list[Replay], dec_hook=_path)
    except FileNotFoundError as error:
        raise UsageError(f"{evidence} has no record of what was done in the machine") from error
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"{evidence / FILE} cannot be read: {error}") from error
    replay = next((each for each in kept if title in each.titles), None)
    if replay is None:
        raise UsageError("it was not seen on the console, but by a question to the machine from outside")
    if replay.why_not:
        raise UsageError(f"a script cannot do again what was done: {replay.why_not}")
    console = (evidence / replay.console).read_text(errors="replace")
    reports = classify(console, target_modules=(replay.module,))
    report = next((each for each in reports if each.title == title), None)
    if report is None:
        raise UsageError(f"{evidence / replay.console} does not show it")
    return Found(replay=replay, evidence=evidence, report=report)


def _path(kind: type, value: object) -> object:
    return kind(value)


def make(found: Found, destination: Path, words: str, times: int, say: Callable[[str], None]) -> Proof:
    """Write the bundle of ``found`` to ``destination``, a new folder or ``FILE.tar.zst``, and return its proof.

    It is run ``times`` times before; raises ``UsageError`` where the problem is not shown once. ``words`` is the report
    for people.
    """
    if destination.exists():
        raise UsageError(f"{destination} is there already", hint="name a new folder or file")
    parent = destination.absolute().parent
    if not parent.is_dir():
        raise UsageError(f"there is no folder {parent}")
    with tempfile.TemporaryDirectory(dir=parent, prefix=".vexlab-bundle-") as work:
        folder = Path(work, destination.name.removesuffix(SUFFIX))
        folder.mkdir()
        fill(found, folder)
        proof = prove(found, folder, times, say)
        if not proof.shown:
            raise UsageError(
                f"no bundle was written: it was run {_times(times)}, and the kernel did not report the problem again",
                hint="`--mail` describes it; `vexlab explain` tells how often the case itself fails",
            )
        (folder / CONSOLE).write_text(proof.console)
        (folder / REPORT).write_text(words)
        (folder / README).write_text(readme(found, folder, proof))
        if destination.name.endswith(SUFFIX):
            draft = Path(work, "archive")
            _pack(folder, draft)
            draft.rename(destination)
        else:
            folder.rename(destination)
    return proof


def fill(found: Found, folder: Path) -> None:
    """Put the machine's files, the scripts and what they do into ``folder``."""
    spec = found.replay.spec
    _copy(spec.kernel, folder / "bzImage")
    _copy(spec.initrd, folder / "initrd.img")
    with (folder / "initrd.img").open("ab") as initrd:
        initrd.write(cpio.archive(*_payload(found)))
    for disk in spec.disks:
        if disk.file:
            _copy(disk.file, folder / file_of(disk))
        else:
            create_disk(folder / file_of(disk), disk.size)
    for placed in found.replay.files:
        if placed.path.endswith(".ko"):
            _copy(Path(placed.source), folder / Path(placed.path).name)
    there = replace(
        spec,
        kernel=Path("bzImage"),
        initrd=Path("initrd.img"),
        disks=tuple(replace(disk, file=Path(file_of(disk)) if disk.file else None) for disk in spec.disks),
    )
    (folder / "facts").write_text(facts_text(found.replay, found.report, there))
    shutil.copyfile(_HERE / RUN, folder / RUN)
    (folder / RUN).chmod(0o755)


def _payload(found: Found) -> tuple[tuple[str, ...], Mapping[str, bytes]]:
    """Return folders and files that the initramfs gets besides."""
    steps = (*found.replay.before, *found.replay.steps)
    files = {
        "init": init_script((GUEST / "init").read_text()).encode(),
        "vexlab/replay/steps": steps_text(found.replay).encode(errors="surrogateescape"),
        **{f"vexlab/replay/{name}": (_HERE / "guest" / name).read_bytes() for name in ("init", "replay")},
        **{placed.path.lstrip("/"): _read(Path(placed.source)) for placed in found.replay.files},
        **{
            f"vexlab/replay/files/{step.data}": _read(found.evidence / FOLDER / step.data)
            for step in steps
            if step.data
        },
    }
    folders = {str(parent) for name in files for parent in Path(name).parents if str(parent) != "."}
    return tuple(sorted({*folders, "vexlab/bin", "vexlab/lib"})), files


def prove(found: Found, folder: Path, times: int, say: Callable[[str], None]) -> Proof:
    """Run the bundle in ``folder`` and return how often the kernel said again what it had said."""
    shown, console, began = 0, "", time.monotonic()
    for number in range(1, times + 1):
        said = _once(found, folder)
        if said:
            shown, console = shown + 1, said
        say(f"run {number} of {times}: {'the kernel reports it again' if said else 'the kernel does not report it'}")
    return Proof(shown=shown, runs=times, seconds=(time.monotonic() - began) / times, console=console)


def _once(found: Found, folder: Path) -> str:
    """Return what the kernel said where it reported the problem, both by the script's word and by the classifier's."""
    with tempfile.TemporaryDirectory(prefix="vexlab-proof-") as work:
        console = Path(work, CONSOLE)
        limit = seconds_at_most(found.replay) + _PROOF_S
        try:
            done = process.run([str(folder / RUN)], timeout=limit, env={"CONSOLE": str(console)}, keep=1 << 20)
        except DeadlineError:
            return ""
        if done.returncode not in (0, 1):
            raise InfraError(f"the bundle's machine cannot be run:\n{done.error_text[-2000:]}")
        said = console.read_text(errors="replace")
    reports = classify(said, target_modules=(found.replay.module,))
    again = any(_same(each, found.report) for each in reports)
    return said if done.returncode == 0 and again else ""


def _same(one: Report, other: Report) -> bool:
    return one.title == other.title or bool(one.fingerprint and one.fingerprint == other.fingerprint)


def readme(found: Found, folder: Path, proof: Proof) -> str:
    """Return what a reader of the bundle begins with."""
    names = sorted(path.name for path in folder.iterdir())
    about = {
        "bzImage": "the kernel",
        "initrd.img": "the initramfs, with the module, the guest's programs, and the steps (vexlab/replay/steps)",
        "root.img": "the guest's root filesystem (squashfs)",
        "modules.img": "the kernel's modules (squashfs)",
        "facts": "QEMU's arguments, and the lines that show the problem",
        RUN: "boots the machine and looks for those lines",
        CONSOLE: "what the kernel said when this bundle was run before it was given away",
        REPORT: "the problem, for people",
    }
    listed = [f"  {name:14}  {about.get(name, 'the module' if name.endswith('.ko') else 'a disk')}" for name in names]
    return "\n".join(
        [
            visible(found.report.title),
            "",
            "./run.sh shows it again. It needs qemu-system-x86_64 and a POSIX shell with the usual commands, no root",
            f"and no network, and takes about {proof.seconds:.0f} s with the emulator. It ends with 0 where the kernel",
            "reports the problem again, with 1 where it does not; CONSOLE=FILE keeps all that the kernel said.",
            "",
            f"Before this was written {proof}.",
            "",
            *listed,
            "",
        ]
    )


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError as error:
        raise _gone(source) from error


def _read(source: Path) -> bytes:
    try:
        return source.read_bytes()
    except FileNotFoundError as error:
        raise _gone(source) from error


def _gone(source: Path) -> UsageError:
    return UsageError(
        f"{source}, which the machine was made of, is gone",
        hint="run the case again (`reproduce` in its evidence), and bundle the problem of that run",
    )


def _pack(folder: Path, file: Path) -> None:
    threads = len(os.sched_getaffinity(0))
    packer = zstandard.ZstdCompressor(level=_LEVEL, threads=threads)
    with (
        file.open("wb") as out,
        packer.stream_writer(out) as packed,
        tarfile.open(fileobj=packed, mode="w|") as archive,
    ):
        archive.add(folder, arcname=folder.name, filter=_plain)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member
