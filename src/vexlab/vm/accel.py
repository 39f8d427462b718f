"""Accelerators are proved, never guessed: something tiny is booted under a short deadline.

First a ROM of nine bytes runs and leaves through QEMU's debug-exit device; then, where a kernel is
at hand, that kernel boots without a root filesystem until it panics. ``/dev/kvm`` may open, run the first and hang on
the second, so ``kvm`` counts as usable only with both.
"""

from __future__ import annotations

import contextlib
import json
import platform
import time
from dataclasses import dataclass, field
from pathlib import Path

from vexlab import process, temporary
from vexlab.cache import key_of
from vexlab.errors import InfraError
from vexlab.model.machine import Accelerator
from vexlab.vm.argv import CPU
from vexlab.vm.qemu import Qemu

ORDER = (Accelerator.KVM, Accelerator.TCG)  # fastest first
DEADLINE_S = {Accelerator.KVM: 10.0, Accelerator.TCG: 60.0}

# mov dx, 0xf4; mov al, 0x10; out dx, al; hlt; jmp $  -- debug-exit makes QEMU end with (0x10 << 1) | 1
_CODE = bytes.fromhex("baf400 b010 ee f4 ebfd")
_JUMP_TO_START = bytes.fromhex("e90d00")  # at the reset vector, F000:FFF0
_EXIT_STATUS = 33
_DEVICE = Path("/dev/kvm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """Whether an accelerator works here, and how that is known; ``at`` is when it was proved, seconds since 1970."""

    usable: bool
    reason: str
    at: float = field(default_factory=time.time, compare=False)


def prove(
    accel: Accelerator, qemu: Qemu, kernel: Path | None, memory_of: Path | None, *, fresh: bool = False
) -> Proved:
    """Return what an accelerator can do here; ``memory_of`` is the folder that keeps the answer between runs.

    With ``fresh`` it is proved anew, whatever is remembered.
    """
    key = key_of(accel, qemu.version, platform.release(), platform.node(), str(kernel))
    file = memory_of / f"{accel}-{key}.json" if memory_of else None
    if file and not fresh:
        with contextlib.suppress(OSError, ValueError, TypeError):
            return Proved(at=file.stat().st_mtime, **json.loads(file.read_text()))
    answer = _prove(accel, qemu, kernel)
    # What a busy host kept from its end says nothing of tomorrow.
    if file and kernel and (answer.usable or accel is not Accelerator.TCG):
        with contextlib.suppress(OSError):  # a read-only cache only costs the next run a few seconds
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps({"usable": answer.usable, "reason": answer.reason}))
    return answer


def choose(wanted: Accelerator, qemu: Qemu, kernel: Path, memory_of: Path) -> Accelerator:
    """Return the accelerator to use: ``wanted``, or the fastest proved one for ``auto``; raise ``InfraError``."""
    candidates = ORDER if wanted is Accelerator.AUTO else (wanted,)
    reasons = []
    for accel in candidates:
        answer = prove(accel, qemu, kernel, memory_of)
        if answer.usable:
            return accel
        reasons.append(f"{accel}: {answer.reason}")
    raise InfraError(f"no usable accelerator ({'; '.join(reasons)})", hint="`--accel tcg` works on every machine")


def _prove(accel: Accelerator, qemu: Qemu, kernel: Path | None) -> Proved:
    if accel is Accelerator.KVM and not _DEVICE.exists():
        return Proved(usable=False, reason="there is no /dev/kvm")
    opens = f"{_DEVICE} opens, " if accel is Accelerator.KVM else ""
    with temporary.folder("proof") as folder:
        rom = folder / "rom"
        rom.write_bytes(_CODE.ljust(0xFFF0, b"\xff") + _JUMP_TO_START.ljust(16, b"\xff"))
        fault = _boot(accel, qemu, "-bios", str(rom), "-device", "isa-debug-exit,iobase=0xf4,iosize=4")
        if isinstance(fault, str):
            return Proved(usable=False, reason=fault.format(opens=opens))
        if fault.returncode != _EXIT_STATUS:
            return Proved(usable=False, reason=f"{opens}the first guest failed: {_words(fault)}")
        if kernel is None:
            reason = "runs a boot ROM; no kernel at hand yet to prove more (`vexlab kernels fetch`)"
            return Proved(usable=accel is not Accelerator.KVM, reason=reason)
        return _boot_kernel(accel, qemu, kernel, folder / "console", opens)


def _boot_kernel(accel: Accelerator, qemu: Qemu, kernel: Path, console: Path, opens: str) -> Proved:
    arguments = ("-kernel", str(kernel), "-append", "console=ttyS0 panic=-1 mitigations=off", "-no-reboot")
    fault = _boot(accel, qemu, *arguments, "-serial", f"file:{console}")
    said = console.read_text(errors="replace") if console.exists() else ""
    if isinstance(fault, str):
        # Emulation is only slow: an instrumented kernel on a busy host takes minutes. KVM that works is not.
        if accel is Accelerator.TCG and "Linux version" in said:
            return Proved(
                usable=True, reason=f"runs a kernel, which did not come to its end in {DEADLINE_S[accel]:g} s"
            )
        return Proved(usable=False, reason=fault.format(opens=opens))
    if "Linux version" in said and "Kernel panic" in said:
        return Proved(usable=True, reason="booted a kernel")
    return Proved(usable=False, reason=f"{opens}the kernel did not boot: {_words(fault)}")


def _boot(accel: Accelerator, qemu: Qemu, *arguments: str) -> process.Completed | str:
    """Return how QEMU ended, or a sentence (``{opens}`` for what preceded) where it had to be stopped."""
    seconds = DEADLINE_S[accel]
    common = (
        "-accel",
        accel,
        "-cpu",
        CPU[accel],
        "-machine",
        "q35",
        "-m",
        "256M",
        "-nodefaults",
        "-display",
        "none",
    )
    try:
        # Killed we may be, but a guest that spins must not go on for ever.
        prefix = ("setpriv", "--pdeathsig", "KILL")
        return process.run([*prefix, qemu.path, *common, *arguments], timeout=seconds)
    except InfraError:
        return f"{{opens}}guest made no progress in {seconds:g} s"


def _words(done: process.Completed) -> str:
    lines = done.error_text.strip().splitlines()
    return lines[-1][:300] if lines else f"QEMU ended with status {done.returncode}"
