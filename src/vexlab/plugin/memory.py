"""A crashed kernel's memory, examined with drgn where that is installed and the kernel's symbols are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.debug.postmortem import Subject, is_installed, post_mortem
from vexlab.lab import Order
from vexlab.plugin.options import settings_of, the_lab
from vexlab.vm.machine import Machine

_HEAD = "\n== what drgn finds in the machine's memory ==\n"


def examine_memory(config: pytest.Config, machine: Machine, order: Order, folder: Path) -> str:
    """Return the examination as text, empty where it cannot be made; dumps go to ``folder``.

    A kernel that vexlab built brings its symbols, a distribution's has them after ``vexlab kernels fetch --debug``.
    """
    vmlinux = the_lab(config).kernels.debug(order.kernel)
    if vmlinux is None or not is_installed():
        return ""
    module = order.artifact.path.with_name(f"{order.target.module}.debug.ko") if order.artifact.path else None
    subject = Subject(
        vmlinux=vmlinux,
        module=module if module and module.is_file() else None,
        fstype=order.target.fstype,
    )
    return _HEAD + post_mortem(machine, subject, folder, keep=settings_of(config).run.keep_memory)
