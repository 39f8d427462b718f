"""An inventory for Ansible out of OpenTofu's outputs; pure. It names the path of a key, and holds no secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_USER = "vexfs"


def inventory(outputs: Mapping[str, Any]) -> str:
    """Return the inventory as YAML (of which JSON is a part): a group ``test_vms``, with one for each domain."""
    machines: Mapping[str, Mapping[str, str]] = outputs.get("machines", {})
    tests: Mapping[str, Any] = outputs.get("tests", {})
    domains = sorted({each["domain"] for each in machines.values()})
    groups = {
        domain: {"hosts": {name: _host(each) for name, each in sorted(machines.items()) if each["domain"] == domain}}
        for domain in domains
    }
    variables = {
        "ansible_user": _USER,
        "ansible_ssh_private_key_file": tests.get("ssh_key_path", ""),
        "vexlab_environment": tests.get("environment", ""),
        "vexlab_timeout_minutes": tests.get("timeout_minutes", 30),
        "vexlab_forks": tests.get("max_parallel_tests", 1) if tests.get("parallel") else 1,
    }
    document = {"all": {"children": {"test_vms": {"vars": variables, "children": groups}}}}
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _host(machine: Mapping[str, str]) -> dict[str, str]:
    address = {"ansible_host": machine["address"]} if machine.get("address") else {}
    return {**address, "vexlab_domain": machine["domain"], "vexlab_console": machine.get("console", "")}
