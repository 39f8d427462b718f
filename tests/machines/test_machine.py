"""Machines: fresh ones fast, commands and files intact, memory and disks restored, nothing left behind."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.machines.conftest import working_in
from vexlab.cache import Kind
from vexlab.config import Settings
from vexlab.errors import GuestTimeout, InfraError, MachineError, MachineLost
from vexlab.guest.block import device_of
from vexlab.guest.module import GuestModule
from vexlab.lab import BOOT_S, Lab, Order
from vexlab.observe.kernelmemory import read_log, read_taint
from vexlab.observe.postmortem import examine, instruction_pointers
from vexlab.vm.files import SECTIONS
from vexlab.vm.machine import Machine
from vexlab.vm.preparation import Preparation
from vexlab.vm.qemu import find_qemu
from vexlab.vm.room import available_memory

pytestmark = pytest.mark.machine


def test_every_machine_is_fresh(lab: Lab, order: Order) -> None:
    with lab.machine(order) as first:
        assert first.shell("echo dirt >/tmp/dirt; echo dirt >/root/dirt").ok
    with lab.machine(order) as second:
        assert not second.exec(["cat", "/tmp/dirt"]).ok
        assert not second.exec(["cat", "/root/dirt"]).ok


def test_two_machines_side_by_side_do_not_meet(lab: Lab, order: Order) -> None:
    with lab.machine(order) as one, lab.machine(order) as two:
        device = device_of(one, "scratch")
        assert one.shell(f"echo one >{device}; sync").ok
        assert two.shell(f"head -c 3 {device} | tr -d '\\0'").text == ""


def test_status_streams_and_binary(lab: Lab, order: Order) -> None:
    with lab.machine(order) as machine:
        result = machine.shell("printf 'a\\0\\377'; echo err >&2; exit 7")
        assert (result.status, result.stdout, result.stderr) == (7, b"a\0\xff", b"err\n")
        assert machine.shell("kill -9 $$").signal == 9
        assert machine.exec(["no-such-program"]).status == 127
        assert machine.exec(["cat"], stdin=b"x" * 200_000).stdout == b"x" * 200_000
        big = machine.shell("head -c 8000000 /dev/zero | tr '\\0' x")
        assert (len(big.stdout), big.truncated) == (8_000_000, False)


@pytest.mark.parametrize("size", [0, 1, (1 << 20) + 7, 64 << 20])
def test_files_arrive_intact_both_ways(lab: Lab, order: Order, size: int) -> None:
    data = os.urandom(min(size, 1 << 20)) * (size // (1 << 20) + 1)
    data = data[:size]
    with lab.machine(order) as machine:
        machine.push(data, "/tmp/file", timeout=120)
        seen = machine.exec(["sha256sum", "/tmp/file"], timeout=120).text.split()[0]
        assert seen == hashlib.sha256(data).hexdigest()
        assert hashlib.sha256(machine.pull("/tmp/file", timeout=120)).hexdigest() == seen


def test_a_command_that_does_not_end_is_left_at_its_deadline(lab: Lab, order: Order) -> None:
    with lab.machine(order) as machine:
        begin = time.monotonic()
        with pytest.raises(GuestTimeout) as caught:
            machine.exec(["sleep", "60"], timeout=1)
        assert time.monotonic() - begin < 5
        assert caught.value.pid > 1
        assert machine.exec(["echo", "still here"]).text == "still here"


def test_memory_and_disk_go_back_together(lab: Lab, order: Order) -> None:
    with lab.machine(order) as machine:
        device = device_of(machine, "scratch")
        assert machine.shell(f"echo before >/tmp/memory; echo before >{device}; sync").ok
        machine.snapshot("kept")
        pid = machine.pid
        assert machine.shell(f"echo after >/tmp/memory; echo after >{device}; sync").ok
        machine.restore("kept")
        assert machine.exec(["cat", "/tmp/memory"]).text == "before"
        assert machine.shell(f"echo 3 >/proc/sys/vm/drop_caches; head -1 {device}").text == "before"
        assert machine.pid == pid, "the restore happens in the running process"
        with pytest.raises(MachineError):
            machine.restore("never taken")


def test_power_off_is_clean(lab: Lab, order: Order) -> None:
    with lab.machine(order) as machine:
        machine.poweroff()
        assert not machine.alive


def test_a_dead_machine_is_said_to_be_dead(lab: Lab, order: Order) -> None:
    with lab.machine(order) as machine:
        machine.kill()
        with pytest.raises(MachineLost):
            machine.exec(["true"])


def test_nothing_is_left_after_an_exception(lab: Lab, order: Order) -> None:
    folder = None
    with contextlib.suppress(ZeroDivisionError), lab.machine(order) as machine:
        folder = machine.files.folder
        assert working_in(folder)
        raise ZeroDivisionError
    assert folder is not None
    assert not working_in(folder)
    assert not folder.exists()


def test_a_stuck_kernel_can_still_be_asked(lab: Lab, order: Order) -> None:
    with lab.machine(order) as machine:
        with pytest.raises(GuestTimeout) as caught:
            machine.exec(["insmod", "/vexlab/planted.ko", "bug=spin"], timeout=2)
        seen = examine(machine, caught.value.pid)
        assert "planted_spin" in seen.backtraces
        assert len(instruction_pointers(seen.registers)) == machine.spec.cpus


def test_a_module_that_fails_the_first_time_did_not_load(lab: Lab, order: Order) -> None:
    """busybox's insmod asks the kernel twice, by two calls, so that such a module seemed sound."""
    with lab.machine(order) as machine:
        module = GuestModule(machine, order.target)
        first = module.insert(module.path, "bug=once")
        assert not first.ok
        assert "could not insert module /vexlab/planted.ko: Cannot allocate memory" in first.error_text
        assert module.state() is None
        assert module.insert(module.path, "bug=once").ok
        again = module.insert(module.path)
        assert "File exists" in again.error_text


def test_asking_a_machine_leaves_its_console_as_it_was_said(lab: Lab, order: Order) -> None:
    with lab.machine(order) as machine:
        for _ in range(10):
            examine(machine)
        said = machine.shell("dmesg | tail -n 200").text.splitlines()
        written = set(machine.console.text().splitlines())
        assert [line for line in said if line not in written] == []


def test_the_console_is_whole_from_its_first_byte(lab: Lab, order: Order) -> None:
    assert lab.boot_log(order).lstrip("\0").startswith("[    0.000000] Linux version 6.1")
    with lab.machine(order) as machine:
        machine.shell("echo 'marked line' >/dev/kmsg")
        assert "marked line" in machine.console.text()


def test_a_guest_without_network_has_none(lab: Lab, order: Order) -> None:
    with lab.machine(order) as machine:
        assert machine.shell("ls /sys/class/net").text.split() == ["lo"]


def test_another_qemu_means_another_snapshot(lab: Lab, order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    before, _ = lab.snapshot(order)
    other = dataclasses.replace(find_qemu(), version="99.0 (another build)")
    monkeypatch.setattr("vexlab.lab.snapshots.find_qemu", lambda: other)
    keys: list[str] = []

    def remember(_kind: str, key: str, _build: object) -> Path:
        keys.append(key)
        return before

    monkeypatch.setattr(lab.cache, "make", remember)
    lab.snapshot(order)
    assert keys
    assert before.name not in keys


@pytest.mark.parametrize(("damage", "memory"), [("memory", 192), ("state", 200), ("scratch.qcow2", 208)])
def test_a_spoilt_snapshot_is_made_anew(lab: Lab, order: Order, damage: str, memory: int) -> None:
    order = dataclasses.replace(order, memory=memory)  # a snapshot of its own: other tests run beside this one
    folder, _ = lab.snapshot(order)
    with (folder / damage).open("r+b") as file:
        file.truncate(100)
    with lab.machine(order) as machine:
        assert machine.exec(["true"]).ok


def test_too_little_memory_is_said_so() -> None:
    wanted = (available_memory() >> 20) + 1024
    with Lab(dataclasses.replace(Settings(), memory=wanted)) as big, pytest.raises(InfraError, match="of memory are"):
        big.check_room()


_SPIN = "while True: pass"


def test_a_deadline_comes_on_a_busy_host(lab: Lab, order: Order) -> None:
    """A guest that spins wants a CPU all the time; its deadline of 20 s comes within 60 s all the same."""
    with lab.machine(order) as machine:
        assert machine.exec(["true"]).ok
        busy = [subprocess.Popen([sys.executable, "-c", _SPIN]) for _ in range(2 * (os.cpu_count() or 1))]
        try:
            begun = time.monotonic()
            with pytest.raises(GuestTimeout, match=r"`busybox sh .*` did not end within 2\d\.\d s"):
                machine.exec(["busybox", "sh", "-c", "while :; do :; done & while :; do :; done"], timeout=20)
            assert time.monotonic() - begun < 60
        finally:
            for each in busy:
                each.kill()
                each.wait()


def test_a_kernel_that_panics_while_it_boots_is_told_at_once(lab: Lab, order: Order) -> None:
    wrong = dataclasses.replace(order, append="rdinit=/nowhere root=/dev/nowhere")
    begun = time.monotonic()
    with pytest.raises(MachineError, match="its kernel panicked"):
        lab.snapshot(wrong)
    assert time.monotonic() - begun < BOOT_S  # of two boots


def test_qemu_reads_taint_and_log_from_memory(lab: Lab, order: Order) -> None:
    with lab.machine(order) as machine:
        assert read_taint(machine) == int(machine.ash("cat /proc/sys/kernel/tainted").text)
        machine.shell("echo vexlab reads this >/dev/kmsg; echo 16 >/proc/sys/kernel/tainted")
        machine.qmp.command("stop")
        assert read_taint(machine) == 16
        assert "vexlab reads this\n" in read_log(machine)


def test_whoever_looks_before_the_end_still_finds_the_machine(lab: Lab, order: Order) -> None:
    seen: list[int | None] = []
    with lab.machine(order) as machine:
        machine.before_kill = lambda: seen.append(read_taint(machine))
        machine.shell("echo 512 >/proc/sys/kernel/tainted")
    assert [value and value & 512 for value in seen] == [512]


def test_a_push_takes_the_place_of_a_file_and_writes_into_a_device(lab: Lab, order: Order) -> None:
    with lab.machine(order) as machine:
        machine.push(b"new", "/tmp/file", mode=0o600)
        machine.push(b"newer", "/tmp/file", mode=0o640)
        assert machine.ash("cat /tmp/file; stat -c %a /tmp/file; ls -A /tmp | grep -c part").text == "newer640\n0"
        device = device_of(machine, "scratch")
        machine.push(b"into the device", device, mode=0o660)
        assert machine.ash(f"head -c 15 {device}").text == "into the device"
        with pytest.raises(MachineError, match="Is a directory"):
            machine.push(b"x", "/tmp")


def test_where_a_modules_code_lay_is_noted_before_it_goes(lab: Lab, order: Order) -> None:
    with lab.machine(order) as machine:
        module = GuestModule(machine, order.target)
        assert module.load().ok
        machine.kmemleak = True  # on such kernels it is noted
        assert module.unload().ok
        assert module.load().ok
        assert module.unload().ok
        noted = machine.ash(f"cat {SECTIONS}").text.splitlines()
    assert len(noted) == 2, noted
    assert all(re.fullmatch(r"0xffffffff[0-9a-f]{8}", each) for each in noted), noted


def test_the_taint_is_read_while_a_machine_is_taken_further(lab: Lab, order: Order) -> None:
    seen: list[int | None] = []

    def change(machine: Machine) -> None:
        seen.append(read_taint(machine))
        machine.ash("echo 512 >/proc/sys/kernel/tainted")
        seen.append(read_taint(machine))

    further = Preparation(words="tainting it", key="taint", change=change)
    made, _ = lab.snapshot(dataclasses.replace(order, preparation=further))
    lab.cache.drop(Kind.SNAPSHOTS, made.name)
    assert [value is not None and value & 512 for value in seen] == [0, 512]
