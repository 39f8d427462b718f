"""The table of formats: every kind of report the kernel prints, the more special first.

The wording is the kernel's own, 2.6 to 6.x; each row has a sample of what it matches. A new wording is a new row.
"""

from __future__ import annotations

from vexlab.classify.oops_format import OopsFormat
from vexlab.classify.sanitizers import KASAN, KCSAN, KFENCE, KMSAN, UBSAN
from vexlab.classify.splats import BUGS, INFOS, LOCKDEP, NAMES_TAKEN, UNWINDER, WARNINGS
from vexlab.classify.stops import DEATHS, FAULTS, KERNEL_BUG, OTHERS, PANICS, STALLS, STOPS

OOPS_FORMATS: tuple[OopsFormat, ...] = (
    *KASAN,
    *KMSAN,
    *KCSAN,
    *KFENCE,
    *FAULTS,
    *LOCKDEP,
    *BUGS,
    *KERNEL_BUG,
    *UNWINDER,
    *WARNINGS,
    *NAMES_TAKEN,
    *STALLS,
    *INFOS,
    *STOPS,
    *UBSAN,
    *PANICS,
    *OTHERS,
    *DEATHS,
)
