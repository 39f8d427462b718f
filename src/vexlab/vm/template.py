"""A machine saved once and started from that state for every case.

The guest's memory is a file that each machine maps copy-on-write, so a fresh machine costs a new QEMU process
and the state of its devices (400 kB), not a copy of the memory. This is QEMU's "VM templating": the memory backend is
shared while the template is made, private afterwards, and the migration capability ``x-ignore-shared`` keeps it out of
the stream.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from vexlab.deadline import Deadline
from vexlab.errors import BootPanic, GuestTimeout, HostBusy, MachineError, MachineLost
from vexlab.model.machine import MachineSpec
from vexlab.vm.argv import MachineFiles, Start
from vexlab.vm.machine import Machine
from vexlab.vm.qmp import Qmp

_MEMORY = "memory"
_STATE = "state"
_BOOT_LOG = "boot.log"
_RUNNER = "runner"  # a file that is there where the guest runs its command runner
_MIGRATE_S = 60.0
_LAST_WORDS = 1000
_PANIC_WORDS = 5000  # what it panicked of stands before the registers
_UPTIME = re.compile(r"(\d+\.\d+) ")
_FASTEST = 1.2  # times as fast may a guest's clock be since its start; a sound one is behind, by the firmware's time
_PANIC = "Kernel panic - not syncing"


def save(spec: MachineSpec, work: Path, prepare: Callable[[Machine], None], into: Path, *, boot_s: float) -> None:
    """Boot ``spec`` in ``work``, let ``prepare`` set the guest up, and leave the template in ``into``.

    Raises ``HostBusy`` where the guest's clock came out wrong, since every machine would have it from the template, and
    ``BootPanic`` where its kernel panicked.
    """
    memory = into / _MEMORY
    memory.unlink(missing_ok=True)
    began = time.monotonic()
    with Machine.launch(spec, work, Start(memory=memory, keep_memory=True)) as machine:
        machine.watch = _end_at_panic
        try:
            machine.wait_ready(boot_s)
        except (GuestTimeout, MachineLost) as error:
            text = machine.console.text()
            said = text[-(_PANIC_WORDS if _PANIC in text else _LAST_WORDS) :].strip()
            seconds = boot_s * spec.timeout_scale
            why = f"within {seconds:.0f} s" if isinstance(error, GuestTimeout) else f"({error.message})"
            kind = BootPanic if _PANIC in text else MachineError
            raise kind(f"a guest did not boot {why}; it last said:\n{said}") from error
        machine.watch = None
        prepare(machine)
        uptime = machine.ash("cat /proc/uptime").text
        check_clock(uptime, time.monotonic() - began)
        _save(machine, into)


def check_clock(uptime: str, passed: float) -> None:
    """Raise ``HostBusy`` where a guest counted more than the ``passed`` seconds since its QEMU was started.

    The kernel measures its processor's counter against another clock while it boots, for some milliseconds
    (arch/x86/kernel/tsc.c, with the interval timer). Where the host runs something else just then, the counter seems
    slow, and seconds are too short ever after: a guest of a 2.6 GHz host found 0.38 GHz, and 18 s were 120 s to its
    hung task detector. ``uptime`` is what ``/proc/uptime`` says (proc(5)).
    """
    # 1196.86 2310.44
    match = _UPTIME.match(uptime)
    if match and float(match[1]) > passed * _FASTEST:
        raise HostBusy(f"the guest's clock counted {float(match[1]):.0f} s in {passed:.0f} s of the host's")


def _end_at_panic(text: str) -> None:
    """Tell at once of a kernel that panics while it boots, rather than at the deadline."""
    if _PANIC in text:
        raise MachineLost("its kernel panicked")


def derive(base: Path, spec: MachineSpec, work: Path, prepare: Callable[[Machine], None], into: Path) -> None:
    """Start the template ``base``, let ``prepare`` change the guest, and leave a new template in ``into``: no boot."""
    _copy_sparse(base / _MEMORY, into / _MEMORY)
    with _start(base, spec, work, Start(memory=into / _MEMORY, keep_memory=True, incoming=True)) as machine:
        prepare(machine)
        _save(machine, into)
    boot = (base / _BOOT_LOG).read_bytes()
    (into / _BOOT_LOG).write_bytes(boot + (into / _BOOT_LOG).read_bytes())


def start(
    template: Path,
    spec: MachineSpec,
    work: Path,
    disks: Mapping[str, Path] | None = None,
    *,
    single_thread_tcg: bool = False,
) -> Machine:
    """Return a fresh machine in the template's state; its console starts empty.

    ``disks`` are files to begin with instead of the template's, by the disk's serial; they are copied.
    ``single_thread_tcg`` is as in ``Start``: it is no part of the state, so that one template serves both.
    """
    return _start(template, spec, work, start_of(template, single_thread_tcg=single_thread_tcg), disks)


def start_of(template: Path, *, single_thread_tcg: bool) -> Start:
    """Return how a machine comes up from ``template``."""
    return Start(memory=template / _MEMORY, incoming=True, single_thread_tcg=single_thread_tcg)


def boot_log(template: Path) -> str:
    """Return what the console said until the template was saved."""
    return (template / _BOOT_LOG).read_text(errors="replace")


def _start(
    template: Path, spec: MachineSpec, work: Path, start: Start, disks: Mapping[str, Path] | None = None
) -> Machine:
    files = MachineFiles(work)
    for disk in spec.disks:
        if not disk.readonly:
            source = (disks or {}).get(disk.serial, template / files.disk(disk).name)
            shutil.copyfile(source, files.disk(disk))
    machine = Machine.launch(spec, work, start)
    try:
        machine.commands.has_runner = (template / _RUNNER).exists()
        machine.commands.connect()
        with (template / _STATE).open("rb") as state:
            _ignore_shared(machine.qmp)
            machine.qmp.command("getfd", {"fdname": _STATE}, descriptors=(state.fileno(),))
            machine.qmp.command("migrate-incoming", {"uri": f"fd:{_STATE}"})
        for _ in Deadline.after(_MIGRATE_S).poll(0.002, 0.02):
            status = machine.qmp.command("query-status")["status"]
            if status != "inmigrate":
                break
        if status not in ("paused", "running", "postmigrate"):
            raise MachineError(f"the snapshot {template.name} did not come up: QEMU says {status}")
        machine.qmp.command("cont")
    except BaseException:
        machine.close()
        raise
    return machine


def _save(machine: Machine, into: Path) -> None:
    machine.qmp.command("stop")
    _ignore_shared(machine.qmp)
    with (into / _STATE).open("wb") as state:
        machine.qmp.command("getfd", {"fdname": _STATE}, descriptors=(state.fileno(),))
        machine.qmp.command("migrate", {"uri": f"fd:{_STATE}"})
    for _ in Deadline.after(_MIGRATE_S).poll(0.002, 0.02):
        status = machine.qmp.command("query-migrate")["status"]
        if status in ("completed", "failed", "cancelled"):
            break
    if status != "completed":
        raise MachineError(f"the machine could not be saved: QEMU says {status}")
    machine.kill()
    if machine.commands.has_runner:
        (into / _RUNNER).touch()
    for disk in machine.spec.disks:
        if not disk.readonly:
            file = machine.files.disk(disk)
            shutil.copyfile(file, into / file.name)
    shutil.copyfile(machine.files.console_log, into / _BOOT_LOG)


def _ignore_shared(qmp: Qmp) -> None:
    capability = {"capability": "x-ignore-shared", "state": True}
    qmp.command("migrate-set-capabilities", {"capabilities": [capability]})


def _copy_sparse(source: Path, target: Path) -> None:
    """Copy a file and keep its holes: a guest's memory is mostly untouched."""
    with source.open("rb") as reader, target.open("wb") as writer:
        size = os.fstat(reader.fileno()).st_size
        os.ftruncate(writer.fileno(), size)
        offset = 0
        while offset < size:
            try:
                start = os.lseek(reader.fileno(), offset, os.SEEK_DATA)
            except OSError:  # ENXIO: nothing but a hole is left
                return
            end = os.lseek(reader.fileno(), start, os.SEEK_HOLE)
            os.lseek(writer.fileno(), start, os.SEEK_SET)
            os.lseek(reader.fileno(), start, os.SEEK_SET)
            remaining = end - start
            while remaining:
                remaining -= os.sendfile(writer.fileno(), reader.fileno(), None, remaining)
            offset = end
