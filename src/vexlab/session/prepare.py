"""What a run needs before its first case: kernels, the module, machines. Errors of the input come first, and here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vexlab.config import Settings
from vexlab.errors import BuildError, InfraError, UsageError
from vexlab.lab import Lab, Order
from vexlab.model.event import StepStarted, Warned
from vexlab.model.kernel import Kernel
from vexlab.model.profile import Profile
from vexlab.model.target import ModuleArtifact, Target
from vexlab.plugin.reproduce import check_expected, facts_of
from vexlab.probe import profile_of
from vexlab.session.request import Request
from vexlab.session.stream import Stream
from vexlab.targets.build import kept_artifact


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """``accelerator`` names what machines will run with; ``broken`` is why the module does not build, by kernel.

    ``profiles`` are what the target can do, of each kernel on which that could be found out.
    """

    accelerator: str
    broken: Mapping[str, BuildError]
    profiles: tuple[Profile, ...]


def prepare(target: Target, request: Request, settings: Settings, stream: Stream) -> Prepared:
    """Fetch, build and boot ahead of the cases, so that workers find everything in the cache."""
    broken = {}
    accelerators = set()
    profiles = []

    def say(words: str) -> None:
        stream.publish(StepStarted(words=words))

    with Lab(settings, progress=say) as lab:
        lab.check_room()
        for name in request.kernels:
            say(f"preparing kernel {name}")
            kernel = lab.kernels.get(name)
            accelerators.add(lab.accelerator(kernel))
            try:
                artifact = _artifact(lab, target, kernel, request.artifact)
            except BuildError as error:
                broken[name] = error
                stream.publish(Warned(words=error.message, red=True))
                continue
            check_expected(request.expect, facts_of(target, kernel, artifact, request.paths))
            _tell_warnings(name, artifact, stream)
            profile = _profile(lab, target, kernel, artifact, stream) if request.probe else None
            profiles += [profile] if profile else []
            say(f"preparing a machine with kernel {name}")
            lab.snapshot(
                Order(
                    target=target,
                    kernel=kernel,
                    artifact=artifact,
                    memory=settings.memory,
                    cpus=settings.cpus,
                    profile=profile,
                )
            )
    return Prepared(accelerator=", ".join(sorted(accelerators)), broken=broken, profiles=tuple(profiles))


def _profile(lab: Lab, target: Target, kernel: Kernel, artifact: ModuleArtifact, stream: Stream) -> Profile | None:
    """Return what the target can do, ``None`` where the lab cannot find it out: then cases try everything."""

    def say(words: str) -> None:
        stream.publish(StepStarted(words=words))

    try:
        return profile_of(lab, target, kernel, artifact, progress=say)
    except (InfraError, UsageError) as error:
        stream.publish(Warned(words=f"{kernel.name}: it was not found out what {target.name} can do: {error.message}"))
        return None


def _artifact(lab: Lab, target: Target, kernel: Kernel, given: str) -> ModuleArtifact:
    return kept_artifact(Path(given), target, kernel) if given else lab.artifact(target, kernel)


def _tell_warnings(kernel: str, artifact: ModuleArtifact, stream: Stream) -> None:
    for warning in artifact.warnings:
        stream.publish(Warned(words=f"{kernel}: {warning}"))
    if artifact.foreign_warnings:
        words = f"{kernel}: {artifact.foreign_warnings} more warnings, of headers that are not the target's"
        stream.publish(Warned(words=words))
