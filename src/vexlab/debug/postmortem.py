"""From a dead machine to a text about it: dump, then drgn in a process of its own, within a deadline."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from vexlab import process
from vexlab.errors import InfraError, MachineError, UsageError
from vexlab.observe.dump import DESCRIPTION, MEMORY, POINTER, take_dump
from vexlab.vm.machine import Machine

_EXAMINE_S = 180.0
_SYMBOLS_S = 120.0
_SUBJECT = "memory.json"  # beside a dump that is kept: what it is examined with
_KEEP = 1 << 20  # bytes of the text
_MIB = 1 << 20
_SPARE_MIB = 2048
# ffffffff83a2b1f8 d vmcoreinfo_data
_SYMBOL = re.compile(rf"^([0-9a-f]{{16}}) [a-zA-Z] {POINTER}$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a dump is examined with: ``vmlinux``, the module's unstripped file if there is one, the target's fstype."""

    vmlinux: Path
    module: Path | None
    fstype: str


def is_installed() -> bool:
    """Whether drgn is there: the extra ``vexlab[debug]``."""
    return importlib.util.find_spec("drgn") is not None


def post_mortem(machine: Machine, subject: Subject, folder: Path, *, keep: bool) -> str:
    """Return what drgn finds in the machine's memory; a sentence about why not, where it finds nothing.

    The dump, of the size of the guest's memory, stays in ``folder`` with ``keep``.
    """
    free = shutil.disk_usage(folder).free // _MIB
    if free < machine.spec.memory + _SPARE_MIB:
        return f"no dump was taken: only {free} MiB of disk are free\n"
    try:
        dump = take_dump(machine, address_of_pointer(subject.vmlinux), folder.absolute())
        if keep:
            (folder / _SUBJECT).write_bytes(msgspec.json.encode(subject, enc_hook=str))
        return examine(dump.memory, dump.vmcoreinfo, subject)
    except (MachineError, InfraError, OSError) as error:
        return f"drgn could not look at the machine's memory: {error}\n"
    finally:
        if not keep:
            for file in (folder / MEMORY, folder / DESCRIPTION):
                file.unlink(missing_ok=True)


def kept_subject(folder: Path) -> Subject:
    """Return what the dump in ``folder`` is examined with; raise ``UsageError`` where none was kept there."""
    try:
        subject = msgspec.json.decode((folder / _SUBJECT).read_bytes(), type=Subject, dec_hook=_as_path)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"no memory of a machine is kept in {folder}",
            hint="`keep_memory = true` under [run] in vexlab.toml keeps it where a kernel crashes",
        ) from error
    if lacks := [str(file) for file in (subject.vmlinux, subject.module) if file and not file.is_file()]:
        raise UsageError(f"the symbols of that kernel are gone: {', '.join(lacks)}", hint="run the case again")
    return subject


def _as_path(kind: type, value: object) -> object:
    return kind(value)


def address_of_pointer(vmlinux: Path) -> int:
    """Return where the kernel keeps the pointer to its description; the lab boots with ``nokaslr``."""
    listing = process.run(["nm", str(vmlinux)], timeout=_SYMBOLS_S, check=True).text
    match = _SYMBOL.search(listing)
    if not match:
        raise InfraError(f"{vmlinux} has no symbol {POINTER}", hint="was the kernel built without CONFIG_CRASH_CORE?")
    return int(match[1], 16)


def examine(memory: Path, vmcoreinfo: Path, subject: Subject) -> str:
    """Return the examination of a dump; raise ``InfraError`` with drgn's words where there is none."""
    argv = [sys.executable, "-m", "vexlab.debug.examination", "--memory", str(memory), "--vmcoreinfo", str(vmcoreinfo)]
    for file in (subject.vmlinux, subject.module):
        argv += ["--symbols", str(file)] if file else []
    argv += ["--fstype", subject.fstype]
    source = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH", ""))))
    done = process.run(argv, timeout=_EXAMINE_S, env={"PYTHONPATH": path}, keep=_KEEP)
    if done.returncode:
        raise InfraError(
            f"drgn: {done.error_text.strip()[-500:]}", hint="is drgn installed? `pip install vexlab[debug]`"
        )
    return done.text
