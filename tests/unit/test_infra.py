"""What vexlab infra makes of an environment, without OpenTofu and without a machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vexlab.cache import Cache
from vexlab.errors import InfraError, UsageError
from vexlab.infra.environment import find_environment, variables_of
from vexlab.infra.inventory import inventory
from vexlab.infra.tofu import find_tofu

OUTPUTS = {
    "machines": {
        "vexlab-test-kernel-module-1": {
            "domain": "kernel_module",
            "address": "192.168.100.10",
            "uuid": "u",
            "console": "/c",
        },
        "vexlab-test-safety-validation-1": {
            "domain": "safety_validation",
            "address": "",
            "uuid": "v",
            "console": "/d",
        },
    },
    "tests": {
        "environment": "test",
        "ssh_key_path": "~/.ssh/key",
        "timeout_minutes": 30,
        "parallel": True,
        "max_parallel_tests": 4,
    },
}


@pytest.mark.parametrize("name", ["dev", "test", "staging", "ci"])
def test_the_environments_of_the_requirements_are_there(name: str) -> None:
    environment = find_environment(name)
    assert environment.says("max_total_memory_gb")
    assert not environment.says("memory_gb")


def test_an_unknown_environment_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError) as raised:
        find_environment("stagin")
    assert "staging" in raised.value.hint


def test_without_a_checkout_it_is_said_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VEXLAB_INFRASTRUCTURE", str(tmp_path))
    with pytest.raises(UsageError) as raised:
        find_environment("dev")
    assert "VEXLAB_INFRASTRUCTURE" in raised.value.hint


def test_the_shells_variables_reach_opentofu() -> None:
    given = {"VEXFS_SSH_KEY_PATH": "/k", "VEXFS_NETWORK_CIDR": "10.0.0.0/24", "TERRAFORM_LOG": "INFO", "HOME": "/root"}
    assert variables_of(given) == {
        "TF_VAR_ssh_key_path": "/k",
        "TF_VAR_network_cidr": "10.0.0.0/24",
        "TF_LOG": "INFO",
    }
    assert variables_of({"VEXFS_STORAGE_POOL": ""}) == {}


def test_the_inventory_has_a_group_for_each_domain() -> None:
    document = json.loads(inventory(OUTPUTS))
    group = document["all"]["children"]["test_vms"]
    assert group["vars"]["ansible_ssh_private_key_file"] == "~/.ssh/key"
    assert group["vars"]["vexlab_forks"] == 4
    machine = group["children"]["kernel_module"]["hosts"]["vexlab-test-kernel-module-1"]
    assert machine["ansible_host"] == "192.168.100.10"
    assert "ansible_host" not in group["children"]["safety_validation"]["hosts"]["vexlab-test-safety-validation-1"]


def test_nothing_deployed_is_an_empty_inventory() -> None:
    assert json.loads(inventory({}))["all"]["children"]["test_vms"]["children"] == {}


def _program(file: Path) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return str(file)


def test_opentofu_is_taken_before_terraform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cache, folder = Cache(tmp_path / "cache"), tmp_path / "bin"
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("vexlab.process._SYSTEM_DIRS", ())
    monkeypatch.delenv("VEXLAB_TOFU", raising=False)
    with pytest.raises(InfraError, match="neither tofu nor terraform"):
        find_tofu(cache)
    terraform = _program(folder / "terraform")
    assert find_tofu(cache) == terraform
    built = _program(cache.root / "programs" / "opentofu" / "tofu")
    assert find_tofu(cache) == built
    installed = _program(folder / "tofu")
    assert find_tofu(cache) == installed
