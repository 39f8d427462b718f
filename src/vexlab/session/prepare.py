"""What a run needs before its first case: kernels, the module, machines. Errors of the input come first, and here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from vexlab.cache import Cache, file_digest
from vexlab.components import check_enabled, installed
from vexlab.config import Settings, cache_dir
from vexlab.domains import find_domains
from vexlab.errors import BuildError, InfraError, UsageError
from vexlab.guest.inputs import layout
from vexlab.lab import Lab, Order
from vexlab.model.component import BUILT_IN
from vexlab.model.event import StepStarted, Warned
from vexlab.model.inputs import parse_rare
from vexlab.model.kernel import IMAGE, Kernel
from vexlab.model.key import OWN, place
from vexlab.model.profile import Profile, decode_all
from vexlab.model.provenance import UsedImage, UsedKernel
from vexlab.model.request import Request, runs_domains, suites_of
from vexlab.model.target import ModuleArtifact, Target
from vexlab.plugin.reproduce import check_expected, facts_of
from vexlab.probe import profile_of
from vexlab.probe.kept import as_declared
from vexlab.session.stream import Stream
from vexlab.suites import find_suite, given_place
from vexlab.suites.adapter import Search
from vexlab.suites.payload import content_key
from vexlab.tables import suggest
from vexlab.targets.configurations import configured
from vexlab.targets.in_tree import why_absent
from vexlab.targets.kept import kept_artifact
from vexlab.targets.own import own_target


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """``kernels`` are those that machines will run; ``broken`` is why the module does not build, by kernel.

    ``profiles`` are what the target can do, of each kernel and configuration where that could be found out. ``counted``
    are the folders of what is needed to read a module's counters, by kernel. ``suites`` is the content of each.
    """

    kernels: tuple[UsedKernel, ...]
    broken: Mapping[str, BuildError]
    profiles: tuple[Profile, ...]
    counted: Mapping[str, Path]
    suites: Mapping[str, str]

    @property
    def accelerator(self) -> str:
        """The names of what machines will run with."""
        return ", ".join(sorted({kernel.accelerator for kernel in self.kernels}))


def prepare(target: Target, request: Request, settings: Settings, stream: Stream) -> Prepared:
    """Fetch, build and boot ahead of the cases, so that workers find everything in the cache."""
    check_domains(target, request, settings, stream)
    suites = check_suites(target, request, settings)
    _check_counting(request)
    _check_rare(request)
    _check_images(request)
    broken = {}
    counted = {}
    kernels = []
    profiles = []

    def say(words: str) -> None:
        stream.publish(StepStarted(words=words))

    with Lab(settings, progress=say) as lab:
        lab.check_room()
        for name in request.kernels:
            say(f"preparing kernel {name}")
            kernel = lab.kernels.get(name)
            if reason := why_absent(kernel, target):
                raise UsageError(reason, hint="take another, such as 6.1-amd64: `vexlab kernels list`")
            kernels.append(_tested(lab, kernel))
            try:
                artifact = _artifact(lab, target, kernel, request)
            except BuildError as error:
                broken[name] = error
                stream.publish(Warned(words=error.message, red=True))
                continue
            check_expected(request.expect, facts_of(target, kernel, artifact, request.paths))
            if artifact.path:
                kernels[-1] = replace(kernels[-1], module=file_digest(artifact.path))
            if artifact.notes:
                counted[name] = artifact.notes
            _tell_warnings(name, artifact, stream)
            for configuration in request.configurations or (OWN,):
                as_configured = configured(target, configuration)
                profile = _profile(lab, as_configured, kernel, artifact, request, stream)
                profiles += [profile] if profile else []
                if not runs_domains(request):  # the machines of suites are of other shapes, made when they are wanted
                    continue
                say(f"preparing a machine with kernel {name}")
                order = Order(
                    target=as_configured,
                    kernel=kernel,
                    artifact=artifact,
                    memory=settings.memory,
                    cpus=settings.cpus,
                    profile=profile,
                )
                lab.snapshot(order)
                kernels[-1] = _in_image(lab, order, kernels[-1], stream)
    return Prepared(kernels=tuple(kernels), broken=broken, profiles=tuple(profiles), counted=counted, suites=suites)


def check_domains(target: Target, request: Request, settings: Settings, stream: Stream) -> None:
    """Raise ``UsageError`` where settings are about no domain, or cannot be followed with this target.

    What domains a user's own files hold is only known when they are collected, so a name may be one of those.
    """
    known = find_domains(request.domains_dirs)
    for name, own in settings.domains.items():
        if name not in known and not request.paths:
            raise UsageError(f"[domains.{name}] in the settings: no domain `{name}`", hint=suggest(name, known))
        if name not in known:
            stream.publish(Warned(words=f"[domains.{name}] in the settings is about no domain of vexlab's"))
        if not request.domains or name in request.domains:
            own_target(target, own, name, given=bool(request.artifact))


def with_components(request: Request, settings: Settings) -> Request:
    """Return the request with the components that the settings switch on besides.

    Raises ``UsageError`` where one is switched on, or spoken of in the settings, that there is not.
    """
    known = [*BUILT_IN, *installed()]
    for name in settings.components:
        if name not in known:
            raise UsageError(f"[components.{name}] in the settings: no such component", hint=suggest(name, known))
    named = (name for name, each in settings.components.items() if each.enabled)
    enabled = tuple(dict.fromkeys([*request.enabled, *named]))
    check_enabled(enabled)
    fields = {BUILT_IN[name].field: True for name in enabled if name in BUILT_IN and BUILT_IN[name].field}
    return replace(request, enabled=enabled, **fields)  # type: ignore[arg-type] # each is a switch


def check_suites(target: Target, request: Request, settings: Settings) -> Mapping[str, str]:
    """Return the key of each suite's content; raise ``UsageError`` where one is not known, or cannot run in a guest."""
    contents = {}
    names = suites_of(request)
    for name in settings.suites:
        find_suite(name)
    if request.suite_tree and len(names) != 1:
        raise UsageError("--tree says where one suite is", hint="name others in `[suites]` of the settings")
    for name in names:
        suite = find_suite(name)
        cache = Cache(cache_dir(settings))
        installed = suite.find(Search(given=given_place(name, request.suite_tree, settings.suites), cache=cache))
        contents[name] = content_key(suite.pack(installed, target))
    return contents


def _profile(
    lab: Lab, target: Target, kernel: Kernel, artifact: ModuleArtifact, request: Request, stream: Stream
) -> Profile | None:
    """Return what the target can do, ``None`` where the lab cannot find it out: then cases try everything."""
    if request.profile:
        found = given_profile(Path(request.profile), target, kernel)
        stream.publish(Warned(words=f"nothing is probed: {request.profile} says what {target.name} can do"))
        return as_declared(found, target)
    if not request.probe:
        return None

    def say(words: str) -> None:
        stream.publish(StepStarted(words=words))

    try:
        return profile_of(lab, target, kernel, artifact, progress=say)
    except (InfraError, UsageError) as error:
        where = place(kernel.name, target.configuration)
        stream.publish(Warned(words=f"{where}: it was not found out what {target.name} can do: {error.message}"))
        return None


def given_profile(file: Path, target: Target, kernel: Kernel) -> Profile:
    """Return what ``file`` says of the target on ``kernel``; raise ``UsageError`` where it says nothing of that."""
    where = place(kernel.name, target.configuration)
    try:
        profiles = decode_all(file.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} is no profile of a run: {error}", hint="a run leaves profile.json") from error
    for profile in profiles:
        if (profile.fstype, profile.place) == (target.fstype, where):
            return profile
    there = ", ".join(f"{each.fstype} on {each.place}" for each in profiles) or "nothing"
    raise UsageError(f"{file} says nothing of {target.fstype} on {where}", hint=f"it is about {there}")


def _tested(lab: Lab, kernel: Kernel) -> UsedKernel:
    system = kernel.system
    return UsedKernel(
        name=kernel.name,
        release=kernel.release,
        version=kernel.version,
        flavour=kernel.flavour,
        accelerator=lab.accelerator(kernel),
        image=UsedImage(name=system.name, digest=system.digest) if system else None,
    )


def _in_image(lab: Lab, order: Order, used: UsedKernel, stream: Stream) -> UsedKernel:
    """Return ``used`` with what is not as in vexlab's own images, where it came in one of the user's; say it, too."""
    if used.image is None or used.image.supplied:
        return used
    found = lab.lacks(order)
    for words in found.observers:
        stream.publish(Warned(words=f"in the image {used.image.name} there is no evidence by: {words}"))
    return replace(used, image=replace(used.image, lacks=found.observers, supplied=found.supplied))


def _artifact(lab: Lab, target: Target, kernel: Kernel, request: Request) -> ModuleArtifact:
    if request.artifact:
        return kept_artifact(Path(request.artifact), target, kernel)
    return lab.artifact(target, kernel, counted=request.coverage)


def _check_counting(request: Request) -> None:
    """Raise ``UsageError`` where coverage is asked for of what cannot count."""
    if not request.coverage:
        return
    if request.artifact:
        raise UsageError(
            "--coverage and --artifact exclude each other: only a module that is built for it counts",
            hint="leave --artifact out, so that the module is built",
        )
    if request.cluster:
        raise UsageError(
            "--coverage and --cluster exclude each other: the paths of a build stand in a module that counts, so "
            "hosts would run different modules",
            hint="run the cases here",
        )


def _check_rare(request: Request) -> None:
    """Raise ``UsageError`` where the list of what is to be drawn more often is none."""
    if request.rare:
        try:
            found = parse_rare(Path(request.rare).read_text(errors="replace"))
            if unknown := {each.operation for each in found} - set(layout().operations):
                raise ValueError(f"no operation {', '.join(sorted(unknown))} is counted")
        except (OSError, ValueError) as error:
            hint = "`vexlab coverage --inputs --rare FILE` writes such a list"
            raise UsageError(f"{request.rare} is no list of what was seldom tried: {error}", hint=hint) from error


def _check_images(request: Request) -> None:
    """Raise ``UsageError`` where an image of the user's is asked for on hosts that do not have it."""
    if request.cluster and any(name.startswith(IMAGE) for name in request.kernels):
        raise UsageError(
            "--image and --cluster exclude each other: the image is taken of a machine on this host",
            hint="run the cases here",
        )


def _tell_warnings(kernel: str, artifact: ModuleArtifact, stream: Stream) -> None:
    for warning in artifact.warnings:
        stream.publish(Warned(words=f"{kernel}: {warning}"))
    if artifact.foreign_warnings:
        words = f"{kernel}: {artifact.foreign_warnings} more warnings, of headers that are not the target's"
        stream.publish(Warned(words=words))
