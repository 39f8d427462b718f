"""What doctor concludes from what it sees; the looks themselves are given, not faked."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from vexlab.doctor import emulator, host
from vexlab.doctor.check import Check, Examination
from vexlab.doctor.packages import FAMILIES, PROGRAMS, family_of, remedy
from vexlab.kernels.tools import BUILD_TOOLS
from vexlab.model.machine import Accelerator
from vexlab.targets.sandbox import Proof
from vexlab.vm.accel import Proved


@pytest.mark.parametrize(
    ("os_release", "family"),
    [
        ('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n', "debian"),
        ("ID=ubuntu\nID_LIKE=debian\n", "debian"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "fedora"),
        ("ID=fedora\nVERSION_ID=41\n", "fedora"),
        ("ID=manjaro\nID_LIKE=arch\n", "arch"),
        ("ID=alpine\n", "alpine"),
        ("ID=nixos\n", ""),
        ('ID="broken\n', ""),
        ("", ""),
    ],
)
def test_families_are_known_by_id_or_likeness(os_release: str, family: str) -> None:
    assert family_of(os_release) == family


def test_every_need_names_a_package_in_every_family() -> None:
    assert all(len(need.packages) == len(FAMILIES) and all(need.packages) for need in PROGRAMS)


def test_a_known_family_gets_its_command_an_unknown_one_all() -> None:
    needs = [need for need in PROGRAMS if need.anyof[0] in ("qemu-system-x86_64", "ld", "strip")]
    assert remedy(needs, "fedora") == "sudo dnf install qemu-system-x86-core binutils"
    assert remedy(needs, "alpine") == "sudo apk add qemu-system-x86_64 binutils"
    everything = remedy(needs, "")
    assert all(f"{family}: sudo " in everything for family in FAMILIES)


def test_missing_programs_are_named_with_their_packages() -> None:
    here = {"gcc": "/usr/bin/gcc", "make": "/usr/bin/make"}
    checks = {check.name: check for check in host.programs(here.get, "arch")}
    assert checks["make"].ok
    assert checks["gcc-12 or gcc"].detail == "/usr/bin/gcc"
    assert not checks["depmod"].ok
    assert checks["depmod"].fix == "sudo pacman -S kmod"
    assert not checks["ssh"].needed, "without ssh everything but `vm ssh` works"


def test_the_build_sandbox_is_advice_unless_it_is_required() -> None:
    holds, fails = Proof(works=True, words="bubblewrap 0.8.0"), Proof(works=False, words="bwrap: no permission")
    assert host.build_sandbox(holds, "debian", installed=True, required=True).ok
    lacks = host.build_sandbox(fails, "debian", installed=False, required=False)
    assert (lacks.ok, lacks.needed, lacks.fix) == (False, False, "sudo apt-get install bubblewrap")
    forbidden = host.build_sandbox(fails, "debian", installed=True, required=True)
    assert forbidden.needed
    assert "no permission" in forbidden.detail
    assert "user namespaces" in forbidden.fix


def test_only_what_is_needed_keeps_vexlab_from_working() -> None:
    advice = Check(name="a", ok=False, detail="", needed=False)
    lack = Check(name="b", ok=False, detail="")
    broken = {Accelerator.KVM: Proved(usable=False, reason="guest made no progress in 10 s")}
    assert Examination(accelerators=broken, checks=(advice,)).ok
    assert not Examination(accelerators=broken, checks=(advice, lack)).ok


def test_room_and_paths(tmp_path: Path) -> None:
    assert host.memory(400 << 20, 256).ok
    assert not host.memory(300 << 20, 256).ok
    assert host.cores(1).needed is False
    assert host.short_enough(Path("/tmp")).ok
    assert not host.short_enough(Path("/" + "x" * 90)).ok
    assert host.writable("cache", tmp_path / "not" / "yet", "VEXLAB_CACHE").ok
    assert not host.writable("cache", Path("/proc/nowhere"), "VEXLAB_CACHE").ok
    assert all(check.ok or check.fix for check in host.disk(tmp_path))
    assert not host.keyring("alpine", tmp_path / "none").ok


def test_qemus_listings_are_read() -> None:
    assert not emulator.missing_machine("pc    Standard PC\nq35                  Standard PC (Q35 + ICH9, 2009)\n")
    assert emulator.missing_machine("Supported machines are:\npc-q35-7.2           Standard PC\n")
    listing = 'name "virtio-blk-pci", bus PCI, alias "virtio-blk"\nname "virtserialport", bus virtio-serial-bus\n'
    assert emulator.missing_devices(listing) == ("virtio-serial-pci", "virtio-net-pci", "isa-debug-exit")


def test_what_builds_kernels_is_installed_or_unpacked() -> None:
    absent = [tool for tool in BUILD_TOOLS if tool.name in ("gcc", "flex")]
    checks = {check.name: check for check in host.for_kernels(absent, "debian")}
    assert set(checks) == {tool.name for tool in BUILD_TOOLS}
    assert (checks["gcc"].ok, checks["gcc"].needed, checks["gcc"].fix) == (False, True, "sudo apt-get install gcc")
    assert (checks["flex"].ok, checks["flex"].needed) == (False, False)
    assert "unpacked into the cache" in checks["flex"].detail
    assert checks["bison"].ok


def test_the_hosts_resources_are_shown_until_ctrl_c(tmp_path: Path) -> None:
    # A shell's background job has Ctrl-C ignored, and hands that down.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "vexlab", "doctor", "--watch"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout
        lines = [child.stdout.readline() for _ in range(2)]
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=60)
    assert lines[0].split()[:2] == ["time", "CPU"]
    assert re.match(r"\d\d:\d\d:\d\d +\d+ +\d+\.\d +\d+\.\d GiB", lines[1])
    assert child.returncode == 130
