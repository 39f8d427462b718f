"""Targets that come with the kernel: whether one is a module there, a part of the image, or not there at all."""

from __future__ import annotations

from vexlab.model.kernel import Kernel
from vexlab.model.target import Target


def is_built_in(kernel: Kernel, target: Target) -> bool:
    """Whether the target's module is a part of the kernel's image."""
    return target.in_tree and f"/{target.module}.ko" in (kernel.modules / "modules.builtin").read_text()


def why_not_loadable(kernel: Kernel, target: Target) -> str:
    """Return why the target is no loadable module on this kernel, or an empty string where it is one."""
    if is_built_in(kernel, target):
        return f"{target.name} is built into kernel {kernel.name}"
    return why_absent(kernel, target)


def why_absent(kernel: Kernel, target: Target) -> str:
    """Return the words for a target that should come with the kernel and does not, or an empty string."""
    if not target.in_tree or is_built_in(kernel, target):
        return ""
    if f"/{target.module}.ko" not in (kernel.modules / "modules.dep").read_text():
        return f"kernel {kernel.name} has no module {target.name}"
    return ""
