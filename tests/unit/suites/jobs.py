"""Jobs for the tests of suites: what a machine would be told."""

from __future__ import annotations

from pathlib import Path

from vexlab.model.kernel import Kernel
from vexlab.model.machine import CommandResult
from vexlab.model.profile import Capability, Profile, State
from vexlab.suites.adapter import Job, Selection
from vexlab.targets.load import find_target

KERNEL = Kernel(
    name="6.1",
    release="6.1.0-37-cloud-amd64",
    version="1",
    image=Path("vmlinuz"),
    modules=Path("modules"),
    config=Path("config"),
)


def job(*refused: str, target: str = "targets/vexfs", test: str = "", tests: tuple[str, ...] = ()) -> Job:
    """Return a job whose profile refuses these capabilities, and says that direct I/O and symlinks work."""
    states = dict.fromkeys(("direct_io", "symlink", "truncate_up"), State.WORKS) | dict.fromkeys(refused, State.REFUSED)
    known = tuple(Capability(name=name, state=state, errno="EPERM") for name, state in states.items())
    profile = Profile(target="x", fstype="x", kernel="6.1", digest="", capabilities=known)
    devices = {"scratch": "/dev/vdc", "test": "/dev/vdd", "logwrites": "/dev/vde"}
    return Job(
        target=find_target(target),
        kernel=KERNEL,
        profile=profile,
        mountpoint="/mnt/test",
        devices=devices,
        test=test,
        selection=Selection(tests=tests),
    )


def ended(status: int = 0) -> CommandResult:
    return CommandResult(argv=("x",), status=status, signal=0, stdout=b"", stderr=b"", duration=1.0)
