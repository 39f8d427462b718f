"""``vexlab fuzz syzkaller``: the user's own syzkaller on the target, and its descriptions."""

from __future__ import annotations

import json
from pathlib import Path

import click

from vexlab import process
from vexlab.cli.options import request_of, request_options
from vexlab.cli.store import place_of as results_place
from vexlab.cli.values import duration
from vexlab.config import Settings, settings_for
from vexlab.errors import DeadlineError, InfraError, UsageError
from vexlab.fuzz import syzkaller as syz
from vexlab.fuzz.folder import FOLDER
from vexlab.fuzz.header import interface_of
from vexlab.fuzz.layout import Interface
from vexlab.fuzz.syzgrammar import mistakes, parse, parse_constants
from vexlab.fuzz.syzlang import constants, describe
from vexlab.kernels.flavours import boot_arguments, least_memory
from vexlab.lab import Lab
from vexlab.model.machine import Accelerator
from vexlab.model.target import Target
from vexlab.report.terminal import printable
from vexlab.tables import read_text
from vexlab.targets.load import find_target
from vexlab.vm.network import free_port
from vexlab.vm.room import machines_at_once

_CONFIG = "manager.json"
_KEEP = 1 << 20
_ROOT = "root=/dev/sda1"


@click.command()
@request_options("target", "kernels", "flavour", "config", "accel", "memory", "cpus", "sandbox")
@click.option("--duration", "seconds", type=duration, default="24h", show_default=True, help="How long it is to run.")
@click.option("--image", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Disk image with an ssh server and the module, as syzkaller's create-image.sh makes.")  # fmt: skip
@click.option("--ssh-key", "key", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="The private key that the image lets in.")  # fmt: skip
@click.option("--from", "over", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Keys of syz-manager's configuration (JSON) to lay over ours.")  # fmt: skip
@click.option("--print-config", is_flag=True, help="Print the configuration and run nothing.")
@click.option("--describe", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Write the descriptions of the target's calls to DIR and run nothing.")  # fmt: skip
@click.option(
    "--results", "results_dir", metavar="DIR", help="Results folder; syz-manager's lies in its folder `fuzz`."
)
def syzkaller(
    *, seconds: float, image: Path | None, key: Path | None, over: Path | None, print_config: bool,
    describe: Path | None, results_dir: str | None, **given: object,
) -> int:  # fmt: skip
    """Fuzz with the syzkaller that VEXLAB_SYZKALLER, or `[fuzz] syzkaller` in the settings, names.

    Its qemu type runs our kernel; without KVM by emulation. Crashes get our titles beside its own. Exit status: 1 it
    has found crashes, 0 none, 2 wrong usage, 3 it failed.
    """
    request = request_of(given)
    settings = settings_for(request)
    target = find_target(request.target)
    interface = interface_of(target, settings.sandbox)
    if describe:
        return _describe(describe, interface, target)
    place = syz.place_of(settings)
    found = syz.examine(place, interface)
    if found.wrong and not print_config:
        raise UsageError(f"{place} cannot fuzz {target.name}: {found.wrong[0]}")
    workdir = results_place(results_dir, settings)[0] / FOLDER / f"syzkaller-{target.name}"
    made = _configuration(place, workdir, settings, interface, image, key)
    text = json.dumps(syz.laid_over(made, over) if over else made, indent=2)
    if print_config:
        click.echo(text)
        for words in found.wrong:
            click.echo(printable(f"vexlab: {words}"), err=True)
        return 0
    workdir.mkdir(parents=True, exist_ok=True)
    (workdir / _CONFIG).write_text(text)
    _run(place, workdir, seconds)
    return _tell(workdir, target)


def _describe(folder: Path, interface: Interface, target: Target) -> int:
    header = target.fuzz.header if target.fuzz and target.fuzz.header else Path()
    try:
        shown = str(header.relative_to(target.file.parent))
    except ValueError:
        shown = header.name
    own = target.fuzz.descriptions if target.fuzz else None
    text = read_text(own) if own else describe(interface, target, shown)
    beside = own.with_name(f"{own.name}.const") if own else None
    known = read_text(beside) if beside and beside.is_file() else constants(text, interface)
    if wrong := mistakes(parse(text), parse_constants(known)):
        raise UsageError(f"{own or 'what was generated'}: {wrong[0]}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{target.name}.txt").write_text(text)
        (folder / f"{target.name}.txt.const").write_text(known)
    except OSError as error:
        raise InfraError(f"{folder} cannot be written: {error}") from error
    click.echo(f"{folder / target.name}.txt and .txt.const: {len(interface.calls)} ioctls")
    return 0


def _configuration(
    place: Path, workdir: Path, settings: Settings, interface: Interface, image: Path | None, key: Path | None
) -> dict[str, object]:
    if image is None or key is None:
        raise UsageError(
            "syz-manager starts its machines from a disk image that it can log in to",
            hint="--image and --ssh-key name them; syzkaller's tools/create-image.sh makes both",
        )
    with Lab(settings) as lab:
        kernel = lab.kernels.get(settings.kernels[0])
        accelerator = lab.accelerator(kernel)
        memory = max(settings.memory, least_memory(kernel.flavour))
        options = kernel.config.read_text(errors="replace") if kernel.config.is_file() else ""
        machines = syz.Machines(
            kernel=kernel.image,
            image=image.absolute(),
            key=key.absolute(),
            count=machines_at_once(memory),
            cpus=settings.cpus,
            memory=memory,
            append=f"{_ROOT} {boot_arguments(kernel.flavour)}",
        )
        return syz.configuration(
            place, workdir, machines, interface, port=free_port(), kvm=accelerator is Accelerator.KVM,
            cover="CONFIG_KCOV=y" in options,
        )  # fmt: skip


def _run(place: Path, workdir: Path, seconds: float) -> None:
    argv = [process.require("setpriv"), "--pdeathsig", "TERM", *syz.manager_argv(place, workdir / _CONFIG)]
    click.echo(f"syz-manager runs for {seconds / 3600:.1f} h in {workdir}", err=True)
    try:
        done = process.run(argv, timeout=seconds, keep=_KEEP)
    except DeadlineError:
        return  # its time was over
    raise InfraError(f"syz-manager ended with status {done.returncode}: {done.error_text.strip()[-500:]}")


def _tell(workdir: Path, target: Target) -> int:
    found = syz.crashes_in(workdir, target.module)
    for each in found:
        ours = f" ({each.ours})" if each.ours and each.ours != each.theirs else ""
        program = ", with a reproducer" if each.program else ""
        click.echo(printable(f"{each.theirs}{ours}: {each.logs} logs{program}: {each.place}"))
    click.echo(f"{len(found)} crashes")
    return 1 if found else 0
