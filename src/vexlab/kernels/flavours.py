"""The flavours of kernels. A new one is one more line, and a kernel of it a line in the table of kernels."""

from __future__ import annotations

from collections.abc import Mapping

from vexlab.errors import UsageError
from vexlab.model.kernel import Flavour, Kernel
from vexlab.model.key import DISTRO

# Speculation barriers only cost time under emulation; fixed addresses make two runs comparable. A starved guest may
# take its timer for dead and panic ("IO-APIC + timer doesn't work!") unless it is told not to check it.
_EVERY = "console=ttyS0 ignore_loglevel panic=0 mitigations=off nokaslr tsc=reliable random.trust_cpu=on no_timer_check"

FLAVOURS = (
    Flavour(
        name=DISTRO,
        about="as a distribution builds it",
        # SLUB checks every object (Documentation/mm/slub.rst), but without U: storing users makes 6.1 itself leak a
        # debugfs entry for each cache that a module creates and destroys. KFENCE samples where it is built in (6.12).
        append="slub_debug=FZP kfence.sample_interval=100",
    ),
)

BY_NAME = {flavour.name: flavour for flavour in FLAVOURS}


def boot_arguments(flavour: str) -> str:
    """Return what every kernel of ``flavour`` is booted with."""
    return f"{_EVERY} {BY_NAME[flavour].append}".strip()


def timeout_scale(flavour: str) -> float:
    """Return how many times as long as on a distribution's kernel anything may take on one of ``flavour``."""
    return BY_NAME[flavour].timeout_scale


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
