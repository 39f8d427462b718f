"""Kernels that count which lines of a module run (Documentation/dev-tools/gcov.rst)."""

from __future__ import annotations

from vexlab.errors import UsageError
from vexlab.kernels.catalogue import has_option
from vexlab.model.kernel import Kernel
from vexlab.model.target import Target

COUNTERS = "GCOV_KERNEL"  # the option of a kernel that keeps counters


def counts(kernel: Kernel) -> bool:
    """Whether the kernel keeps the counters of a module that is built to count (``CONFIG_GCOV_KERNEL``)."""
    return has_option(kernel, COUNTERS)


def check_countable(target: Target, kernel: Kernel) -> None:
    """Raise ``UsageError`` where nothing can count which lines of the target's module run on this kernel."""
    if target.in_tree:
        raise UsageError(
            f"{target.name} comes with the kernel and is not built here, so nothing counts which of its lines run",
            hint="coverage needs `source` in target.toml",
        )
    if not counts(kernel):
        raise UsageError(
            f"kernel {kernel.name} is built without CONFIG_{COUNTERS}: it cannot count which lines of a module run",
            hint="`vexlab kernels build kasan` builds one that can; then `vexlab run --coverage --flavour kasan`",
        )
