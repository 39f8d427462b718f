"""Emulation that is only slow counts as usable, and what a busy host kept from its end is not remembered."""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.model.machine import Accelerator
from vexlab.vm import accel
from vexlab.vm.qemu import Qemu

# Ends as the boot ROM makes QEMU end; with a kernel it prints to the serial line's file, and never ends.
_FAKE = """#!/bin/sh
case "$*" in
    *-kernel*) for word; do case $word in file:*) echo "$WORDS" >"${word#file:}" ;; esac; done; exec sleep 60 ;;
    *) exit 33 ;;
esac
"""


@pytest.fixture
def qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Qemu:
    program = tmp_path / "qemu"
    program.write_text(_FAKE)
    program.chmod(0o755)
    monkeypatch.setattr(accel, "DEADLINE_S", dict.fromkeys(accel.DEADLINE_S, 2.0))
    monkeypatch.setattr(accel, "_DEVICE", program)
    monkeypatch.setenv("WORDS", "[    0.000000] Linux version 6.1.192-vexlab-kasan")
    return Qemu(path=str(program), version="7.2")


def test_a_kernel_that_boots_slowly_proves_emulation(qemu: Qemu, tmp_path: Path) -> None:
    assert accel.prove(Accelerator.TCG, qemu, tmp_path / "vmlinuz", None).usable


def test_kvm_that_does_not_come_to_its_end_is_not_usable(qemu: Qemu, tmp_path: Path) -> None:
    assert not accel.prove(Accelerator.KVM, qemu, tmp_path / "vmlinuz", None).usable


def test_a_silent_guest_is_not_usable_and_is_asked_again(
    qemu: Qemu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as silent:
        silent.setenv("WORDS", "")
        assert not accel.prove(Accelerator.TCG, qemu, tmp_path / "vmlinuz", tmp_path / "kept").usable
    assert accel.prove(Accelerator.TCG, qemu, tmp_path / "vmlinuz", tmp_path / "kept").usable
    monkeypatch.setenv("WORDS", "")
    assert accel.prove(Accelerator.TCG, qemu, tmp_path / "vmlinuz", tmp_path / "kept").usable, "a proof is remembered"
