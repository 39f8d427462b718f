"""Runs in machines of images that others made: the same verdicts as in vexlab's own, each case in a fresh machine."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.machines.conftest import CASES, PLANTED, Run, Vm
from tests.machines.test_verdicts import told_as_expected
from vexlab.guest.adopted import MEANINGS

pytestmark = [pytest.mark.machine, pytest.mark.long]

STATE_CASES = '''
import pytest

@pytest.mark.parametrize("number", [1, 2])
def test_fresh(machine, number):
    """What another case left behind is not there: neither its file, nor its mount, nor its module."""
    assert not machine.ash("ls /root/left").ok
    assert " /mnt/left " not in machine.ash("cat /proc/mounts").text
    assert "planted " not in machine.ash("cat /proc/modules").text
    left = "mkdir -p /mnt/left && mount -t tmpfs left /mnt/left && echo 1 >/root/left && sync"
    assert machine.ash(left).ok
    assert machine.exec(["insmod", "/vexlab/planted.ko"]).ok

def test_first_process(machine, record_property):
    """The image's own system runs, with its own first process and kernel."""
    assert machine.ash("cat /proc/1/comm").text == "FIRST"
    assert machine.ash("cat /etc/mark").text == "MARK"
'''
_PACKAGES = "systemd-sysv,udev,dbus,openssh-server,linux-image-cloud-amd64,e2fsprogs,iproute2,kmod,attr"


@pytest.fixture(scope="module")
def small(vm: Vm, tiny: Path) -> Iterator[str]:
    """Return the name of a machine of the tar with busybox as first process, which is stopped."""
    vm("create", "small", "--image", str(tiny), "--kernel", "6.1", "--memory", "256", "--disk", "1", "--vnc-port", "0")
    vm("exec", "small", "--", "sh", "-c", "echo small >/etc/mark; sync")
    vm("stop", "small", "--timeout", "60")
    yield "small"
    vm("rm", "--force", "small")


@pytest.fixture(scope="module")
def debian(vm: Vm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the name of a machine of Debian with systemd, sshd and a kernel of its own, which is stopped."""
    if not shutil.which("mmdebstrap"):
        pytest.skip("mmdebstrap, which makes an image of Debian, is not installed")
    tar = tmp_path_factory.mktemp("debian") / "debian.tar"
    argv = ["mmdebstrap", "--variant=minbase", f"--include={_PACKAGES}", "bookworm", str(tar)]
    subprocess.run(argv, check=True, capture_output=True, timeout=900)
    vm("create", "debian", "--image", str(tar), "--memory", "768", "--disk", "2", "--vnc-port", "0")
    vm("exec", "debian", "--", "sh", "-c", "echo debian >/etc/mark; sync")
    vm("stop", "debian", "--timeout", "120")
    yield "debian"
    vm("rm", "--force", "debian")


@pytest.fixture(autouse=True)
def own_state(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `vexlab run` find the machines."""
    monkeypatch.setenv("VEXLAB_STATE", str(state))


def _fresh_machines(vexlab: Callable[..., Run], folder: Path, name: str, first: str) -> None:
    cases = folder / "test_state.py"
    cases.write_text(STATE_CASES.replace("FIRST", first).replace("MARK", name))
    run = vexlab("--target", str(PLANTED), "--image", name, str(cases), timeout=1800)
    assert set(run.verdicts.values()) == {"passed"}, run.document
    assert len(run.document["cases"]) == 3
    (kernel,) = run.document["run"]["provenance"]["kernels"]
    assert (kernel["name"], kernel["image"]["name"]) == (f"image:{name}", name)
    assert len(kernel["image"]["digest"]) == 64
    assert kernel["image"]["lacks"] == [MEANINGS["buffers"]], "they have an ext4 of their own, and all else is seen"
    assert f"no evidence by: {MEANINGS['buffers']}" in run.stderr


def test_a_case_does_not_see_what_another_left(vexlab: Callable[..., Run], small: str, tmp_path: Path) -> None:
    _fresh_machines(vexlab, tmp_path, small, "init")


def test_every_planted_bug_is_told_as_in_an_image_of_vexlabs(
    vexlab: Callable[..., Run], small: str, tmp_path: Path
) -> None:
    run = vexlab("--target", str(PLANTED), "--image", small, str(CASES), timeout=1800)
    told_as_expected(run)
    oops = tmp_path / "r" / run.document["run"]["id"] / run.case("planted.late_oops")["evidence"]
    script = (oops / "reproduce").read_text()
    assert f"--image {small}" in script
    assert "--expect kernel=6.1.0" in script
    done = subprocess.run([str(oops / "reproduce"), "--json", str(tmp_path / "again.json")], timeout=600, check=False)
    assert done.returncode == 1
    (case,) = json.loads((tmp_path / "again.json").read_text())["cases"]
    assert case["findings"][0]["title"] == run.case("planted.late_oops")["findings"][0]["title"]


def test_systemd_with_its_own_kernel(vexlab: Callable[..., Run], debian: str, tmp_path: Path) -> None:
    _fresh_machines(vexlab, tmp_path, debian, "systemd")
    run = vexlab("--target", str(PLANTED), "--image", debian, str(CASES), timeout=1800)
    told_as_expected(run)


def test_the_filesystem_works_there(vexlab: Callable[..., Run], debian: str) -> None:
    """Cases of the domains, with the module built for the image's kernel by Debian's headers."""
    names = ("kernel_module.load", "kernel_module.error_unload_busy", "vector_operations.bad_calls")
    run = vexlab("--image", debian, *(word for name in names for word in ("--case", name)), timeout=1800)
    assert set(run.verdicts.values()) == {"passed"}, run.document
    assert len(run.document["cases"]) >= len(names)


def test_what_cannot_be_is_told(vexlab: Callable[..., Run], vm: Vm, small: str) -> None:
    assert "no machine `none`" in vexlab("--target", str(PLANTED), "--image", "none").stderr
    assert "exclude each other" in vexlab("--target", str(PLANTED), "--image", small, "--kernel", "6.1").stderr
    assert "leave --flavour out" in vexlab("--target", str(PLANTED), "--image", small, "--flavour", "kasan").stderr
    vm("start", small)
    vm("exec", small, "--", "sh", "-c", "echo other >/etc/mark; sync")
    run = vexlab("--target", str(PLANTED), "--image", small)
    assert run.status == 2
    assert f"`vexlab vm stop {small}`" in run.stderr
    vm("stop", small, "--timeout", "60")
