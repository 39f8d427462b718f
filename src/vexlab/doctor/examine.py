"""The whole examination: what this machine can do, and what to do about the rest."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from vexlab import process
from vexlab.cache import Cache
from vexlab.config import Settings, cache_dir, state_dir
from vexlab.doctor import host, trace
from vexlab.doctor.check import Check, Examination
from vexlab.doctor.emulator import examine_qemu
from vexlab.doctor.packages import PROGRAMS, family_of, remedy
from vexlab.errors import InfraError
from vexlab.kernels.catalogue import Kernels
from vexlab.kernels.tools import lacking
from vexlab.model.machine import Accelerator
from vexlab.targets import sandbox
from vexlab.vm import accel
from vexlab.vm.accel import Proved
from vexlab.vm.qemu import Qemu, find_qemu
from vexlab.vm.room import available_memory

TRACE = "trace"
# What some need and others do not, by the word that asks for it.
PURPOSES: Mapping[str, Callable[[str], tuple[Check, ...]]] = {
    "kernels": lambda family: host.for_kernels(lacking(), family),
    TRACE: lambda _family: (),  # it is about kernels at hand, too
}
_OS_RELEASE = (Path("/etc/os-release"), Path("/usr/lib/os-release"))


def examine(
    settings: Settings, *, fresh: bool, progress: Callable[[str], None], purposes: Collection[str] = ()
) -> Examination:
    """Look at everything; nothing here raises for what is missing. ``fresh`` proves the accelerators anew.

    ``purposes`` are those of ``PURPOSES`` that what only some need is looked at for, too.
    """
    cache = cache_dir(settings)
    family = family_of(next((file.read_text() for file in _OS_RELEASE if file.is_file()), ""))
    progress("looking for programs")
    checks = [*host.programs(process.find, family), host.keyring(family), host.libelf(family)]
    for purpose in purposes:
        checks += PURPOSES[purpose](family)
    if TRACE in purposes:
        catalogue = Kernels(Cache(cache))
        configs = {name: catalogue.get(name).config for name in _kernels(Cache(cache), settings)}
        there = {name: process.find(name) is not None for need in trace.PROGRAMS for name in need.anyof}
        checks += trace.for_trace(there, configs, available_memory(), family)
    checks.append(
        host.build_sandbox(
            sandbox.prove(),
            family,
            installed=process.find(sandbox.PROGRAM) is not None,
            required=settings.sandbox == "require",
        )
    )
    kernels = _kernels(Cache(cache), settings)
    try:
        qemu = find_qemu()
        progress("asking QEMU")
        checks += examine_qemu(qemu, family)
        found: Mapping[Accelerator, Proved] = dict(_accelerators(qemu, kernels, cache, fresh=fresh, progress=progress))
    except InfraError as error:
        checks.append(Check(name="QEMU", ok=False, detail=error.message, fix=remedy(PROGRAMS[:1], family)))
        found = {name: Proved(usable=False, reason=error.message) for name in accel.ORDER}
    checks.append(_accelerator(found))
    checks += [
        *host.disk(cache),
        host.memory(available_memory(), settings.memory),
        host.cores(len(os.sched_getaffinity(0))),
        host.writable("cache", cache, "VEXLAB_CACHE"),
        host.writable("named machines", state_dir(), "VEXLAB_STATE"),
        host.short_enough(Path(tempfile.gettempdir())),
        _kernels_check(kernels, settings),
    ]
    return Examination(accelerators=found, checks=tuple(checks))


def _accelerators(
    qemu: Qemu, kernels: Mapping[str, Path], cache: Path, *, fresh: bool, progress: Callable[[str], None]
) -> Iterator[tuple[Accelerator, Proved]]:
    kernel = next(iter(kernels.values()), None)
    for name in accel.ORDER:
        progress(f"proving {name}: a guest is booted, up to {accel.DEADLINE_S[name]:g} s")
        yield name, accel.prove(name, qemu, kernel, cache / "accel", fresh=fresh)


def _accelerator(found: Mapping[Accelerator, Proved]) -> Check:
    usable = [name for name, answer in found.items() if answer.usable]
    if usable:
        return Check(name="accelerator", ok=True, detail=f"{usable[0]} will be used")
    reasons = "; ".join(f"{name}: {answer.reason}" for name, answer in found.items())
    return Check(name="accelerator", ok=False, detail=reasons, fix="install a complete QEMU; tcg needs nothing else")


def _kernels(cache: Cache, settings: Settings) -> Mapping[str, Path]:
    """Return the images of kernels in the cache by name, those of the settings first."""
    catalogue = Kernels(cache)
    here = [row.name for row in catalogue.list() if row.release and row.source == "package"]
    ordered = [name for name in settings.kernels if name in here] + [n for n in here if n not in settings.kernels]
    return {name: catalogue.get(name).image for name in ordered}


def _kernels_check(kernels: Mapping[str, Path], settings: Settings) -> Check:
    return Check(
        name="kernels",
        ok=bool(kernels),
        detail=f"at hand: {', '.join(kernels)}" if kernels else "none at hand yet; fetched when first used",
        fix=f"vexlab kernels fetch {' '.join(settings.kernels)}",
        needed=False,
    )
