"""QEMU's command line: a pure function of a machine's spec and of where its files lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vexlab.model.machine import Accelerator, CacheMode, Disk, MachineSpec, Share

# What QEMU may not do once it runs (`-sandbox`, seccomp): start programs, gain privileges.
SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny"

# Devices nobody uses cost restore time. `microvm` would be smaller still, but Debian's kernels do not boot on it.
MACHINE = "q35,memory-backend=ram,vmport=off,smbus=off,sata=off,usb=off,i8042=off,hpet=off"

# An image's own boot loader and its screen want a keyboard and what else a PC has.
MACHINE_OF_IMAGES = "q35,memory-backend=ram"

# `max` under TCG spends translation time on vector extensions; the baseline runs every Debian kernel. Without RDRAND a
# guest has no random numbers for half a minute, and libuuid gives up on each only after a second: mke2fs took five.
CPU = {Accelerator.TCG: "qemu64,+rdrand", Accelerator.KVM: "host"}

# What comes with a kernel and programs of its own may want newer instructions (x86-64-v2: Fedora, RHEL 9).
CPU_OF_IMAGES = {Accelerator.TCG: "max", Accelerator.KVM: "host"}

AGENT_PORT = "org.qemu.guest_agent.0"
RUNNER_PORT = "vexlab.runner"  # the command runner of workloads/runner
DATA_PORT = "vexlab.data"  # raw bytes of files, where the agent's base64 in JSON is too slow


@dataclass(frozen=True, slots=True)
class MachineFiles:
    """Where a machine keeps its sockets, log, disks and memory. Socket paths must stay under 108 bytes (unix(7))."""

    folder: Path

    @property
    def qmp(self) -> Path:
        """Socket of the machine protocol."""
        return self.folder / "qmp"

    @property
    def agent(self) -> Path:
        """Socket of the guest agent."""
        return self.folder / "agent"

    @property
    def runner(self) -> Path:
        """Socket of the command runner."""
        return self.folder / "runner"

    @property
    def data(self) -> Path:
        """Socket of the port that carries files."""
        return self.folder / "data"

    @property
    def console(self) -> Path:
        """Socket of the serial console, for people and for system requests."""
        return self.folder / "console"

    @property
    def gdb(self) -> Path:
        """Socket of QEMU's stub for gdb, while one is open."""
        return self.folder / "gdb"

    @property
    def console_log(self) -> Path:
        """Everything the guest printed on its console since the machine started."""
        return self.folder / "console.log"

    @property
    def memory(self) -> Path:
        """The guest's memory."""
        return self.folder / "memory"

    @property
    def pid(self) -> Path:
        """QEMU's process id."""
        return self.folder / "qemu.pid"

    def disk(self, disk: Disk) -> Path:
        """Return the file behind ``disk``."""
        return disk.file or self.folder / f"{disk.serial}.qcow2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How a machine comes up: booted, or waiting for the state of a template.

    ``memory`` is the file that backs the guest's memory. With ``keep_memory`` the guest writes through to it (a
    template is being made); without, it is mapped copy-on-write and any number of machines may share it.

    ``single_thread_tcg`` lets the emulated CPUs take turns in one thread of the host (``-accel tcg,thread=single``). A
    guest that does one thing at a time loses nothing by it, and a CPU that waits for another no longer spins away the
    time that the other needs, which it does where the guests have more CPUs than the host.
    """

    memory: Path
    keep_memory: bool = False
    incoming: bool = False
    single_thread_tcg: bool = False


def qemu_argv(spec: MachineSpec, files: MachineFiles, start: Start) -> tuple[str, ...]:
    """Return the arguments for ``qemu-system-x86_64`` (QEMU 6.2 or newer), without the program itself."""
    return (
        "-nodefaults",
        "-no-user-config",
        "-no-reboot",
        *("-sandbox", SANDBOX),
        *("-display", "none" if not spec.vnc_port else f"vnc=127.0.0.1:{spec.vnc_port - 5900}"),
        *(("-vga", "std") if spec.vnc_port else ("-vga", "none")),
        *("-accel", _accel(spec, start), "-machine", _machine(spec), "-cpu", _cpu(spec)),
        *("-smp", str(spec.cpus), "-m", f"{spec.memory}M"),
        *("-object", _memory(spec, start)),
        *_kernel(spec),
        *(
            "-chardev",
            f"socket,id=console,path={files.console},server=on,wait=off,logfile={files.console_log}",
        ),
        *("-serial", "chardev:console"),
        *(argument for disk in spec.disks for argument in _disk(disk, files, boots=_boots(spec, disk))),
        *("-device", "virtio-serial-pci"),
        *("-chardev", f"socket,id=agent,path={files.agent},server=on,wait=off"),
        *("-device", f"virtserialport,chardev=agent,id=agent,name={AGENT_PORT}"),
        *("-chardev", f"socket,id=runner,path={files.runner},server=on,wait=off"),
        *("-device", f"virtserialport,chardev=runner,id=runner,name={RUNNER_PORT}"),
        *("-chardev", f"socket,id=data,path={files.data},server=on,wait=off"),
        *("-device", f"virtserialport,chardev=data,id=data,name={DATA_PORT}"),
        *(_network(spec) if spec.network else ()),
        *(argument for share in spec.shares for argument in _share(share)),
        *("-qmp", f"unix:{files.qmp},server=on,wait=off"),
        *("-pidfile", str(files.pid)),
        *(("-incoming", "defer") if start.incoming else ()),
    )


def replay_argv(spec: MachineSpec, files: MachineFiles) -> tuple[str, ...]:
    """Return the arguments for a machine of the same devices that nobody speaks to, less accelerator and CPU.

    What the guest prints goes to ``console_log``. QEMU's sandbox is not asked for: not every QEMU has it.
    """
    ports = (("agent", AGENT_PORT), ("runner", RUNNER_PORT), ("data", DATA_PORT))
    return (
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-vga", "none"),
        *("-machine", MACHINE, "-smp", str(spec.cpus), "-m", f"{spec.memory}M"),
        *("-object", f"memory-backend-ram,id=ram,size={spec.memory}M"),
        *("-kernel", str(spec.kernel), "-initrd", str(spec.initrd), "-append", spec.append),
        *("-chardev", f"file,id=console,path={files.console_log}", "-serial", "chardev:console"),
        *(argument for disk in spec.disks for argument in _disk(disk, files)),
        *("-device", "virtio-serial-pci"),
        *(argument for port, name in ports for argument in _silent_port(port, name)),
    )


def _silent_port(port: str, name: str) -> tuple[str, ...]:
    return ("-chardev", f"null,id={port}", "-device", f"virtserialport,chardev={port},id={port},name={name}")


def accelerator(spec: MachineSpec, *, single_thread_tcg: bool) -> tuple[str, str]:
    """Return the values of ``-accel`` and ``-cpu``."""
    return _accel(spec, Start(memory=Path(), single_thread_tcg=single_thread_tcg)), CPU[spec.accel]


def _accel(spec: MachineSpec, start: Start) -> str:
    if spec.accel is not Accelerator.TCG:
        return spec.accel
    return f"tcg,thread={'single' if start.single_thread_tcg else 'multi'}"


def _machine(spec: MachineSpec) -> str:
    return MACHINE_OF_IMAGES if spec.own_kernel else MACHINE


def _cpu(spec: MachineSpec) -> str:
    return (CPU_OF_IMAGES if spec.own_kernel or spec.newer_cpu else CPU)[spec.accel]


def _kernel(spec: MachineSpec) -> tuple[str, ...]:
    if spec.own_kernel:
        return ()
    return ("-kernel", str(spec.kernel), "-initrd", str(spec.initrd), "-append", spec.append)


def _boots(spec: MachineSpec, disk: Disk) -> bool:
    return spec.own_kernel and disk == spec.disks[0]


def _memory(spec: MachineSpec, start: Start) -> str:
    share = "on" if start.keep_memory else "off"
    return f"memory-backend-file,id=ram,size={spec.memory}M,mem-path={start.memory},share={share}"


def _disk(disk: Disk, files: MachineFiles, *, boots: bool = False) -> tuple[str, ...]:
    file = f"file.driver=file,file.filename={files.disk(disk)}"
    if disk.readonly:
        blockdev = f"driver=raw,node-name={disk.serial},read-only=on,{file}"
    else:
        flushes = "on" if disk.cache is CacheMode.UNSAFE else "off"
        blockdev = f"driver=qcow2,node-name={disk.serial},discard=unmap,cache.no-flush={flushes},{file}"
    # An error of the host's file must not look like one of the device: QEMU stops the guest and tells us.
    device = f"virtio-blk-pci,drive={disk.serial},serial={disk.serial},rerror=stop,werror=stop"
    if disk.sector != 512:
        device += f",logical_block_size={disk.sector},physical_block_size={disk.sector}"
    if boots:
        device += ",bootindex=0"
    return ("-blockdev", blockdev, "-device", device)


def _share(share: Share) -> tuple[str, ...]:
    # a comma in a path is doubled, as QEMU's options want it
    folder = str(share.folder).replace(",", ",,")
    backend = f"local,id={share.tag},path={folder},security_model=none,readonly=on,multidevs=remap"
    return ("-fsdev", backend, "-device", f"virtio-9p-pci,fsdev={share.tag},mount_tag={share.tag}")


def _network(spec: MachineSpec) -> tuple[str, ...]:
    forwards = "".join(f",hostfwd=tcp:127.0.0.1:{f.host_port}-:{f.guest_port}" for f in spec.forwards)
    restrict = "off" if spec.open else "on"
    capture = str(spec.capture).replace(",", ",,")
    return (
        *("-netdev", f"user,id=net,restrict={restrict}{forwards}", "-device", "virtio-net-pci,netdev=net"),
        *(("-object", f"filter-dump,id=capture,netdev=net,file={capture}") if spec.capture else ()),
    )
