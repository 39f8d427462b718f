"""The parts that vexlab needs, and whether each works: cheap looks that boot nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping

from vexlab.config import cache_dir, load_settings
from vexlab.errors import VexlabError
from vexlab.results.store import Store
from vexlab.vm.qemu import find_qemu
from vexlab.vm.room import QEMU_MIB, available_memory

_DISK_LEAST = 2 << 30  # bytes: a run writes evidence and snapshots


def components(store: Store) -> Mapping[str, bool]:
    """Return whether each component is up."""
    looks: Mapping[str, Callable[[], bool]] = {
        "store": lambda: _reads(store),
        "results_disk": lambda: shutil.disk_usage(store.folder).free > _DISK_LEAST,
        "cache": lambda: os.access(cache_dir(load_settings(None)), os.W_OK),
        "emulator": lambda: bool(find_qemu().version),
        "memory": lambda: available_memory() >> 20 > load_settings(None).memory + QEMU_MIB,
    }
    return {name: _works(look) for name, look in looks.items()}


def _works(look: Callable[[], bool]) -> bool:
    try:
        return look()
    except (VexlabError, OSError):
        return False


def _reads(store: Store) -> bool:
    with store.reading() as session:
        session.connection()
    return True
