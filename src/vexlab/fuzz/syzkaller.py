"""The user's own syzkaller: found, looked at, given a configuration, and its crashes read.

It is in no package, so it is never fetched. What is known of it here is from its documentation (docs/linux/setup.md,
pkg/mgrconfig, docs/configuration.md); vexlab's own tests have none to run.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vexlab import process
from vexlab.classify import classify
from vexlab.config import Settings
from vexlab.errors import InfraError, UsageError
from vexlab.fuzz.layout import Interface
from vexlab.tables import read_text, suggest

VARIABLE = "VEXLAB_SYZKALLER"
MANAGER = "bin/syz-manager"
_PROGRAMS = (MANAGER, "bin/linux_amd64/syz-executor", "bin/linux_amd64/syz-execprog")
_TELL = {MANAGER: "-version", _PROGRAMS[1]: "version", _PROGRAMS[2]: "-version"}
_STEP_S = 30.0
_LOG_MOST = 4 << 20
_NO_KVM = "-accel tcg -cpu max"
# The revision in what a program says of itself: 40 digits of git's.
_REVISION = re.compile(r"\b[0-9a-f]{40}\b")
# Keys of syz-manager's configuration that the files of the old infrastructure have, and those that are added here.
_KEYS = ("target", "http", "workdir", "kernel_obj", "image", "sshkey", "syzkaller", "procs", "type", "vm", "cover",
         "enable_syscalls", "disable_syscalls", "cover_filter", "reproduce", "sandbox", "name")  # fmt: skip
_VM_KEYS = ("count", "cpu", "mem", "kernel", "cmdline", "qemu", "qemu_args", "initrd", "image_device")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where syzkaller is; ``wrong`` are sentences on what would keep it from fuzzing the target, with what to do."""

    place: Path
    revision: str = ""
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """What syz-manager starts: kernel, disk image with an ssh server, and the key that it lets in; memory in MiB."""

    kernel: Path
    image: Path
    key: Path
    count: int
    cpus: int
    memory: int
    append: str


def place_of(settings: Settings) -> Path:
    """Return the folder of syzkaller; raise ``UsageError`` that says what to do where none is named or it is none."""
    given = os.environ.get(VARIABLE) or settings.fuzz.syzkaller
    build = "build it by `make` (https://github.com/google/syzkaller), the target's descriptions in its sys/linux"
    if not given:
        raise UsageError(
            "syzkaller is in no package, and none is named",
            hint=f'{build}; then {VARIABLE}=DIR, or `[fuzz] syzkaller = "DIR"` in the settings',
        )
    place = Path(given).expanduser().absolute()
    missing = [name for name in _PROGRAMS if not (place / name).is_file()]
    if missing:
        raise UsageError(f"{place} holds no {' and no '.join(missing)}", hint=build)
    return place


def examine(place: Path, interface: Interface) -> Installation:
    """Return what is wrong with the installation in ``place`` for fuzzing ``interface``."""
    said = {name: _revision(place / name, _TELL[name]) for name in _PROGRAMS}
    known = {revision for revision in said.values() if revision}
    wrong = []
    if len(known) > 1:
        words = ", ".join(f"{name.rpartition('/')[2]} {revision[:12]}" for name, revision in said.items())
        wrong.append(f"its programs are of several revisions ({words}): run `make` in it again")
    executor = (place / _PROGRAMS[1]).read_bytes()
    missing = [call.name for call in interface.calls if f"ioctl${call.name}".encode() not in executor]
    if missing:
        wrong.append(
            f"its executor does not know {len(missing)} of {len(interface.calls)} ioctls ({missing[0]}): copy the "
            "files of `vexlab fuzz syzkaller --describe` to its sys/linux and run `make`"
        )
    return Installation(place=place, revision=next(iter(known), ""), wrong=tuple(wrong))


def _revision(program: Path, word: str) -> str:
    """Return the revision that a program says it is of; empty where it tells none."""
    done = process.run([str(program), word], timeout=_STEP_S, keep=1 << 16)
    match = _REVISION.search(f"{done.text}\n{done.error_text}")
    return match[0] if match else ""


def configuration(
    place: Path, workdir: Path, machines: Machines, interface: Interface, *, port: int, kvm: bool, cover: bool
) -> dict[str, object]:
    """Return syz-manager's configuration: its qemu type, without KVM by emulation."""
    return {
        "target": "linux/amd64",
        "http": f"127.0.0.1:{port}",
        "workdir": str(workdir),
        "syzkaller": str(place),
        "image": str(machines.image),
        "sshkey": str(machines.key),
        "type": "qemu",
        "procs": max(1, machines.cpus),
        "cover": cover,
        "reproduce": True,
        "enable_syscalls": [*(f"ioctl${call.name}" for call in interface.calls), "openat", "mmap", "syz_mount_image"],
        "vm": {
            "count": machines.count,
            "cpu": machines.cpus,
            "mem": machines.memory,
            "kernel": str(machines.kernel),
            "cmdline": machines.append,
            "qemu_args": "-enable-kvm -cpu host" if kvm else _NO_KVM,
        },
    }


def laid_over(ours: Mapping[str, object], file: Path) -> dict[str, object]:
    """Return our configuration with what the user's ``file`` says laid over it; ``UsageError`` for a wrong key."""
    try:
        given = json.loads(read_text(file))
    except ValueError as error:
        raise UsageError(f"{file} is no JSON: {error}") from error
    if not isinstance(given, dict):
        raise UsageError(f"{file} holds no configuration of syz-manager")
    for key in given:
        if key not in _KEYS:
            raise UsageError(f"{file}: unknown key `{key}`", hint=suggest(key, _KEYS))
    vm = given.get("vm", {})
    for key in vm:
        if key not in _VM_KEYS:
            raise UsageError(f"{file} [vm]: unknown key `{key}`", hint=suggest(key, _VM_KEYS))
    own = ours["vm"]
    merged_vm = {**own, **vm} if isinstance(own, dict) else vm
    return {**ours, **given, "vm": merged_vm}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A crash in syz-manager's folder: its title, ours, how many logs there are, and whether it has a reproducer."""

    theirs: str
    ours: str
    logs: int
    program: bool
    place: Path


def crashes_in(workdir: Path, module: str) -> tuple[Reported, ...]:
    """Return the crashes that syz-manager has kept, titled by our classifier as well."""
    found = []
    for place in sorted(workdir.glob("crashes/*/")):
        described = place / "description"
        if not described.is_file():
            continue
        logs = sorted(place.glob("log[0-9]*"))
        reports = [report for log in logs[:1] for report in classify(_text(log), target_modules=(module,))]
        found.append(
            Reported(
                theirs=_text(described).strip(),
                ours=reports[0].title if reports else "",
                logs=len(logs),
                program=any(place.glob("repro.*")),
                place=place,
            )
        )
    return tuple(found)


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(_LOG_MOST).decode(errors="replace")
    except OSError as error:
        raise InfraError(f"{file} cannot be read: {error}") from error


def manager_argv(place: Path, config: Path) -> Sequence[str]:
    """Return the command that runs syz-manager."""
    return (str(place / MANAGER), "-config", str(config))
