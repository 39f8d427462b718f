"""The user's own syzkaller: found, looked at, given a configuration, and its crashes read.

It is in no package, so it is never fetched, and vexlab's own tests have none to run. What stands here was tried with
revision 1e72964b0111 of 2026-08-17; keys of the configuration are those of its pkg/mgrconfig and vm/qemu.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from vexlab.config import Settings
from vexlab.errors import InfraError, UsageError
from vexlab.fuzz.layout import Interface
from vexlab.model.machine import Accelerator
from vexlab.tables import read_text, suggest
from vexlab.vm.argv import CPU

VARIABLE = "VEXLAB_SYZKALLER"
MANAGER = "bin/syz-manager"
_PROGRAMS = (MANAGER, "bin/linux_amd64/syz-executor", "bin/linux_amd64/syz-execprog")
EXECUTOR, EXECPROG = _PROGRAMS[1:]
SEEDS = "sys/linux/test"  # programs that syz-manager begins with
LOG_MOST = 4 << 20
# syz-manager takes its time tenfold where it reads `-accel tcg`; the CPU is that of vexlab's own machines.
_NO_KVM = f"-accel tcg,thread=multi -machine q35 -cpu {CPU[Accelerator.TCG]}"
_KVM = f"-enable-kvm -machine q35 -cpu {CPU[Accelerator.KVM]}"
# By default syz-manager's disks are IDE and its cards e1000, which kernels of vexlab's and Debian's cloud kernels lack;
# and a card without a ROM wants no package with one.
_DISK = "drive if=virtio,format=raw,media=disk,file="
_CARD = "virtio-net-pci,romfile="
# Calls on files, beside those of the target's descriptions. syz-manager takes `write` for `write$…` as well: not
# `openat` or `mount` therefore, which have hundreds. Those for which it finds no resource it leaves out by itself.
_FILE_CALLS = (
    "creat", "open", "read", "write", "pread64", "pwrite64", "lseek", "ftruncate", "truncate", "fallocate", "fsync",
    "fdatasync", "sync_file_range", "getdents64", "mkdir", "rmdir", "unlink", "rename", "link", "symlink", "readlink",
    "stat", "fstat", "statfs", "fstatfs", "chmod", "fchmod", "chown", "utimes", "mmap", "munmap", "msync", "dup",
    "setxattr", "getxattr", "listxattr", "removexattr", "copy_file_range", "sendfile", "flock", "chdir", "umount2",
)  # fmt: skip
# None of its programs tells its revision. Go keeps how a program was linked, and the executor holds two digests, git's
# revision and that of the descriptions (executor/executor.cc, GIT_REVISION; executor/defs.h, SYZ_REVISION), which
# syz-manager compares with its own when a guest connects (pkg/rpcserver).
_LINKED = re.compile(rb"prog\.GitRevision=([0-9a-f]{40})")
_DIGEST = re.compile(rb"(?<![0-9a-zA-Z])[0-9a-f]{40}(?![0-9a-zA-Z])")
# Keys of syz-manager's configuration that the files of the old infrastructure have, and those that are added here.
_KEYS = (
    "target",
    "http",
    "workdir",
    "kernel_obj",
    "image",
    "sshkey",
    "syzkaller",
    "procs",
    "type",
    "vm",
    "cover",
    "enable_syscalls",
    "disable_syscalls",
    "cover_filter",
    "reproduce",
    "sandbox",
    "name",
    "rpc",
    "kernel_src",
    "kernel_build_src",
    "module_obj",
    "tag",
    "ssh_user",
    "max_crash_logs",
    "sandbox_arg",
    "snapshot",
    "raw_cover",
    "fuzzing_vms",
    "preserve_corpus",
    "no_mutate_syscalls",
    "suppressions",
    "ignores",
    "interests",
    "strace_bin",
    "run_fsck",
    "experimental",
    "Experimental",
)
_VM_KEYS = (
    "count",
    "cpu",
    "mem",
    "kernel",
    "cmdline",
    "qemu",
    "qemu_args",
    "initrd",
    "image_device",
    "network_device",
    "snapshot",
    "efi_code_device",
    "efi_vars_device",
    "targets",
    "target_dir",
    "target_reboot",
    "usb_device_num",
    "startup_script",
    "pstore",
    "system_ssh_cfg",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where syzkaller is; ``wrong`` are sentences on what would keep it from fuzzing the target, with what to do."""

    place: Path
    revision: str = ""
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """What syz-manager starts: kernel, disk image with an ssh server, and the key that it lets in; memory in MiB.

    ``initrd`` is the ramdisk of an image of vexlab's, ``None`` for a whole system of the user's.
    """

    kernel: Path
    image: Path
    key: Path
    initrd: Path | None = None
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
    contents = {name: (place / name).read_bytes() for name in _PROGRAMS}
    executor = contents[EXECUTOR]
    linked = {name: match[1].decode() for name, data in contents.items() if (match := _LINKED.search(data))}
    wrong = []
    if len(set(linked.values())) > 1:
        words = ", ".join(f"{name.rpartition('/')[2]} {revision[:12]}" for name, revision in linked.items())
        wrong.append(f"its programs are of several revisions ({words}): run `make` in it again")
    else:
        digests = set(_DIGEST.findall(executor))
        strange = [name for name in (MANAGER, EXECPROG) if any(digest not in contents[name] for digest in digests)]
        wrong += [f"its {name.rpartition('/')[2]} and its executor are of several revisions, or were built with "
                  "different descriptions: run `make` in it again" for name in strange]  # fmt: skip
    missing = [call.name for call in interface.calls if f"ioctl${call.name}".encode() not in executor]
    if missing:
        wrong.append(
            f"its executor does not know {len(missing)} of {len(interface.calls)} ioctls ({missing[0]}): copy the "
            "files of `vexlab fuzz syzkaller --describe` to its sys/linux and run `make`"
        )
    return Installation(place=place, revision=linked.get(MANAGER, ""), wrong=tuple(wrong))


def configuration(
    place: Path, workdir: Path, machines: Machines, calls: Iterable[str], *, port: int, kvm: bool, cover: bool
) -> dict[str, object]:
    """Return syz-manager's configuration: its qemu type, without KVM by emulation.

    ``calls`` are those of the target's descriptions. ``place`` holds `bin` and, for seeds, `sys/linux/test`.
    """
    own = {"initrd": str(machines.initrd), "image_device": _DISK, "network_device": _CARD} if machines.initrd else {}
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
        # Under emulation each of its machines boots for a minute; vexlab shows crashes again in restored ones.
        "reproduce": kvm,
        "run_fsck": False,  # it would run on this host
        "enable_syscalls": [*calls, *_FILE_CALLS],
        "vm": {
            "count": machines.count,
            "cpu": machines.cpus,
            "mem": machines.memory,
            "kernel": str(machines.kernel),
            "cmdline": machines.append,
            "qemu_args": _KVM if kvm else _NO_KVM,
            **own,
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
    own = ours["vm"] if given.get("type", ours.get("type")) == ours.get("type") else {}  # keys of a type are its own
    merged_vm = {**own, **vm} if isinstance(own, dict) else vm
    return {**ours, **given, "vm": merged_vm}


def text_of(file: Path) -> str:
    """Return the first ``LOG_MOST`` bytes of a file of syz-manager's; raise ``InfraError``."""
    try:
        with file.open("rb") as opened:
            return opened.read(LOG_MOST).decode(errors="replace")
    except OSError as error:
        raise InfraError(f"{file} cannot be read: {error}") from error


def manager_argv(place: Path, config: Path) -> tuple[str, ...]:
    """Return the command that runs syz-manager."""
    return (str(place / MANAGER), "-config", str(config))
