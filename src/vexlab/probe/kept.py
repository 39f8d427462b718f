"""A profile is probed once for each kernel, module, tools and way of mounting, and kept in the cache."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path

from vexlab.cache import Kind, file_digest, key_of
from vexlab.config import Settings
from vexlab.lab import SCRATCH, Lab, Order
from vexlab.model import capabilities
from vexlab.model.capabilities import CAPABILITIES
from vexlab.model.kernel import Kernel
from vexlab.model.key import place
from vexlab.model.profile import Capability, Profile, State, decode, encode
from vexlab.model.target import ModuleArtifact, Target
from vexlab.probe.prober import probe

log = logging.getLogger(__name__)

_FORMAT = 1
_KIND = Kind.PROFILES
_FILE = "profile.json"


def profile_of(
    lab: Lab,
    target: Target,
    kernel: Kernel,
    artifact: ModuleArtifact,
    *,
    progress: Callable[[str], None] = log.info,
) -> Profile:
    """Return what ``target`` can do on ``kernel``, from the cache or as ``probe`` finds it now, and raises.

    What is wrong without a crash, and declared, counts as refused.
    """
    order = probe_order(lab.settings, target, kernel, artifact)
    key = profile_key(order)

    def make(draft: Path) -> None:
        where = place(order.kernel.name, target.configuration)
        progress(f"probing what {order.target.name} can do on {where}")
        (draft / _FILE).write_bytes(encode(probe(lab, order)))

    for _ in range(2):
        entry = lab.cache.make(_KIND, key, make)
        try:
            return as_declared(decode((entry / _FILE).read_bytes()), target)
        except (OSError, ValueError) as error:
            log.warning("the profile %s is damaged and will be made anew: %s", key, error)
            lab.cache.drop(_KIND, key)
    return as_declared(probe(lab, order), target)


def as_declared(profile: Profile, target: Target) -> Profile:
    """Return ``profile`` with what is broken only in a way that ``target`` declares, or unknown, taken for refused.

    JFS, for one, does not mount after a power cut before its fsck has replayed the log (``crash_consistency``), and in
    NILFS it cannot be told what a few files take (``freed_blocks``).
    """
    declared = {name for name, _ in target.refuses}
    return replace(profile, capabilities=tuple(_meant(each, declared) for each in profile.capabilities))


def _meant(capability: Capability, declared: AbstractSet[str]) -> Capability:
    words = CAPABILITIES[capability.name].refuses
    crashed = capability.deadly or capability.finding
    open_to_words = capability.state in (State.BROKEN, State.UNKNOWN)
    if not open_to_words or crashed or not words or not set(words) <= declared:
        return capability
    return replace(capability, state=State.REFUSED)


def probe_order(settings: Settings, target: Target, kernel: Kernel, artifact: ModuleArtifact) -> Order:
    """Return the machine to probe in: that of most cases, so that it is booted once."""
    disk = replace(SCRATCH, size=max(SCRATCH.size, target.min_disk))
    return Order(
        target=target,
        kernel=kernel,
        artifact=artifact,
        memory=settings.memory,
        cpus=settings.cpus,
        disks=(disk,),
        single_thread_tcg=True,
    )


def profile_key(order: Order) -> str:
    """Return the key of everything that decides what a probe finds: also the sources of the probe itself.

    Those of the guest's program are in the artifact's digest.
    """
    target, kernel = order.target, order.kernel
    return key_of(
        _FORMAT,
        _sources(),
        order.artifact.digest,
        (kernel.name, kernel.release, kernel.version, file_digest(kernel.image)),
        (target.name, target.configuration, target.fstype, target.module, target.depends, target.params),
        (target.mkfs, target.fsck, target.mount_options, target.packages, target.min_disk),
        (order.memory, order.cpus, order.disks, order.append, order.recipe),
    )


def _sources() -> str:
    files = [*sorted(Path(__file__).parent.glob("*.py")), Path(capabilities.__file__)]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
