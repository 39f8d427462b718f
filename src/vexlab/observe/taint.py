"""The kernel's taint flags (Documentation/admin-guide/tainted-kernels.rst)."""

from __future__ import annotations

from vexlab.model.report import Severity

# Only what says that something went wrong: an out-of-tree or unsigned module taints too, and that is no fault.
_BAD = {
    4: ("a processor reported a machine check", Severity.CRASH),
    5: ("bad page", Severity.CRASH),
    7: ("the kernel has oopsed", Severity.CRASH),
    9: ("the kernel has warned", Severity.WARNING),
    14: ("soft lockup", Severity.CRASH),
}


def bad_taints(value: int) -> tuple[tuple[str, Severity], ...]:
    """Return meaning and severity of each alarming bit in ``/proc/sys/kernel/tainted``."""
    return tuple(meaning for bit, meaning in _BAD.items() if value >> bit & 1)
