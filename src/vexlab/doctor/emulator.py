"""QEMU: present, new enough, and able to do what our command lines ask of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from vexlab import process
from vexlab.doctor.check import Check
from vexlab.doctor.packages import PROGRAMS, remedy
from vexlab.errors import InfraError
from vexlab.vm.argv import SANDBOX
from vexlab.vm.qemu import Qemu

_ASK_S = 20.0
_DEVICES = ("virtio-blk-pci", "virtio-serial-pci", "virtserialport", "virtio-net-pci", "isa-debug-exit")
_QUIT = b"".join(json.dumps({"execute": name}).encode() + b"\n" for name in ("qmp_capabilities", "quit"))


def missing_machine(listing: str) -> bool:
    """Return whether ``-machine help`` lacks the type that every machine of ours is."""
    return not any(line.split(" ")[0] == "q35" for line in listing.splitlines())


def missing_devices(listing: str) -> tuple[str, ...]:
    """Return the devices of ours that ``-device help`` lacks."""
    # name "virtio-blk-pci", bus PCI, alias "virtio-blk"
    return tuple(device for device in _DEVICES if f'name "{device}"' not in listing)


def examine_qemu(qemu: Qemu, family: str) -> Iterator[Check]:
    """Ask QEMU for what we need of it."""
    fix = f"install a complete QEMU: {remedy(PROGRAMS[:1], family)}"
    yield Check(name="QEMU", ok=True, detail=f"{qemu.version} ({qemu.path})")
    lacks = missing_machine(_ask(qemu, "-machine", "help"))
    yield Check(name="QEMU machine", ok=not lacks, detail="q35" if not lacks else "has no machine q35", fix=fix)
    absent = missing_devices(_ask(qemu, "-device", "help"))
    detail = f"lacks {', '.join(absent)}" if absent else "virtio disks, ports and network"
    yield Check(name="QEMU devices", ok=not absent, detail=detail, fix=fix)
    yield _sandbox(qemu)
    yield _disks()
    user = "user" in _ask(qemu, "-netdev", "help").split()
    detail = "for `vexlab vm ssh`" if user else "built without user networking: no `vexlab vm ssh`"
    yield Check(name="QEMU network", ok=user, detail=detail, fix=fix, needed=False)


def _ask(qemu: Qemu, *question: str) -> str:
    return process.run([qemu.path, *question], timeout=_ASK_S).text


def _sandbox(qemu: Qemu) -> Check:
    """Start QEMU under its sandbox and let it quit; listing options would not say that the kernel takes part."""
    argv = [qemu.path, "-sandbox", SANDBOX, "-machine", "none", "-nodefaults", "-display", "none", "-qmp", "stdio"]
    done = process.run(argv, timeout=_ASK_S, input=_QUIT)
    return Check(
        name="QEMU sandbox",
        ok=done.returncode == 0,
        detail="starts no programs, gains no privileges (seccomp)" if not done.returncode else _last(done),
        fix="install a QEMU built with seccomp",
    )


def _disks() -> Check:
    with tempfile.TemporaryDirectory(prefix="vexlab-") as folder:
        argv = ["qemu-img", "create", "-q", "-f", "qcow2", str(Path(folder, "disk")), "1M"]
        try:
            done = process.run(argv, timeout=_ASK_S)
        except InfraError as error:
            return Check(name="QEMU disks", ok=False, detail=error.message, fix=error.hint)
    detail = "qcow2" if not done.returncode else _last(done)
    return Check(name="QEMU disks", ok=not done.returncode, detail=detail, fix="is the temporary folder full?")


def _last(done: process.Completed) -> str:
    lines = done.error_text.strip().splitlines()
    return lines[-1][:200] if lines else f"status {done.returncode}"
