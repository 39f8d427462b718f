"""Folders of the host in a guest: how QEMU is told, what is mounted, what a snapshot says of it."""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

from vexlab.cli.vm.snapshots import _refuse_shares
from vexlab.errors import MachineError, UsageError
from vexlab.model.machine import MachineSpec, Share
from vexlab.vm.argv import MachineFiles, Start, qemu_argv
from vexlab.vm.machine import Machine
from vexlab.vm.shares import mount_shares, mounted_shares

SHARE = Share(tag="t", folder=Path("/a,b"), path="/mnt/src")
SPEC = MachineSpec(kernel=Path("/k"), initrd=Path("/i"), append="", shares=(SHARE,))


@dataclasses.dataclass(frozen=True)
class Said:
    """What a command in a guest said."""

    status: int
    stdout: bytes = b""

    @property
    def ok(self) -> bool:
        return self.status == 0


class Guest:
    """A machine whose shell does nothing but end with a status; ``asked`` are the words of each call."""

    spec = SPEC

    def __init__(self, status: int) -> None:
        self.status = status
        self.asked: list[Sequence[str]] = []

    def ash(self, program: str, *words: str, timeout: float = 0) -> Said:
        self.asked.append((program, *words))
        return Said(self.status)


def _machine(status: int) -> tuple[Machine, Guest]:
    guest = Guest(status)
    return cast("Machine", guest), guest


def test_qemu_gives_the_folder_read_only() -> None:
    argv = qemu_argv(SPEC, MachineFiles(Path("/m")), Start(memory=Path("/m/memory")))
    assert "local,id=t,path=/a,,b,security_model=none,readonly=on,multidevs=remap" in argv
    assert "virtio-9p-pci,fsdev=t,mount_tag=t" in argv
    assert "9p" not in " ".join(
        qemu_argv(dataclasses.replace(SPEC, shares=()), MachineFiles(Path("/m")), Start(memory=Path("/m")))
    )


def test_each_share_is_mounted_by_its_tag_and_place() -> None:
    machine, guest = _machine(0)
    mount_shares(machine)
    ((program, *words),) = guest.asked
    assert words == ["t", "/mnt/src"]
    assert subprocess.run(["sh", "-n", "-c", program], check=False).returncode == 0
    assert "ro," in program


def test_a_kernel_without_9p_is_the_users_to_change() -> None:
    with pytest.raises(UsageError, match="no 9p") as caught:
        mount_shares(_machine(3)[0])
    assert "6.1-amd64" in str(caught.value.hint)
    with pytest.raises(MachineError, match="cannot be mounted"):
        mount_shares(_machine(32)[0])


def test_no_snapshot_is_taken_while_a_folder_is_mounted() -> None:
    mounted, free = _machine(0)[0], _machine(1)[0]
    assert mounted_shares(mounted) == [SHARE]
    assert mounted_shares(free) == []
    _refuse_shares("m", free)
    with pytest.raises(UsageError, match="while /mnt/src is mounted") as caught:
        _refuse_shares("m", mounted)
    assert "vexlab vm exec m -- umount /mnt/src" in str(caught.value.hint)
