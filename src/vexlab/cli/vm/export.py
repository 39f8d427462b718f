"""``vexlab vm export``: a guest of vexlab's in a folder, for programs that start QEMU themselves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import click

from vexlab.cli.options import request_options, settings_from
from vexlab.cli.vm.shelf import Waiting
from vexlab.errors import UsageError
from vexlab.guest.files import guest_files
from vexlab.lab import Lab, Order
from vexlab.model.machine import MachineSpec
from vexlab.model.target import Target
from vexlab.targets.load import find_target
from vexlab.vm.argv import AGENT_PORT, CPU
from vexlab.vm.disks import create_disk

DESCRIPTION = "guest.json"
VERSION = 1  # of the description


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--kernel", help="Kernel to boot: a name of `vexlab kernels list`.")
@click.option("--recipe", default="base", show_default=True, help="Image: base, tools, or a recipe's TOML file.")
@request_options("target", "config", "accel", "memory", "cpus", "sandbox")
def export(*, folder: Path, kernel: str | None, recipe: str, target: str, **given: object) -> None:
    """Write kernel, image, disks and the built module to a new FOLDER, and say in guest.json how they belong together.

    For programs that start QEMU themselves, as Avocado-VT does. The guest's agent answers on the virtio port
    org.qemu.guest_agent.0; files for the guest are to be put there through it.
    """
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        raise UsageError(f"{folder} is there already", hint="name a new folder") from error
    settings = settings_from(kernels=(kernel,) if kernel else (), **given)
    with Waiting() as waiting, Lab(settings, progress=waiting.say) as lab:
        lab.check_room()
        wanted = lab.kernels.get(settings.kernels[0])
        chosen = find_target(target)
        waiting.say(f"building {chosen.name}")
        artifact = lab.artifact(chosen, wanted)
        order = Order(
            target=chosen,
            kernel=wanted,
            artifact=artifact,
            memory=settings.memory,
            cpus=settings.cpus,
            recipe=recipe,
        )
        waiting.say(f"preparing image {recipe}")
        spec = lab.spec(order, lab.images.build(lab.recipe(order), wanted))
        payload = []
        for number, (path, source, mode) in enumerate(guest_files(artifact)):
            copy = folder / "files" / f"{number}-{source.name}"
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(source, copy)
            payload.append({"path": path, "file": str(copy.relative_to(folder)), "mode": mode})
        document = {"version": VERSION, **_machine(spec, folder), "target": _target(chosen), "files": payload}
        document["kernel_release"] = wanted.release
    (folder / DESCRIPTION).write_text(f"{json.dumps(document, indent=2)}\n")
    click.echo(f"{folder / DESCRIPTION}: {chosen.name} on {wanted.release}, {len(payload)} files for the guest")


def _machine(spec: MachineSpec, folder: Path) -> dict[str, object]:
    """Copy what the machine starts from, and return how it is started."""
    shutil.copyfile(spec.kernel, folder / "vmlinuz")
    shutil.copyfile(spec.initrd, folder / "initrd.img")
    disks = []
    for disk in spec.disks:
        form = "raw" if disk.readonly else "qcow2"
        name = f"{disk.serial}.{form}"
        if disk.file:
            shutil.copyfile(disk.file, folder / name)
        else:
            create_disk(folder / name, disk.size)
        disks.append({"serial": disk.serial, "file": name, "format": form, "readonly": disk.readonly})
    return {
        "kernel": "vmlinuz",
        "initrd": "initrd.img",
        "append": spec.append,
        "disks": disks,
        "memory_mib": spec.memory,
        "cpus": spec.cpus,
        "cpu": CPU[spec.accel],
        "accelerator": spec.accel,
        "agent_port": AGENT_PORT,
    }


def _target(target: Target) -> dict[str, object]:
    return {
        "name": target.name,
        "fstype": target.fstype,
        "module": target.module,
        "depends": list(target.depends),
        "mkfs": list(target.mkfs),
        "fsck": list(target.fsck),
    }
