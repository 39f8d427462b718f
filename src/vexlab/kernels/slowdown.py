"""How much longer than on a distribution's kernel anything may take on a kernel, measured when it was booted here.

Kept between runs, since a case's deadline on the host is set before its machine is there. On a kernel that was never
booted the flavour's own figure holds.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from vexlab.cache import key_of
from vexlab.kernels import flavours
from vexlab.model.key import DISTRO

# What the program that is timed takes on Debian's 6.1 and 6.12 under emulation, in seconds of processor time:
# docs/explanation/measurements.md, "Instrumented kernels and post-mortems".
REFERENCE_S = 0.3
MOST = 4.0  # of the flavour's figure: what a starved host measures is not the kernel's


def timeout_scale(cache: Path, kernel: str, flavour: str) -> float:
    """Return by how much deadlines are multiplied on the kernel named ``kernel``; ``cache`` is the cache's root.

    The least is its flavour's figure, ``MOST`` times that the most. Limits are made for a distribution's kernel.
    """
    scale = flavours.timeout_scale(flavour)
    if is_measured(flavour):
        with contextlib.suppress(OSError, ValueError):
            measured = float(_file(cache, kernel).read_text()) / REFERENCE_S
            return min(max(scale, measured), most_scale(flavour))
    return scale


def most_scale(flavour: str) -> float:
    """Return what ``timeout_scale`` can be at most, on whatever host."""
    return flavours.timeout_scale(flavour) * (MOST if is_measured(flavour) else 1.0)


def is_measured(flavour: str) -> bool:
    """Whether a kernel of ``flavour`` is measured when it has booted."""
    return flavour != DISTRO


def remember(cache: Path, kernel: str, seconds: float) -> None:
    """Keep the processor time that the program took on ``kernel``, the least so far: a busy host makes it longer.

    A read-only cache keeps nothing.
    """
    file = _file(cache, kernel)
    with contextlib.suppress(OSError, ValueError):
        seconds = min(seconds, float(file.read_text()))
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(f".{os.getpid()}")
        draft.write_text(f"{seconds:.2f}\n")
        draft.replace(file)


def _file(cache: Path, kernel: str) -> Path:
    return cache / "slowdown" / key_of(kernel)
