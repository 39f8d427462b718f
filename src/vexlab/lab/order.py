"""What is asked of the lab."""

from __future__ import annotations

from dataclasses import dataclass

from vexlab.model.kernel import Kernel
from vexlab.model.machine import Disk
from vexlab.model.profile import Profile
from vexlab.model.target import ModuleArtifact, Target
from vexlab.vm.preparation import Preparation

TRACE_MIB = 768  # bpftrace's compiler and its tables of stacks take 300
SCRATCH = Disk(serial="scratch", size=1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked of the lab: a machine for ``target`` on ``kernel``. ``memory`` in MiB.

    ``single_thread_tcg`` is for work that goes on in one process at a time, as in ``vexlab.vm.argv.Start``. ``profile``
    is what the guest's programs are told of the filesystem (``vexlab.model.profile.GUEST_FILE``); without one they try
    everything. One to be ``traced`` has the programs of the image ``trace``, too, and the memory that they need. What
    is in ``preparation`` is done in the guest before its machines' snapshot is taken.
    """

    target: Target
    kernel: Kernel
    artifact: ModuleArtifact
    memory: int = 256
    cpus: int = 2
    disks: tuple[Disk, ...] = (SCRATCH,)
    recipe: str = "base"
    append: str = ""
    single_thread_tcg: bool = False
    profile: Profile | None = None
    traced: bool = False
    preparation: Preparation | None = None
