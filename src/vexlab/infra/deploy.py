"""What ``vexlab infra`` does with an environment: plan, deploy, destroy, and say how it is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from vexlab import process
from vexlab.cache import Cache
from vexlab.config import Settings, cache_dir
from vexlab.errors import InfraError
from vexlab.images.recipe import find_recipe
from vexlab.infra.environment import Environment, variables_of
from vexlab.infra.inventory import inventory
from vexlab.infra.tofu import Tofu, find_tofu, provider_mirror
from vexlab.kernels.flavours import boot_arguments
from vexlab.lab import Lab
from vexlab.model.machine import Accelerator

Mode = Literal["full", "terraform-only"]
INVENTORY = "hosts.yml"
_SOCKET = "VEXLAB_LIBVIRT_SOCKET"
_PLAYBOOK_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How an environment is: its machines, how many things were made, whether all is as described."""

    machines: Mapping[str, Mapping[str, str]]
    resources: int
    drifted: bool
    inventory: Path


class Deployment:
    """OpenTofu and Ansible on an environment; ``say`` gets what is being done."""

    def __init__(self, environment: Environment, settings: Settings, say: Callable[[str], None]) -> None:
        self._environment = environment
        self._say = say
        cache = Cache(cache_dir(settings))
        cache.prepare()
        program = find_tofu(cache)
        mirror = provider_mirror(environment.terraform / "provider", cache)
        self._tofu = Tofu(program, environment, mirror, _variables(environment, settings, say))
        self._tofu.init()

    @property
    def inventory_file(self) -> Path:
        """Where the inventory for Ansible lies."""
        return self._environment.state / INVENTORY

    def plan(self) -> tuple[bool, str]:
        """Return whether anything would change, and OpenTofu's words about it."""
        return self._tofu.plan()

    def deploy(self, mode: Mode, *, parallel: bool) -> str:
        """Make the machines, write the inventory, and set them up where they can be reached."""
        self._say(f"making the machines of {self._environment.name}")
        words = self._tofu.apply(parallel=parallel)
        outputs = self._tofu.outputs()
        self.inventory_file.write_text(inventory(outputs))
        machines = cast("Mapping[str, Mapping[str, str]]", outputs.get("machines", {}))
        if mode == "full" and any(each["address"] for each in machines.values()):
            self._say("setting them up with Ansible")
            self._play("setup.yml")
        return words

    def destroy(self, *, parallel: bool) -> str:
        """Remove all of it; raise ``InfraError`` where something stays."""
        words = self._tofu.destroy(parallel=parallel)
        if left := self._tofu.resources():
            raise InfraError(f"{len(left)} things stay: {', '.join(left[:5])}", hint="run it again")
        self.inventory_file.unlink(missing_ok=True)
        return words

    def status(self) -> Status:
        """Return how it is."""
        resources = self._tofu.resources()
        drifted = self._tofu.plan()[0] if resources else False
        machines = cast("Mapping[str, Mapping[str, str]]", self._tofu.outputs().get("machines", {}))
        return Status(machines=machines, resources=len(resources), drifted=drifted, inventory=self.inventory_file)

    def _play(self, playbook: str) -> None:
        folder = self._environment.code / "ansible"
        level = os.environ.get("ANSIBLE_LOG_LEVEL", "0")
        loud = [f"-{'v' * min(int(level), 4)}"] if level.isdecimal() and int(level) else []
        argv = ["ansible-playbook", "-i", str(self.inventory_file), *loud, f"playbooks/{playbook}"]
        env = {"ANSIBLE_CONFIG": str(folder / "ansible.cfg")}
        done = process.run(argv, cwd=folder, timeout=_PLAYBOOK_S, env=env, keep=1 << 20)
        if done.returncode:
            raise InfraError(f"{playbook} failed:\n{(done.text + done.error_text)[-4000:]}")


def _variables(environment: Environment, settings: Settings, say: Callable[[str], None]) -> dict[str, str]:
    """Return OpenTofu's variables beside those of the environment's file."""
    given = variables_of(os.environ)
    given.setdefault("TF_VAR_storage_path", str(environment.state / "storage"))
    if socket := os.environ.get(_SOCKET):
        given["TF_VAR_libvirt_socket"] = socket
    if uri := os.environ.get("LIBVIRT_DEFAULT_URI"):
        given["TF_VAR_libvirt_uri"] = uri
    if "TF_VAR_base_image_path" not in given and not environment.says("base_image_path"):
        given |= _own_guest(environment, settings, say)
    return given


def _own_guest(environment: Environment, settings: Settings, say: Callable[[str], None]) -> dict[str, str]:
    """Return the variables for vexlab's own guest: a kernel and an image out of the cache, shared by all machines."""
    if environment.says("kernel_path"):
        return {}
    say("no base image is given: machines boot vexlab's own guest")
    with Lab(settings) as lab:
        kernel = lab.kernels.get(settings.kernels[0])
        image = lab.images.build(find_recipe("base"), kernel)
        disks: list[dict[str, Any]] = [
            {"serial": "root", "path": str(image.root)},
            {"serial": "modules", "path": str(image.modules)},
        ]
        emulated = lab.accelerator(kernel) is Accelerator.TCG
    return {
        "TF_VAR_kernel_path": str(kernel.image),
        "TF_VAR_initrd_path": str(image.initrd),
        "TF_VAR_cmdline": boot_arguments(kernel.flavour),
        "TF_VAR_system_disks": json.dumps(disks),
        "TF_VAR_domain_type": "qemu" if emulated else "kvm",
    }
