"""The flavours of kernels. A new one is one more line; what it is built with stands in files in ``fragments``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vexlab.errors import UsageError
from vexlab.model.kernel import Flavour, Kernel
from vexlab.model.key import DISTRO
from vexlab.tables import suggest

# Speculation barriers only cost time under emulation; fixed addresses make two runs comparable. A starved guest may
# take its timer for dead and panic ("IO-APIC + timer doesn't work!") unless it is told not to check it.
_EVERY = "console=ttyS0 ignore_loglevel panic=0 mitigations=off nokaslr tsc=reliable random.trust_cpu=on no_timer_check"

# What checks the rest of the kernel need not be checked itself, which makes it slow. Since 6.15 the kernel leaves
# lockdep alone by default (kernel/locking/Makefile).
_CHECKERS = ("kmemleak", "lockdep", "debugobjects", "page_owner")

FRAGMENTS = Path(__file__).with_name("fragments")

FLAVOURS = (
    Flavour(
        name=DISTRO,
        about="as a distribution builds it",
        # SLUB checks every object (Documentation/mm/slub.rst), but without U: storing users makes 6.1 itself leak a
        # debugfs entry for each cache that a module creates and destroys. KFENCE samples where it is built in (6.12).
        append="slub_debug=FZP kfence.sample_interval=100",
    ),
    Flavour(
        name="kasan",
        about="memory errors, leaks, order of locks; allocations and I/O fail on demand",
        append="page_owner=on kasan.fault=report kasan_multi_shot",
        options=("KASAN", "KASAN_INLINE", "PROVE_LOCKING", "DEBUG_KMEMLEAK", "FAILSLAB", "UBSAN", "PAGE_OWNER"),
        timeout_scale=4.0,
        fragments=("machine", "structures", "locks", "kasan", "leaks", "faults"),
        memory=512,
        shows=(DISTRO, "kasan", "lockdep", "kmemleak"),
        plain=_CHECKERS,
    ),
    Flavour(
        name="kcsan",
        about="data races",
        append="slub_debug=FZP",
        options=("KCSAN", "KCSAN_STRICT"),
        timeout_scale=4.0,
        fragments=("machine", "structures", "kcsan"),
        memory=384,
        shows=(DISTRO, "kcsan"),
    ),
    Flavour(
        name="debug",
        about="order of locks, misused data structures, failing allocations; quicker than kasan",
        append="slub_debug=FZP",
        options=("PROVE_LOCKING", "DEBUG_LIST", "DEBUG_OBJECTS", "FAILSLAB"),
        timeout_scale=2.0,
        fragments=("machine", "structures", "locks", "faults"),
        memory=384,
        shows=(DISTRO, "lockdep"),
    ),
)

BY_NAME = {flavour.name: flavour for flavour in FLAVOURS}


def boot_arguments(flavour: str) -> str:
    """Return what every kernel of ``flavour`` is booted with."""
    return f"{_EVERY} {BY_NAME[flavour].append}".strip()


def timeout_scale(flavour: str) -> float:
    """Return how many times as long as on a distribution's kernel anything may take on one of ``flavour``, at least."""
    return BY_NAME[flavour].timeout_scale


def least_memory(flavour: str) -> int:
    """Return how many MiB machines with a kernel of ``flavour`` have at least."""
    return BY_NAME[flavour].memory


def shown_by(flavour: str) -> tuple[str, ...]:
    """Return what kernels of ``flavour`` report; raise ``UsageError`` for a flavour that is none."""
    if flavour not in BY_NAME:
        raise UsageError(f"no flavour `{flavour}` of kernels", hint=suggest(flavour, BY_NAME))
    return BY_NAME[flavour].shows


def built() -> tuple[Flavour, ...]:
    """Return the flavours that ``vexlab kernels build`` builds."""
    return tuple(flavour for flavour in FLAVOURS if flavour.fragments)


def check_options(kernel: Kernel, flavour: Flavour, options: Mapping[str, str]) -> None:
    """Raise ``UsageError`` where the kernel, built with ``options``, lacks one that its flavour asks for."""
    for asked in flavour.options:
        name, _, value = asked.partition("=")
        found = options.get(name, "n")
        if found != (value or "y"):
            raise UsageError(
                f"kernel {kernel.name} is of flavour {flavour.name} and must be built with "
                f"CONFIG_{name}={value or 'y'}; its configuration {kernel.config} has {found}",
                hint="without it a bug that such kernels show would go unseen; fetch or build the kernel anew",
            )
