"""How many machines the host carries."""

from __future__ import annotations

import os
import re
from pathlib import Path

QEMU_MIB = 64  # what the emulator takes beside the guest's memory


def available_memory() -> int:
    """Return the bytes of memory that programs may still take (``MemAvailable`` in proc(5))."""
    text = Path("/proc/meminfo").read_text()
    match = re.search(r"^MemAvailable: +(\d+) kB$", text, re.MULTILINE)
    return int(match[1]) * 1024 if match else 1 << 40


def machines_at_once(memory: int) -> int:
    """Return how many machines of ``memory`` MiB cores and available memory carry, at least one."""
    fitting = (available_memory() >> 20) // (memory + QEMU_MIB)
    return max(1, min(len(os.sched_getaffinity(0)), fitting))
