"""What kernels themselves do wrong under vexlab's cases, looked at, with the reason: it is no fault of the module.

Each entry is bound to the versions in which it was seen, and to the cases that make it happen. It stays visible.
"""

from __future__ import annotations

import datetime

from vexlab.classify.known import KnownIssue

KERNEL_FAULTS = (
    KnownIssue(
        title="WARNING: proc registration bug in jbd2_journal_destroy",
        case="safety_validation.fault_*",
        kernels=("6.1.*",),
        reason="jbd2 does not look whether /proc/fs/jbd2/DEVICE/info could be made, and removes it (jbd2_stats_proc_init)",
        owner="the kernel's",
        expires=datetime.date.max,
    ),
)
