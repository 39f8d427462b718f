"""``vexlab vm start``: a machine from a kernel and a recipe, or one that was stopped."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import click

from vexlab.cli.options import request_options, settings_from
from vexlab.cli.vm.shelf import Waiting, machines, wait_option
from vexlab.config import Settings
from vexlab.errors import UsageError
from vexlab.guest.files import guest_files
from vexlab.images.recipe import DEV
from vexlab.lab import Lab, Order
from vexlab.model.kernel import Kernel
from vexlab.model.machine import Disk, Forward, Share
from vexlab.model.target import ModuleArtifact, Target
from vexlab.targets.build import debug_file
from vexlab.targets.load import find_target
from vexlab.vm import ssh
from vexlab.vm.network import free_port
from vexlab.vm.record import FILE, Payload, Record

SOURCE, SOURCE_TAG, HEADERS = "/mnt/vexfs-src", "vexfs-src", "headers"
_DEV_MIB = 1536  # a compiler's, a copy of the source tree and what is built of it, which lie in memory
_NO_TARGET = Target(name="", fstype="", module="", file=Path())


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What ``start`` was asked for beyond the settings; ``ssh_port`` is ``None`` without a network, 0 for any."""

    name: str
    recipe: str
    source: str
    disk: int
    target: str
    ssh_port: int | None
    vnc_port: int


@click.command()
@click.argument("name")
@click.option("--kernel", help="Kernel to boot: a name of `vexlab kernels list`, or a path.")
@click.option(
    "--image", "--recipe", "recipe", help="Image: base, tools, trace, dev, or a recipe's TOML file (also: --recipe)."
)
@click.option(
    "--source",
    type=click.Path(exists=True, file_okay=False),
    help=f"Mount this folder, read-only, at {SOURCE}; changes on the host are seen at once. Wants a kernel with 9p.",
)
@click.option("--disk", type=click.IntRange(1, 1 << 20), metavar="MIB", help="Size of the scratch disk (1024).")
@click.option("--target", help="Build this target and put its module and tools into the machine.")
@click.option("--network", is_flag=True, help="A network that reaches nothing, for ssh from this host.")
@click.option("--ssh-port", type=click.IntRange(0, 65535), help="Loopback port for ssh; 0 takes a free one.")
@click.option("--vnc-port", type=click.IntRange(5900, 65535), help="Show the screen through VNC on this loopback port.")
@wait_option
@request_options("config", "accel", "memory", "cpus", "sandbox")
def start(
    *,
    name: str,
    kernel: str | None,
    recipe: str | None,
    source: str | None,
    disk: int | None,
    target: str | None,
    network: bool,
    ssh_port: int | None,
    vnc_port: int | None,
    wait_s: float,
    accel: str | None,
    memory: int | None,
    cpus: int | None,
    config: str | None,
    sandbox: str | None,
) -> None:
    """Start the machine NAME and wait until it is ready.

    A machine that was stopped starts as it was, with its scratch disk; options are for new ones. It runs until
    `vexlab vm stop NAME`.
    """
    begun = time.monotonic()
    shelf = machines()
    options = (kernel, recipe, source, disk, target, network, ssh_port, vnc_port, accel, memory, cpus, config, sandbox)
    with Waiting() as waiting:
        if (shelf.files(name).folder / FILE).exists():
            if shelf.status(name).pid:
                raise UsageError(f"`{name}` runs already", hint=f"`vexlab vm restart {name}` starts it anew")
            if any(option not in (None, False) for option in options):
                hint = f"start it without options, or `vexlab vm rm {name}` first"
                raise UsageError(f"there is a machine `{name}` already, as it was ordered then", hint=hint)
            waiting.say(f"booting {name}")
            shelf.boot(name, waiting.watch, wait_s=wait_s)
        else:
            wish = Wish(
                name=name,
                recipe=recipe or "base",
                source=source or "",
                disk=disk or 1024,
                target=target or "",
                ssh_port=ssh_port if ssh_port is not None or not network else 0,
                vnc_port=vnc_port or 0,
            )
            kernels = (kernel,) if kernel else ()
            settings = settings_from(
                config=config, accel=accel, memory=memory, cpus=cpus, kernels=kernels, sandbox=sandbox
            )
            record = _order(wish, settings, waiting)
            waiting.say(f"booting {name}")
            shelf.create(record, waiting.watch, wait_s=wait_s)
    _tell(shelf.record(name), time.monotonic() - begun)


def _order(wish: Wish, settings: Settings, waiting: Waiting) -> Record:
    with Lab(settings, progress=waiting.say) as lab:
        lab.check_room()
        waiting.say(f"preparing kernel {settings.kernels[0]}")
        kernel = lab.kernels.get(settings.kernels[0])
        target, artifact = _NO_TARGET, _nothing(kernel)
        if wish.target:
            waiting.say(f"building {wish.target}")
            target = find_target(wish.target)
            artifact = lab.artifact(target, kernel)
        disks = [Disk(serial="scratch", size=wish.disk)]
        if wish.recipe == DEV:
            waiting.say(f"preparing the headers of kernel {kernel.name}")
            headers = lab.images.headers(kernel, _above(lab.kernels.headers(kernel)))
            disks.append(Disk(serial=HEADERS, file=headers, readonly=True))
        order = Order(
            target=target,
            kernel=kernel,
            artifact=artifact,
            memory=max(settings.memory, _DEV_MIB) if wish.recipe == DEV else settings.memory,
            cpus=settings.cpus,
            disks=tuple(disks),
            recipe=wish.recipe,
        )
        waiting.say(f"preparing image {wish.recipe}")
        spec = lab.spec(order, lab.images.build(lab.recipe(order), kernel))
    if wish.ssh_port is not None:
        forward = Forward(host_port=wish.ssh_port or free_port(), guest_port=ssh.PORT)
        spec = replace(spec, network=True, forwards=(forward,))
    if wish.source:
        share = Share(tag=SOURCE_TAG, folder=Path(wish.source).absolute(), path=SOURCE)
        spec = replace(spec, shares=(share,))
    return Record(
        name=wish.name,
        spec=replace(spec, vnc_port=wish.vnc_port),
        kernel=kernel.name,
        release=kernel.release,
        recipe=wish.recipe,
        target=target.name,
        payload=_payload(artifact),
        symbols=debug_file(artifact, target.module),
        source=target.source.absolute() if target.source else None,
    )


def _above(build: Path) -> Path:
    """Return the folder of a kernel's headers in which ``build`` is, as the image ``dev`` wants it."""
    if build.name != "build":
        raise UsageError(
            f"the headers in {build} are no folder of vexlab's", hint="take a kernel of `vexlab kernels list`"
        )
    return build.parent


def _nothing(kernel: Kernel) -> ModuleArtifact:
    return ModuleArtifact(target="", kernel=kernel.name, path=None, digest="")


def _payload(artifact: ModuleArtifact) -> tuple[Payload, ...]:
    return tuple(Payload(path=path, source=file, mode=mode) for path, file, mode in guest_files(artifact))


def _tell(record: Record, seconds: float) -> None:
    spec = record.spec
    click.echo(
        f"{record.name} is ready: kernel {record.release}, {spec.memory} MiB, "
        f"{spec.cpus} CPU{'s' if spec.cpus > 1 else ''}, {spec.accel} ({seconds:.1f} s)"
    )
    lines = [(f"vexlab vm exec {record.name} -- uname -a", "run a command")]
    if port := ssh.forwarded_port(spec):
        lines.append((f"vexlab vm ssh {record.name}", f"a shell, through 127.0.0.1:{port}"))
    if spec.vnc_port:
        lines.append((f"127.0.0.1:{spec.vnc_port}", "the screen, for any VNC viewer; no password guards it"))
    for file in record.payload:
        if file.path.endswith(".ko"):
            lines.append((f"vexlab vm exec {record.name} -- insmod {file.path}", f"load {record.target}"))
            lines.append((f"vexlab debug {record.name}", "gdb on its kernel, with the module's symbols"))
    for share in spec.shares:
        lines.append((f"{share.path} in the guest", f"{share.folder}, read-only"))
    if record.recipe == DEV:
        lines.append(
            (f"vexlab vm exec {record.name} -- kbuild", "build the module there; kload, ktest, vexfs-test-runner")
        )
    lines += [
        (f"vexlab vm console {record.name} --follow", "what the kernel says"),
        (f"vexlab vm stop {record.name}", "switch it off"),
    ]
    width = max(len(line) for line, _ in lines)
    for line, about in lines:
        click.echo(f"  {line:{width}}  {about}")
