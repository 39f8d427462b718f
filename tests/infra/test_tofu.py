"""OpenTofu makes what an environment describes on a real libvirt, nothing twice, and removes all of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.infra.conftest import CODE, Infra, Libvirt

pytestmark = [pytest.mark.infra, pytest.mark.long]
NAME = "vexlab-one-kernel-module-1"


def test_the_code_is_formatted_and_valid(infra: Infra, tofu: str) -> None:
    argv = [tofu, f"-chdir={CODE / 'terraform'}", "fmt", "-check", "-recursive", "-diff"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    infra.run("status")  # which prepares the folder of the provider
    for verb in (["validate"], ["test"]):
        done = subprocess.run(
            [tofu, f"-chdir={infra.code / 'terraform'}", *verb, "-no-color"],
            env={
                **infra.env,
                "TF_CLI_CONFIG_FILE": str(infra.state / "tofu.rc"),
                "TF_DATA_DIR": str(infra.state / "data"),
            },
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed, 0 failed" in done.stdout


def test_over_the_limit_is_an_error_before_anything_starts(infra: Infra) -> None:
    file = infra.code / "terraform" / "environments" / "one.tfvars"
    file.write_text(file.read_text().replace('"256M"', '"2G"'))
    words = infra("deploy", status=2)
    assert "would take 2048 MiB of memory, max_total_memory_gb allows 1024" in words
    assert not (infra.state / "terraform.tfstate").exists()


def test_a_machine_is_made_once_and_leaves_nothing(deployed: Infra, libvirt: Libvirt) -> None:
    assert "7 to add" in deployed("plan"), "two pools, a disk, a machine, three files of monitoring"
    assert not libvirt.virsh("list", "--all", "--name").strip(), "a plan makes nothing"
    assert "Apply complete" in deployed("deploy", "--mode", "terraform-only")
    assert libvirt.virsh("domstate", NAME).strip() == "running"
    assert "nothing would change" in deployed("plan")
    assert "0 added, 0 changed, 0 destroyed" in deployed("deploy", "--no-parallel")
    assert "as described" in deployed("status")
    _until_kernel_speaks(deployed)
    hosts = json.loads((deployed.state / "hosts.yml").read_text())
    (group,) = hosts["all"]["children"]["test_vms"]["children"].values()
    assert list(group["hosts"]) == [NAME]

    libvirt.virsh("destroy", NAME)
    assert "not as described" in deployed("status", status=1)
    deployed("deploy", "--mode", "terraform-only")
    assert libvirt.virsh("domstate", NAME).strip() == "running"

    assert "Destroy complete" in deployed("destroy", "--force-destroy")
    for kind in ("list", "pool-list"):
        assert not libvirt.virsh(kind, "--all", "--name").strip()
    assert "nothing is there" in deployed("status")
    left = [file for file in (deployed.state / "storage").rglob("*") if file.is_file() and file.suffix != ".log"]
    assert not left, "no disk and no configuration stays"


def test_a_killed_apply_is_recovered(deployed: Infra, libvirt: Libvirt) -> None:
    deployed("plan")  # builds the provider
    started = subprocess.Popen(
        deployed.argv("deploy", "--mode", "terraform-only"), env=deployed.env, stdout=subprocess.DEVNULL
    )
    end = time.monotonic() + 300
    while not libvirt.virsh("pool-list", "--all", "--name").strip():
        assert time.monotonic() < end
        assert started.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    for each in [*psutil.Process(started.pid).children(recursive=True), psutil.Process(started.pid)]:
        os.kill(each.pid, signal.SIGKILL)
    started.wait()
    deployed("deploy", "--mode", "terraform-only")
    assert libvirt.virsh("domstate", NAME).strip() == "running"
    assert "nothing would change" in deployed("plan")


def test_two_do_not_work_on_one_state(deployed: Infra) -> None:
    deployed("plan")
    import fcntl

    deployed.state.mkdir(parents=True, exist_ok=True)
    with (deployed.state / "terraform.tfstate").open("a+") as state:
        fcntl.lockf(state, fcntl.LOCK_EX)
        words = deployed("deploy", "--mode", "terraform-only", status=3)
    assert "another process works on the environment one" in words


def _until_kernel_speaks(infra: Infra) -> None:
    """The machine runs a kernel, it is not only listed as running."""
    end = time.monotonic() + 240
    while True:
        logs = [Path(file).read_bytes() for file in (infra.state / "storage").rglob("*.console.log")]
        if any(b"Linux version" in log for log in logs):
            return
        assert time.monotonic() < end, logs
        time.sleep(0.5)
