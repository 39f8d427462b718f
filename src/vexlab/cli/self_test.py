"""``vexlab self-test``: whether this machine's lab tells a sound kernel from one that goes wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import click

from vexlab.classify import classify
from vexlab.cli.options import request_options, settings_from
from vexlab.errors import MachineError, VexlabError
from vexlab.guest.block import device_of
from vexlab.lab import Lab, Order
from vexlab.model.kernel import Kernel
from vexlab.model.target import ModuleArtifact, Target
from vexlab.vm.machine import Machine

_NOTHING = Target(name="none", fstype="none", module="none", file=Path("/dev/null"))
_CRASH_S = 60.0
_PROOF = "/root/proof"  # in the guest
_KEEP = "dd if={0} of={1} conv=fsync 2>/dev/null && echo 3 >/proc/sys/vm/drop_caches && head -c 5 {1}"


@click.command(name="self-test")
@request_options("kernels", "config", "accel", "memory", "cpus")
def command(**given: object) -> int:
    """Boot a machine, use it, and crash its kernel on purpose: the crash must be found, and a sound machine quiet.

    Nothing of yours is tested. Exit status: 0 the lab can be trusted here, 3 it cannot.
    """
    settings = settings_from(**given)
    with Lab(settings, progress=lambda words: click.echo(words, err=True)) as lab:
        lab.check_room()
        kernel = lab.kernels.get(settings.kernels[0])
        checks: tuple[tuple[str, Callable[[Machine], str]], ...] = (
            ("a fresh machine answers", _answers),
            ("a disk keeps what is written", _keeps),
            ("a sound machine is quiet", _is_quiet),
            ("a kernel that is crashed is found out", _is_found),
        )
        wrong = [name for name, check in checks if not _made(lab, kernel, name, check)]
    click.echo("this machine's lab can be trusted" if not wrong else f"do not trust a run here: {'; '.join(wrong)}")
    return 3 if wrong else 0


def _made(lab: Lab, kernel: Kernel, name: str, check: Callable[[Machine], str]) -> bool:
    begin = time.monotonic()
    artifact = ModuleArtifact(target="", kernel=kernel.name, path=None, digest="")
    try:
        order = Order(target=_NOTHING, kernel=kernel, artifact=artifact, memory=lab.settings.memory)
        with lab.machine(order) as machine:
            why = check(machine)
    except VexlabError as error:
        why = error.message
    click.echo(f"{'FAILED' if why else 'passed':8} {name:40} {time.monotonic() - begin:5.1f} s  {why}".rstrip())
    return not why


def _answers(machine: Machine) -> str:
    release = machine.exec(["uname", "-r"])
    return "" if release.ok and release.text else f"uname says {release}"


def _keeps(machine: Machine) -> str:
    machine.push(b"proof".ljust(512, b"\0"), _PROOF)
    disk = device_of(machine, "scratch")
    read = machine.shell(_KEEP.format(_PROOF, disk))
    return "" if read.text == "proof" else f"read back {read}"


def _is_quiet(machine: Machine) -> str:
    reports = classify(machine.console.text())
    return f"its console says {reports[0].title}" if reports else ""


def _is_found(machine: Machine) -> str:
    """Crash the kernel by sysrq, and look for it in what the console says (Documentation/admin-guide/sysrq.rst)."""
    try:
        machine.shell("echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger", timeout=_CRASH_S)
    except MachineError:
        reports = classify(machine.console.text())
        return "" if reports else "the console of the crashed kernel says nothing that is known"
    return "a command came back from a kernel that was crashed"
