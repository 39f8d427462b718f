"""Roles and playbooks on a real guest over ssh: what they leave there, nothing twice, and a real run's results."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.infra.conftest import CODE
from tests.machines.conftest import PLANTED
from vexlab.config import cache_dir

pytestmark = [pytest.mark.infra, pytest.mark.long]
FOLDER = CODE / "ansible"
PROGRAMS = cache_dir() / "programs" / "ansible" / "bin"
NAME = "ansible-test"
VEXLAB = [sys.executable, "-m", "vexlab"]


def _environment(**more: str) -> dict[str, str]:
    path = f"{PROGRAMS}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "ANSIBLE_CONFIG": str(FOLDER / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", **more}


def _run(argv: list[str], env: dict[str, str], seconds: float = 3600, *, fine: bool = True) -> str:
    done = subprocess.run(argv, env=env, cwd=FOLDER, capture_output=True, text=True, timeout=seconds)
    assert (done.returncode == 0) is fine, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module", autouse=True)
def ansible() -> None:
    if not (PROGRAMS / "ansible-lint").exists():
        pytest.skip("Ansible is not installed: `scripts/infra-tools`")


@dataclass(frozen=True)
class Guest:
    """A machine that Ansible reaches as root over ssh."""

    env: dict[str, str]
    inventory: Path

    def play(self, playbook: str, *words: str, fine: bool = True) -> str:
        argv = ["ansible-playbook", "-i", str(self.inventory), f"playbooks/{playbook}", *words]
        return _run(argv, self.env, fine=fine)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        argv = [*VEXLAB, "vm", "exec", NAME, "--", *command]
        return subprocess.run(argv, env=self.env, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    folder = tmp_path_factory.mktemp("ansible")
    env = _environment(VEXLAB_STATE=str(folder / "state"))
    start = ["vm", "start", NAME, "--recipe", str(FOLDER / "guest.toml"), "--network", "--wait", "600"]
    _run([*VEXLAB, *start], env, 1800)
    try:
        _run([*VEXLAB, "vm", "ssh", NAME, "--", "true"], env)  # which makes the keys
        (key,) = (folder / "state").rglob("ssh_key")
        port = re.search(r"\]:(\d+) ", (key.parent / "ssh_known_hosts").read_text())
        assert port is not None
        host = {
            "ansible_host": "127.0.0.1",
            "ansible_port": int(port[1]),
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(key),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={key.parent / 'ssh_known_hosts'}",
            "ansible_ssh_transfer_method": "piped",  # dropbear brings neither sftp nor scp
            "vexlab_domain": "kernel_module",
            "vexlab_environment": "ci",
        }
        inventory = folder / "hosts.yml"
        inventory.write_text(json.dumps({"all": {"children": {"test_vms": {"hosts": {NAME: host}}}}}))
        yield Guest(env, inventory)
    finally:
        _run([*VEXLAB, "vm", "stop", NAME], env)


def test_the_code_keeps_ansibles_own_rules() -> None:
    _run(["ansible-lint", "--offline", "--profile", "production", "-q", "."], _environment())


def test_setup_makes_the_commands_once(guest: Guest) -> None:
    first = guest.play("setup.yml", "--extra-vars", "guest_public_key='ssh-ed25519 AAAA test'")
    assert re.search(r"changed=[1-9]\d* .*failed=0", first)
    again = guest.play("setup.yml", "--extra-vars", "guest_public_key='ssh-ed25519 AAAA test'")
    assert re.search(r"changed=0 .*failed=0", again), again
    said = guest.run("vexfs-monitor", "vexfs").stdout
    assert "taint: 0" in said
    assert "vexfs is not loaded" in said
    assert guest.run("kload", "/nowhere.ko").returncode != 0
    assert guest.run("vexfs-test").returncode == 3, "vexlab is not in the guest, and it says so"
    assert guest.run("cat", "/etc/vexlab/domain").stdout.strip() == "kernel_module"


def test_a_real_run_is_collected_into_one_store(guest: Guest, tmp_path: Path) -> None:
    program = tmp_path / "vexlab"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m vexlab "$@"\n')
    program.chmod(0o755)
    given = {
        "domain_tests_vexlab": str(program),
        "domain_tests_target": str(PLANTED),
        "domain_tests_results": str(tmp_path),
        "domain_tests_options": ["--case", "kernel_module.load[", "--no-probe"],
        "results_vexlab": str(program),
        "results_from": str(tmp_path / NAME),
        "results_store": str(tmp_path / "all"),
        "results_archive": str(tmp_path / "one.tar.gz"),
        "timeout": 900,
        "retry_count": 1,
    }
    words = ("--extra-vars", json.dumps(given))
    skipped = guest.play("run_domain_tests.yml", *words, "--extra-vars", '{"domains": ["safety_validation"]}')
    assert not (tmp_path / NAME).exists(), skipped
    assert "1 passed" in guest.play("run_domain_tests.yml", *words)
    guest.play("collect_results.yml", *words)
    show = [*VEXLAB, "results", "show", "--results", str(tmp_path / "all")]
    runs = _run(show, guest.env)
    assert "1 passed 0 failed" in runs
    guest.play("collect_results.yml", *words)
    assert _run(show, guest.env) == runs, "what is there already is not added again"
