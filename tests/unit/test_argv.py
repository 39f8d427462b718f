"""QEMU's command line follows from the spec alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from vexlab.model.machine import Accelerator, CacheMode, Disk, Forward, MachineSpec
from vexlab.vm.argv import MachineFiles, Start, qemu_argv

FILES = MachineFiles(Path("/m"))
START = Start(memory=Path("/m/memory"))
SPEC = MachineSpec(
    kernel=Path("/k"),
    initrd=Path("/i"),
    append="console=ttyS0",
    disks=(Disk(serial="root", file=Path("/r"), readonly=True), Disk(serial="scratch", size=64)),
)


def _joined(spec: MachineSpec, start: Start = START) -> str:
    return " ".join(qemu_argv(spec, FILES, start))


def test_equal_specs_give_equal_commands() -> None:
    assert qemu_argv(SPEC, FILES, START) == qemu_argv(dataclasses.replace(SPEC), FILES, START)


def test_the_guest_has_no_network_unless_asked() -> None:
    assert "net" not in _joined(SPEC).replace("-nodefaults", "")


def test_forwards_bind_to_loopback_and_isolate_the_guest() -> None:
    spec = dataclasses.replace(SPEC, network=True, forwards=(Forward(host_port=2222, guest_port=22),))
    assert "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:2222-:22" in _joined(spec)


def test_read_only_disks_are_opened_so() -> None:
    assert "driver=raw,node-name=root,read-only=on,file.driver=file,file.filename=/r" in _joined(SPEC)


@pytest.mark.parametrize(("cache", "flag"), [(CacheMode.UNSAFE, "on"), (CacheMode.WRITEBACK, "off")])
def test_flushes_reach_the_file_unless_unsafe(cache: CacheMode, flag: str) -> None:
    spec = dataclasses.replace(SPEC, disks=(Disk(serial="scratch", size=1, cache=cache),))
    assert f"cache.no-flush={flag}" in _joined(spec)


def test_other_sector_sizes() -> None:
    spec = dataclasses.replace(SPEC, disks=(Disk(serial="d", size=1, sector=4096),))
    assert "logical_block_size=4096" in _joined(spec)


def test_the_cpus_run_at_once_unless_they_may_take_turns() -> None:
    assert "-accel tcg,thread=multi" in _joined(SPEC)
    assert "-accel tcg,thread=single" in _joined(SPEC, dataclasses.replace(START, single_thread_tcg=True))
    kvm = dataclasses.replace(SPEC, accel=Accelerator.KVM)
    assert "-accel kvm -machine" in _joined(kvm, dataclasses.replace(START, single_thread_tcg=True))


def test_a_template_shares_its_memory_and_a_copy_does_not() -> None:
    assert "share=on" in _joined(SPEC, Start(memory=Path("/t"), keep_memory=True))
    assert "mem-path=/t,share=off" in _joined(SPEC, Start(memory=Path("/t"), incoming=True))
    assert "-incoming defer" in _joined(SPEC, Start(memory=Path("/t"), incoming=True))


def test_qemu_may_not_start_programs() -> None:
    assert "spawn=deny" in _joined(SPEC)


def test_the_console_is_logged_by_qemu_itself() -> None:
    assert "logfile=/m/console.log" in _joined(SPEC)


def test_vnc_listens_on_loopback() -> None:
    assert "vnc=127.0.0.1:1" in _joined(dataclasses.replace(SPEC, vnc_port=5901))


def test_an_image_boots_from_its_own_disk_with_a_newer_cpu() -> None:
    disks = (
        Disk(serial="disk", size=64, backing=Path("/cloud.qcow2")),
        Disk(serial="cidata", file=Path("/s"), readonly=True),
    )
    line = _joined(dataclasses.replace(SPEC, own_kernel=True, disks=disks))
    assert "-kernel" not in line
    assert "-initrd" not in line
    assert "-append" not in line
    assert "-cpu max" in line
    assert "i8042=off" not in line, "its screen has a keyboard"
    assert "serial=disk,rerror=stop,werror=stop,bootindex=0" in line
    assert line.count("bootindex") == 1
    assert "bootindex" not in _joined(SPEC)


def test_a_network_is_open_and_recorded_only_on_request() -> None:
    closed = dataclasses.replace(SPEC, network=True)
    assert "restrict=on" in _joined(closed)
    assert "filter-dump" not in _joined(closed)
    line = _joined(dataclasses.replace(closed, open=True, capture=Path("/a,b.pcap")))
    assert "restrict=off" in line
    assert "filter-dump,id=capture,netdev=net,file=/a,,b.pcap" in line
