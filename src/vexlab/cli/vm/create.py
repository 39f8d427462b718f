"""``vexlab vm create``: a machine of somebody else's image, with its own kernel and programs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from vexlab.cli.options import request_options, settings_from
from vexlab.cli.vm.shelf import Waiting, machines
from vexlab.config import Settings
from vexlab.errors import UsageError
from vexlab.images import foreign, seed
from vexlab.images.recipe import find_recipe
from vexlab.kernels.flavours import boot_arguments
from vexlab.lab import Lab
from vexlab.model.key import DISTRO
from vexlab.model.machine import Accelerator, Disk, Forward, MachineSpec
from vexlab.vm import accel as accelerators
from vexlab.vm import own, ssh
from vexlab.vm.network import port_from, port_is_free
from vexlab.vm.qemu import find_qemu
from vexlab.vm.record import ITS_OWN, OwnImage, Record

MEMORY, CPUS, DISK_GIB, SSH_PORT, VNC_PORT = 2048, 2, 20, 2222, 5900
_WAIT_S = 900.0  # a cloud image's first boot, under emulation
_SEED, _FILES = "seed.iso", "files.tar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What ``create`` was asked for; ports are those that it gets."""

    name: str
    image: Path
    kernel: str
    login: str
    disk_gib: int
    memory: int
    cpus: int
    ssh_port: int
    vnc_port: int
    network: bool
    capture: Path | None


@click.command()
@click.argument("name")
@click.option(
    "--image",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A disk (qcow2, raw) that a BIOS can boot, or the tar of a root filesystem. It is read, never written.",
)
@click.option("--kernel", help="For a tar without a kernel: a name of `vexlab kernels list`.")
@click.option("--login", default="vexlab", show_default=True, help="The user that cloud-init makes, with sudo.")
@click.option("--memory", type=click.IntRange(64, 1 << 20), default=MEMORY, show_default=True, help="In MiB.")
@click.option("--cpus", type=click.IntRange(1, 64), default=CPUS, show_default=True)
@click.option("--disk", type=click.IntRange(1, 4096), default=DISK_GIB, show_default=True, help="In GiB, at most.")
@click.option(
    "--ssh-port", type=click.IntRange(0, 65535), help=f"Loopback port for ssh ({SSH_PORT}, or the next free)."
)
@click.option(
    "--vnc-port",
    type=click.IntRange(0, 65535),
    help=f"Loopback port for the screen ({VNC_PORT}, or the next free); 0: no screen.",
)
@click.option(
    "--network", is_flag=True, help="Let the guest reach what this host reaches. Without, it reaches nothing."
)
@click.option(
    "--capture", type=click.Path(dir_okay=False, path_type=Path), help="Record the guest's network in this pcap."
)
@click.option("--wait", "wait_s", type=click.FloatRange(min=1), default=_WAIT_S, show_default=True, metavar="SECONDS",
              help="How long the first boot may take.")  # fmt: skip
@request_options("config", "accel")
def create(
    *,
    name: str,
    image: Path,
    kernel: str | None,
    login: str,
    memory: int,
    cpus: int,
    disk: int,
    ssh_port: int | None,
    vnc_port: int | None,
    network: bool,
    capture: Path | None,
    wait_s: float,
    config: str | None,
    accel: str | None,
) -> None:
    """Make the machine NAME of an image that others made, boot it, and wait until it can be logged in to.

    The guest gets a user with a key of this machine's own, and sudo without a password: by cloud-init, or, in the tar
    of a root filesystem without it, root itself. `vexlab vm start NAME` boots it again after `stop`.
    """
    begun = time.monotonic()
    wish = Wish(
        name=name,
        image=image.absolute(),
        kernel=kernel or "",
        login=login,
        disk_gib=disk,
        memory=memory,
        cpus=cpus,
        ssh_port=_port(ssh_port, SSH_PORT, "--ssh-port"),
        vnc_port=0 if vnc_port == 0 else _port(vnc_port, VNC_PORT, "--vnc-port"),
        network=network,
        capture=capture.absolute() if capture else None,
    )
    shelf = machines()
    settings = settings_from(config=config, accel=accel)
    with Waiting() as waiting:
        folder = shelf.files(name).folder
        record, prepare = _ordered(wish, folder, settings, waiting)
        waiting.say(f"booting {name}: an image's first boot takes minutes without KVM")
        shelf.create(record, waiting.watch, wait_s=wait_s, prepare=prepare)
    _tell(record, time.monotonic() - begun)


def _port(given: int | None, usual: int, option: str) -> int:
    """Return a free port: the one that was given, or the first from the usual one on."""
    if not given:
        return port_from(usual)
    if not port_is_free(given):
        raise UsageError(f"port {given} of the loopback is taken", hint=f"give {option} another one")
    return given


def _ordered(wish: Wish, folder: Path, settings: Settings, waiting: Waiting) -> tuple[Record, Callable[[Path], None]]:
    """Return the machine's record, and what fills its folder before it boots."""
    make = {foreign.Form.DISK: _of_disk, foreign.Form.TAR: _of_tar}[foreign.form_of(wish.image)]
    return make(wish, folder, settings, waiting)


def _of_disk(wish: Wish, folder: Path, settings: Settings, _waiting: Waiting) -> tuple[Record, Callable[[Path], None]]:
    with Lab(settings) as lab:
        lab.check_room()
        kernel = lab.kernels.get(settings.kernels[0])  # what the accelerator is proved with
        accel = accelerators.choose(settings.accel, find_qemu(), kernel.image, lab.cache.root / "accel")
    disks = (
        Disk(serial="disk", size=wish.disk_gib << 10, backing=wish.image),
        Disk(serial=seed.LABEL, file=folder / _SEED, readonly=True),
    )
    spec = _spec(wish, accel, disks, kernel=Path(), initrd=Path(), append="", own_kernel=True)
    image = OwnImage(file=wish.image, login=wish.login, host_key=True)
    record = Record(name=wish.name, spec=spec, kernel=ITS_OWN, release="", recipe=wish.image.name, image=image)
    return record, lambda into: _fill(wish, into)


def _of_tar(wish: Wish, folder: Path, settings: Settings, waiting: Waiting) -> tuple[Record, Callable[[Path], None]]:
    with Lab(settings) as lab:
        lab.check_room()
        waiting.say("preparing vexlab's image, whose busybox is used")
        usual = lab.kernels.get(wish.kernel or settings.kernels[0])
        built = lab.images.build(find_recipe("base"), usual)
        accel = accelerators.choose(settings.accel, find_qemu(), usual.image, lab.cache.root / "accel")
        waiting.say(f"preparing {wish.image.name}")
        rootfs = foreign.prepare_tar(
            wish.image, lab.cache, usual if wish.kernel else None, built.modules, built.root.with_name("busybox")
        )
    disks = [Disk(serial="root", file=rootfs.root, readonly=True)]
    if rootfs.modules:
        disks.append(Disk(serial="modules", file=rootfs.modules, readonly=True))
    disks.append(Disk(serial=foreign.SYSTEM, size=wish.disk_gib << 10))
    cloud = rootfs.contents.cloud_init
    own_file = (seed.LABEL, folder / _SEED) if cloud else ("files", folder / _FILES)
    disks.append(Disk(serial=own_file[0], file=own_file[1], readonly=True))
    append = f"{boot_arguments(DISTRO)} rw"
    spec = _spec(wish, accel, tuple(disks), kernel=rootfs.kernel, initrd=rootfs.initrd, append=append, own_kernel=False)
    image = OwnImage(file=wish.image, login=wish.login if cloud else "root", host_key=cloud)
    release = rootfs.contents.release or usual.release
    kernel = ITS_OWN if rootfs.contents.release else usual.name
    record = Record(name=wish.name, spec=spec, kernel=kernel, release=release, recipe=wish.image.name, image=image)

    def prepare(into: Path) -> None:
        foreign.make_system_disk(into / f"{foreign.SYSTEM}.qcow2", wish.disk_gib << 10)
        if cloud:
            _fill(wish, into)
        else:
            ssh.make_key(into / ssh.KEY)
            own.write_files(into, into / _FILES)

    return record, prepare


def _spec(
    wish: Wish,
    accel: Accelerator,
    disks: tuple[Disk, ...],
    *,
    kernel: Path,
    initrd: Path,
    append: str,
    own_kernel: bool,
) -> MachineSpec:
    return MachineSpec(
        kernel=kernel,
        initrd=initrd,
        append=append,
        own_kernel=own_kernel,
        disks=disks,
        memory=wish.memory,
        cpus=wish.cpus,
        accel=accel,
        network=True,
        open=wish.network,
        capture=wish.capture,
        forwards=(Forward(host_port=wish.ssh_port, guest_port=ssh.PORT),),
        vnc_port=wish.vnc_port,
    )


def _fill(wish: Wish, folder: Path) -> None:
    """Make the machine's keys, and the disk that tells cloud-init of them."""
    host = folder / "ssh_host_key"
    for key in (folder / ssh.KEY, host):
        ssh.make_key(key)
    public = ssh.public_of(host).read_text()
    ssh.know_host(folder, wish.ssh_port, public)
    seed.write(
        seed.Seed(
            name=wish.name,
            login=wish.login,
            public=ssh.public_of(folder / ssh.KEY).read_text().strip(),
            host_private=host.read_text(),
            host_public=public.strip(),
        ),
        folder / _SEED,
    )


def _tell(record: Record, seconds: float) -> None:
    spec = record.spec
    login = record.image.login if record.image else ""
    click.echo(
        f"{record.name} is ready: {record.recipe}, kernel {record.release or record.kernel}, {spec.memory} MiB, "
        f"{spec.cpus} CPU{'s' if spec.cpus > 1 else ''}, {spec.accel} ({seconds:.1f} s)"
    )
    lines = [
        (f"vexlab vm ssh {record.name}", f"log in as {login}, through 127.0.0.1:{ssh.forwarded_port(spec)}"),
        (f"vexlab vm exec {record.name} -- id", "run a command as root"),
    ]
    if spec.vnc_port:
        lines.append((f"127.0.0.1:{spec.vnc_port}", "the screen, for any VNC viewer; no password guards it"))
    if spec.open:
        lines.append(("network", "the guest reaches what this host reaches"))
    if spec.capture:
        lines.append((str(spec.capture), "its network, recorded"))
    lines.append((f"vexlab vm stop {record.name}", "switch it off"))
    width = max(len(line) for line, _ in lines)
    for line, about in lines:
        click.echo(f"  {line:{width}}  {about}")
