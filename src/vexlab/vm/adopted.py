"""From a named machine of somebody else's image to what a run's machines boot: its kernel and disks.

The machine's disk is copied and the copy booted once, as the machine itself is. It is asked what runs, what that was
booted with and what modules need, and gets two files more: vexlab's first process, which starts the agent, and its
busybox. The named machine itself stays as it is.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import struct
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from vexlab import process
from vexlab.cache import Cache, Kind, file_digest, key_of
from vexlab.deadline import Deadline
from vexlab.errors import MachineError, UsageError
from vexlab.images import cpio
from vexlab.images.builder import GUEST
from vexlab.kernels.flavours import boot_arguments
from vexlab.kernels.headers import relocate
from vexlab.model.kernel import IMAGE, Kernel, System
from vexlab.model.key import DISTRO
from vexlab.model.machine import Accelerator, CommandResult, Disk, Forward, MachineSpec
from vexlab.vm import emulator, own, ssh
from vexlab.vm.argv import MachineFiles
from vexlab.vm.disks import image_format
from vexlab.vm.machine import Machine
from vexlab.vm.named import NamedMachines
from vexlab.vm.network import free_port
from vexlab.vm.own import Reach
from vexlab.vm.record import ITS_OWN, OwnImage, Record
from vexlab.workloads import script

FOLDER = "/vexlab"  # in the image's copy
PROGRAMS = "vexlab"  # serial of the disk with vexlab's own programs, the root of one of its images
FIRST, BUSYBOX = f"{FOLDER}/init", f"{FOLDER}/busybox"
_FORMAT = 1  # part of every key: raise it when something else is taken of the same machine
_OWN = GUEST / "own"
_FACTS, _KERNEL, _INITRD, _CONFIG, _MODULES = "system.json", "vmlinuz", "initrd.img", "config", "modules"
_BOOT_S, _ASK_S, _COPY_S = 900.0, 120.0, 1200.0
_LEAST_MIB = 512  # what distributions ask for at least
# What only its own boot loader, its screen or vexlab's way of reaching it had put there.
_NOT_AGAIN = re.compile(r"(BOOT_IMAGE|initrd|init|console|vexlab\.init)=.*|quiet|splash|rhgb|ro|rw")
_PATH = "PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin\n"  # the agent gives one of vexlab's images
# Where the disk with vexlab's programs and the agent's own file come; a link by which its process has its name.
_FOLDERS = f"""
mkdir -p {FOLDER}/base {FOLDER}/state
ln -sf {FOLDER}/base/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 {FOLDER}/qemu-ga
"""
_ASK = script("ask_system.sh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What taking an image works with.

    ``busybox`` is a static one, ``new_folder`` makes a folder for one machine, ``given`` returns a kernel of vexlab's
    by its name, ``accel`` is what the copy runs with (``None``: as the machine does), ``say`` is told of progress.
    """

    shelf: NamedMachines
    cache: Cache
    busybox: Path
    new_folder: Callable[[], Path]
    given: Callable[[str], Kernel]
    accel: Accelerator | None
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """The named machine, and the folder ``work`` that its copy runs in."""

    name: str
    record: Record
    image: OwnImage
    files: MachineFiles
    work: Path
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What is kept beside the files."""

    release: str
    digest: str
    append: str
    memory: int
    disks: tuple[Disk, ...]
    given: str
    initrd: str


def take(name: str, place: Place) -> Kernel:
    """Return the kernel in the image of the machine ``name``, with its system; taken where the cache has it not yet.

    Raises ``UsageError`` where there is no such machine, it runs, or its image lacks what a run needs.
    """
    record, files, cache = place.shelf.record(name), place.shelf.files(name), place.cache
    if record.image is None:
        raise UsageError(
            f"`{name}` is a machine of vexlab's own image `{record.recipe}`",
            hint="--image takes one that `vexlab vm create NAME --image FILE` made; vexlab's own need no option",
        )
    image, entry = record.image, _entry(record, files, place.busybox)

    def fill(draft: Path) -> None:
        work = place.new_folder()
        source = _Source(name=name, record=record, image=image, files=files, work=work, place=place)
        _take(source, cache.root / Kind.SYSTEMS / entry, draft)

    folder = cache.make(Kind.SYSTEMS, entry, fill)
    for old in cache.entries():
        if old.kind is Kind.SYSTEMS and old.key != entry and old.key.rpartition("-")[0] == name:
            cache.remove(old)  # what the machine was like before
    facts = msgspec.json.decode((folder / _FACTS).read_bytes(), type=_Facts, dec_hook=lambda kind, value: kind(value))
    return _kernel_of(record, facts, folder, place)


def _kernel_of(record: Record, facts: _Facts, folder: Path, place: Place) -> Kernel:
    given = place.given(facts.given) if facts.given else None
    if given and given.release != facts.release:
        raise UsageError(
            f"`{record.name}` boots {facts.release}, and the kernel {facts.given} is {given.release} by now",
            hint=f"make the machine anew: `vexlab vm rm {record.name}`, then `vexlab vm create`",
        )
    return Kernel(
        name=f"{IMAGE}{record.name}",
        release=facts.release,
        version=facts.digest[:20],
        image=folder / _KERNEL if record.spec.own_kernel else record.spec.kernel,
        modules=given.modules if given else folder / _MODULES / facts.release,
        config=given.config if given else folder / _CONFIG,
        system=System(
            name=record.name,
            digest=facts.digest,
            disks=facts.disks,
            initrd=Path(facts.initrd),
            append=facts.append,
            memory=facts.memory,
            given=facts.given,
            newer_cpu=record.spec.own_kernel,
        ),
    )


def spec_of(kernel: Kernel, system: System, programs: Path, disks: tuple[Disk, ...], append: str) -> MachineSpec:
    """Return the machine of a user's image that ``disks`` belong to, beside one with vexlab's ``programs``."""
    words = f"{system.append} {boot_arguments(DISTRO)} {append}".split()
    return MachineSpec(
        kernel=kernel.image,
        initrd=system.initrd,
        append=" ".join(dict.fromkeys(words)),
        disks=(*system.disks, Disk(serial=PROGRAMS, file=programs, readonly=True), *disks),
        network=True,  # it reaches nothing; a system may wait for it when it boots
        newer_cpu=system.newer_cpu,
    )


def _entry(record: Record, files: MachineFiles, busybox: Path) -> str:
    """Return the key of what is taken of a machine: it changes with whatever is written to its disks."""
    disks = [(disk.serial, [_stamp(file) for file in _files(disk, files)]) for disk in record.spec.disks]
    spec = record.spec
    boot = (spec.append, spec.memory, spec.own_kernel, _stamp(spec.kernel), _stamp(spec.initrd), record.kernel)
    made_of = key_of(_FORMAT, disks, boot, (_OWN / "init").read_bytes(), file_digest(busybox), _ASK, _FOLDERS)
    return f"{record.name}-{made_of}"


def _take(source: _Source, entry: Path, draft: Path) -> None:
    """Fill ``draft``, which becomes ``entry``."""
    if emulator.running(source.files):
        raise UsageError(
            f"`{source.name}` runs, and what is on its disk changes",
            hint=f"`vexlab vm stop {source.name}`, and start it again when the run has ended",
        )
    say = source.place.say
    say(f"copying the disk of {source.name}")
    digest = _digest(source.record, source.files)
    spec = _copied(source)
    say(f"booting {source.name} once, to see what is in it: minutes, for a system of some size")
    with Machine.launch(spec, source.work) as machine:
        machine.agentless = True
        inside = Inside(machine, Reach(spec=spec, image=source.image, folder=source.work))
        own.wait_ready(machine, inside.reach, _BOOT_S)
        inside.choose()
        facts = _look(inside, source, draft)
        inside.shell(_FOLDERS)
        inside.push(source.place.busybox, BUSYBOX)
        inside.push(_OWN / "init", FIRST)
        inside.shell("sync")
        own.power_off(machine, inside.reach, _ASK_S)
        disks = _keep_disks(source, entry, draft)  # before their folder goes with the machine
    initrd = entry / _INITRD if spec.own_kernel else spec.initrd
    known = replace(facts, digest=digest, disks=disks, initrd=str(initrd))
    (draft / _FACTS).write_bytes(msgspec.json.encode(known, enc_hook=str))


class Inside:
    """The booted copy, reached by ssh where that lets in, else by the agent that it has."""

    def __init__(self, machine: Machine, reach: Reach) -> None:
        self.machine = machine
        self.reach = reach
        self._by_ssh = False

    def choose(self) -> None:
        """Find out by which way commands go."""
        self._by_ssh = self.reach.answers and self.reach.lets_in()

    def shell(self, script: str, *words: str, stdin: bytes = b"") -> CommandResult:
        """Run a script as root; raise ``MachineError`` where that ends badly."""
        argv = ["sh", "-c", f"{_PATH}{script}", "sh", *words]
        if self._by_ssh:
            done = self.reach.run(argv, timeout=_COPY_S, stdin=stdin)
        else:
            done = self.machine.exec(argv, timeout=_COPY_S, stdin=stdin)
        if not done.ok:
            raise MachineError(f"`{script.strip()[:100]}` in the copy of the image: {done}")
        return done

    def push(self, file: Path, path: str) -> None:
        """Write a program to ``path``."""
        script = 'cat >"$1.new" && chmod 755 "$1.new" && mv -f "$1.new" "$1"'
        self.shell(script, path, stdin=file.read_bytes())

    def pull(self, script: str, *words: str) -> bytes:
        """Return what ``script`` writes to its standard output, however much."""
        if self._by_ssh:
            return self.shell(script, *words).stdout
        path = "/run/vexlab-out"
        self.shell(f"{{ {script}\n}} >{path}", *words)
        deadline = Deadline.after(_COPY_S)
        data = self.machine.commands.agent(deadline).read_file(path, deadline, most=1 << 32)
        self.shell(f"rm -f {path}")
        return data


def _look(inside: Inside, source: _Source, draft: Path) -> _Facts:
    """Take what a run needs out of the booted copy; raise ``UsageError`` where it is not there."""
    told: dict[str, list[str]] = {}
    for line in inside.shell(_ASK).text.splitlines():
        name, _, value = line.partition(" ")
        told.setdefault(name, []).append(value)
    release = told["release"][0]
    if "/" in release or not release.strip("."):
        raise MachineError(f"the kernel of {source.name} says that its release is {release[:100]!r}")
    given = source.record.kernel if source.record.kernel != ITS_OWN else ""
    if source.record.spec.own_kernel:
        take_kernel(inside, told, release, source.name, draft)
    if not given:
        source.place.say(f"taking the modules of {release} out of {source.name}")
        _take_modules(inside, told, release, source.name, draft)
    asked = told["cmdline"][0].partition(" -- ")[0].split()  # what follows is for the first process
    words = [word for word in asked if not _NOT_AGAIN.fullmatch(word)]
    first = [f"vexlab.{word}" for word in asked if word.startswith("init=")]
    return _Facts(
        release=release,
        digest="",
        append=" ".join([*words, *first, "rw", f"init={FIRST}"]),
        memory=min(_LEAST_MIB, source.record.spec.memory),
        disks=(),
        given=given,
        initrd="",
    )


def take_kernel(inside: Inside, told: dict[str, list[str]], release: str, name: str, draft: Path) -> None:
    """Take kernel and initial ramdisk; raise ``UsageError`` where the kernel that runs is in no file."""
    for path in told.get("kernel", ()):
        (draft / _KERNEL).write_bytes(inside.pull('cat "$1"', path))
    found = release_of(draft / _KERNEL) if told.get("kernel") else ""
    if found != release:
        raise UsageError(
            f"the kernel {release} of {name} is in no file of its own"
            + (f": {told['kernel'][0]} is {found or 'no kernel'}" if told.get("kernel") else " below /boot"),
            hint=f"restart the machine, so that it runs the kernel that is installed: `vexlab vm restart {name}`",
        )
    paths = told.get("initrd", ())
    (draft / _INITRD).write_bytes(inside.pull('cat "$1"', paths[0]) if paths else cpio.archive((), {}))


def release_of(image: Path) -> str:
    """Return the release that a bzImage says it is, empty for another file (Documentation/arch/x86/boot.rst)."""
    head = image.read_bytes()[: 1 << 16]
    if head[0x202:0x206] != b"HdrS":
        return ""
    (at,) = struct.unpack_from("<H", head, 0x20E)
    return head[at + 0x200 : at + 0x300].partition(b"\0")[0].decode(errors="replace").partition(" ")[0]


def _take_modules(inside: Inside, told: dict[str, list[str]], release: str, name: str, draft: Path) -> None:
    """Take the lists of modules, those of filesystems, and what modules are built with, where that is there."""
    if not told.get("modules"):
        raise UsageError(f"{name} has no modules of its kernel {release} in /lib/modules")
    into = draft / _MODULES / release
    script = 'cd "$1" && tar -c -f - $(ls -d modules.* kernel/fs extra updates 2>/dev/null)'
    unpack(inside.pull(script, told["modules"][0]), draft / "modules.tar", into)
    for needed in ("modules.dep", "modules.builtin"):
        if not (into / needed).is_file():
            raise UsageError(f"{name} has no {needed} for its kernel {release}")
    for path in told.get("config", ()):
        (draft / _CONFIG).write_bytes(inside.pull('cat "$1"', path))
    if build := next(iter(told.get("build", ())), ""):
        folders = {each for each in (build, *told.get("headers", ())) if each.startswith("/")}
        script = 'cd / && tar -c -f - "$@"'
        words = sorted(each.strip("/") for each in folders)
        unpack(inside.pull(script, *words), draft / "headers.tar", draft / "headers")
        relocate(draft / "headers", Path(build), into / "build")


def unpack(data: bytes, tar: Path, into: Path) -> None:
    """Unpack what a guest packed: regular files, folders and links, nothing outside of ``into``."""
    tar.write_bytes(data)
    into.mkdir(parents=True)
    with tarfile.open(tar) as archive:
        for member in archive:
            if member.issym() and member.linkname.startswith("/"):  # the guest's root is `into`
                depth = len(Path(member.name).parts) - 1
                member.linkname = "../" * depth + member.linkname.lstrip("/")
            with contextlib.suppress(tarfile.FilterError):
                archive.extract(member, into, filter="data")
    tar.unlink()


def _copied(source: _Source) -> MachineSpec:
    """Copy disks and keys to the folder of the copy; return the copy's machine."""
    for disk in source.record.spec.disks:
        if not disk.readonly:
            backing = ["-B", str(disk.backing), "-F", image_format(disk.backing)] if disk.backing else []
            argv = ["qemu-img", "convert", "-f", "qcow2", "-O", "qcow2", *backing]
            file = source.files.disk(disk)
            process.run([*argv, str(file), str(source.work / file.name)], timeout=_COPY_S, check=True)
    for kept in source.files.folder.glob("ssh_key*"):
        shutil.copy2(kept, source.work / kept.name)
    forward = Forward(host_port=free_port(), guest_port=ssh.PORT)
    host_key = source.files.folder / "ssh_host_key.pub"
    if host_key.exists():
        ssh.know_host(source.work, forward.host_port, host_key.read_text())
    accel = source.place.accel or source.record.spec.accel
    return replace(source.record.spec, forwards=(forward,), vnc_port=0, capture=None, open=False, accel=accel)


def _keep_disks(source: _Source, entry: Path, draft: Path) -> tuple[Disk, ...]:
    """Move the copy's disks, and copy the machine's small ones, to ``draft``; return them as a run's machine has them.

    What it can write to is fresh in each machine, over the copy.
    """
    kept = []
    for disk in source.record.spec.disks:
        if not disk.readonly:
            name = f"{disk.serial}.image.qcow2"
            shutil.move(source.work / source.files.disk(disk).name, draft / name)
            kept.append(Disk(serial=disk.serial, size=disk.size, backing=entry / name))
        elif disk.file and source.files.folder in disk.file.parents:
            shutil.copy2(disk.file, draft / disk.file.name)
            kept.append(replace(disk, file=entry / disk.file.name))
        else:
            kept.append(disk)
    return tuple(kept)


def _digest(record: Record, files: MachineFiles) -> str:
    """Return the SHA-256 of what is on the machine's disks, and of the kernel that it is given."""
    found = hashlib.sha256()
    for disk in record.spec.disks:
        for file in _files(disk, files):
            found.update(f"{disk.serial} {file_digest(file)}\n".encode())
    for file in () if record.spec.own_kernel else (record.spec.kernel, record.spec.initrd):
        found.update(f"{file_digest(file)}\n".encode())
    return found.hexdigest()


def _files(disk: Disk, files: MachineFiles) -> tuple[Path, ...]:
    return tuple(file for file in (files.disk(disk), disk.backing) if file)


def _stamp(file: Path) -> tuple[str, int, int]:
    """Return what changes when a file is written to."""
    if not file.is_file():
        return (str(file), 0, 0)
    stat = file.stat()
    return (str(file), stat.st_size, stat.st_mtime_ns)
