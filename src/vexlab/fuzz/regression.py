"""A crash kept as a case: a folder that ``vexlab run`` takes, and that runs without vexlab as well."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

import msgspec

from vexlab import process
from vexlab.errors import InfraError, TargetFailure
from vexlab.fuzz.crash import Crash, Mode
from vexlab.fuzz.folder import PROGRAM, Asked
from vexlab.fuzz.guest import PROGRAM as FSFUZZ
from vexlab.fuzz.guest import THREADS, Listener
from vexlab.fuzz.syzlang import KEPT_FILES
from vexlab.fuzz.syztries import MEMORY, Runner, execprog_argv
from vexlab.guest.mount import GuestFilesystem
from vexlab.model.target import ModuleArtifact

CALLS = "calls.table"
_CASE = "test_{slug}.py"
_SECONDS = 60
_RUN_S = 1200.0
_KEEP = 1 << 16

_TEMPLATE = '''"""{title}

Found by `vexlab fuzz {mode}`; `vexlab fuzz repro` and `vexlab run` try it again.
"""

from pathlib import Path

import pytest

from vexlab.fuzz.{module} import replay

pytestmark = [
    pytest.mark.domain("fuzz"),
    pytest.mark.level(3),
    pytest.mark.safety("dangerous"),
    pytest.mark.needs(mkfs=True),{marks}
]


def test_{slug}({fixture}):
    """What once led to "{title}" does no harm."""
    replay({fixture}, Path(__file__).parent, times={times})
'''

_SCRIPT = """#!/bin/sh
# {title}
# Usage: sh run.sh DIRECTORY   in a throw-away machine, DIRECTORY being on the filesystem, the module loaded.
cd "$(dirname "$0")" || exit 2
exec ./fsfuzz replay --point "$1" --table {calls} --magic 00000000000000000000000000000000 \\
    --times {times} --seconds {seconds} --threads {threads} {program}
"""


# Loop devices are what syzkaller mounts images by, and /syz-inputs is what its sandbox shows.
_SYZ_SCRIPT = """#!/bin/sh
# {title}
# Usage: sh run.sh DIRECTORY   as root in a throw-away machine, DIRECTORY being on the filesystem, the module loaded.
cd "$(dirname "$0")" || exit 2
mkdir -p /syz-inputs && mount --bind "$1" /syz-inputs && touch {files} || exit 2
modprobe -q loop
exec {command}
"""
# How a case of each kind is run again: the module with `replay`, and the fixture that it takes.
_WAYS = {
    Mode.IOCTL: ("regression", "mounted"),
    Mode.CALLS: ("regression", "mounted"),
    Mode.IMAGE: ("image_case", "filesystem"),
    Mode.SYZKALLER: ("syzcase", "mounted"),
}


def write_syz_case(place: Path, crash: Crash, runner: Runner) -> Path:
    """Write the case of a ``crash`` of syzkaller's, whose program lies in ``place``, with the programs that run it."""
    case = _write_test(place, crash)
    command, files = shlex.join([*execprog_argv(crash.times)[:-1], PROGRAM]), shlex.join(KEPT_FILES)
    (place / "run.sh").write_text(_SYZ_SCRIPT.format(title=_title(crash), command=command, files=files))
    for program in (runner.execprog, runner.executor):
        shutil.copy2(program, place / program.name)
    return case


def write_case(place: Path, crash: Crash, artifact: ModuleArtifact, table: str) -> Path:
    """Write the case of ``crash``, whose reproducer lies in ``place``, and what runs it anywhere; return its file."""
    case = _write_test(place, crash)
    if crash.mode is not Mode.IMAGE:
        (place / CALLS).write_text(table)
        words = {"title": _title(crash), "calls": CALLS, "times": crash.times, "seconds": _SECONDS, "threads": THREADS}
        (place / "run.sh").write_text(_SCRIPT.format(program=PROGRAM, **words))
        shutil.copy2(dict(artifact.tools)["fsfuzz"], place / "fsfuzz")
    return case


def _title(crash: Crash) -> str:
    return crash.title.replace("\\", "/").replace('"', "'")


def _write_test(place: Path, crash: Crash) -> Path:
    case = place / _CASE.format(slug=crash.slug)
    module, fixture = _WAYS[crash.mode]
    words = {"title": _title(crash), "mode": crash.mode, "slug": crash.slug, "times": crash.times}
    marks = f"\n    pytest.mark.vm(memory={MEMORY})," if crash.mode is Mode.SYZKALLER else ""
    case.write_text(_TEMPLATE.format(module=module, fixture=fixture, marks=marks, **words))
    return case


def record(case: Path, asked: Asked, target: Path, results: Path, config: str = "") -> int:
    """Run the case as any other, so that it is in the results with its finding, problem and evidence.

    Returns the run's exit status; raises ``InfraError`` where it was not the case that decided it.
    """
    argv = [sys.executable, "-m", "vexlab", "run", str(case), "--target", str(target), "--kernel", asked.kernel]
    argv += [word for arg in asked.build_args for word in ("--build-arg", arg)]
    argv += ["--results", str(results), "--ci", "--no-probe", *(["--config", config] if config else [])]
    done = process.run([process.require("setpriv"), "--pdeathsig", "TERM", *argv], timeout=_RUN_S, keep=_KEEP)
    if done.returncode not in (0, 1):
        raise InfraError(
            f"the crash could not be recorded as a run (status {done.returncode}): {done.error_text.strip()[-300:]}"
        )
    return done.returncode


def replay(mounted: GuestFilesystem, folder: Path, *, times: int) -> None:
    """Run the program in ``folder`` on a mounted filesystem; what the kernel says is found as in every case.

    Raises ``TargetFailure`` for what a call does to a program, ``GuestTimeout`` for a hang.
    """
    machine = mounted.machine
    table, program = "/tmp/calls.table", "/tmp/program"  # noqa: S108 - in the guest
    machine.push(folder / CALLS, table)
    machine.push(folder / PROGRAM, program)
    listening = Listener(lambda _: None)
    argv = [FSFUZZ, "replay", "--point", mounted.mountpoint, "--table", table, "--magic", "0" * 32]
    argv += ["--times", str(times), "--seconds", str(_SECONDS), "--threads", str(THREADS), program]
    machine.stream(argv, listening.take, timeout=_SECONDS * 2.0)
    listening.raise_stuck()
    if listening.wrongs:
        raise TargetFailure(listening.wrongs[0][0].title)
    if listening.last is None or listening.last.state == "failed":
        raise InfraError(f"fsfuzz did nothing: {listening.last}")
    mounted.unmount()
    if mounted.target.fsck:
        checked = mounted.fsck()
        if not checked.ok:
            raise TargetFailure(f"fsck finds the filesystem inconsistent: {checked}")


def read_crash(place: Path) -> Crash:
    """Return the crash that was kept in ``place``."""
    try:
        return msgspec.json.decode((place / "crash.json").read_bytes(), type=Crash)
    except (OSError, msgspec.MsgspecError) as error:
        raise InfraError(f"{place} holds no crash that can be read: {error}") from error
