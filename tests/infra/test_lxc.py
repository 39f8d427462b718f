"""A worker in a container that the environment describes: its cases run in virtual machines inside of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="the extra `fleet` is not installed")

from tests.infra.conftest import CHECKOUT, Infra
from tests.infra.namespaces import network
from tests.infra.runs import Started, scheduler
from tests.machines.test_verdicts import EXPECTED
from vexlab.config import cache_dir

pytestmark = [pytest.mark.infra, pytest.mark.long]
NAMES = ("planted.clean", "planted.oops_unnoticed")
GATEWAY, CIDR = "10.78.0.1", "10.78.0.0/24"
MEMORY_MIB = 2048
_LINKS = ("bin", "lib", "lib64", "sbin")


def _describe(infra: Infra, cache: Path) -> None:
    """Have the environment be one container, with what this installation of vexlab consists of."""
    kept = ("/usr", "/etc", sys.prefix, sys.base_prefix, str(CHECKOUT))
    mounts = [{"path": path, "writable": False} for path in dict.fromkeys(kept)]
    mounts += [{"path": str(cache), "writable": True}]
    file = infra.code / "terraform" / "environments" / "one.tfvars"
    text = file.read_text().replace("kernel_module_vm_count  = 1", "kernel_module_vm_count  = 0")
    given = {"bridge": "lxcbr", "network_cidr": CIDR, "memory_mib": MEMORY_MIB, "mounts": mounts}
    text += "enable_lxc = true\n" + "".join(f"lxc_{name} = {json.dumps(value)}\n" for name, value in given.items())
    file.write_text(text)


def _rootfs(folder: Path) -> None:
    """Make the container's own part of its file system."""
    for name in ("usr", "etc", "proc", "sys", "dev", "tmp", "root"):
        (folder / name).mkdir(parents=True)
    for name in _LINKS:
        (folder / name).symlink_to(f"usr/{name}")


def test_a_worker_in_a_container_runs_cases_in_machines(deployed: Infra, tmp_path: Path) -> None:
    if shutil.which("lxc-execute") is None:
        pytest.skip("LXC is not installed: apt-get install lxc")
    cache = cache_dir()
    _describe(deployed, cache)
    assert "Apply complete" in deployed("deploy", "--mode", "terraform-only")
    assert "nothing would change" in deployed("plan")
    (config,) = (deployed.state / "storage").rglob("vexlab-one-lxc/worker/config")
    _rootfs(config.parent / "rootfs")
    with network() as net:
        lab0 = net.host("lab0")
        lab0.run("ip", "link", "add", "lxcbr", "type", "bridge")
        lab0.run("ip", "address", "add", f"{GATEWAY}/24", "dev", "lxcbr")
        lab0.run("ip", "link", "set", "lxcbr", "up")
        lab0.address = GATEWAY
        (tmp_path / "cgroup").mkdir()
        lab0.own_sysfs(tmp_path / "cgroup")  # where LXC looks for the bridge
        started = scheduler(lab0, tmp_path)
        env = [f"PYTHONPATH={CHECKOUT / 'src'}", f"VEXLAB_CACHE={cache}", f"PATH={os.environ['PATH']}"]
        argv = ["lxc-execute", "-n", "vexlab-one-worker", "-P", str(tmp_path), "-f", str(config), "--", "env", *env]
        argv += [sys.executable, "-m", "vexlab", "worker", started.address, "--machines", "1"]
        log = tmp_path / "container.log"
        container = lab0.start(*argv, log=log)
        file = tmp_path / "lab.toml"
        file.write_text(f'address = "{started.address}"\nwait_s = 120.0\n')
        run = Started(lab0, tmp_path, "--cluster", str(file), names=NAMES)
        ended = run.end(600)
        assert ended.verdicts == {name: EXPECTED[name][0] for name in NAMES}, ended.stderr + log.read_text()
        assert run.hosts() == {"vexlab-one-worker"}, "the container's name is the host's"
        _stop(lab0.argv("lxc-stop", "-n", "vexlab-one-worker", "-P", str(tmp_path), "-k"))
        container.wait(60)
    assert "Destroy complete" in deployed("destroy", "--force-destroy")
    assert not config.exists()


def _stop(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
