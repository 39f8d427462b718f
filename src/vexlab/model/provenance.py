"""Where the figures of a run come from: what was tested, with what, on what machine."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The machine that the guests ran on. ``memory`` is in MiB; ``name`` is empty unless it was asked for."""

    cores: int = 0
    memory: int = 0
    cpu: str = ""
    kernel: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedImage:
    """An image of the user's, by the name of the machine it was taken of; ``digest`` is the SHA-256 of its disks.

    ``lacks`` names what of our evidence cannot be had in it; ``supplied`` are the programs that were vexlab's there,
    because the image has none of that name, or one of busybox's.
    """

    name: str
    digest: str
    lacks: tuple[str, ...] = ()
    supplied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedKernel:
    """A kernel of the run, by the name it was asked for.

    ``version`` is the package's, ``accelerator`` what its machines ran with, ``module`` the SHA-256 of the module that
    was loaded: empty where it comes with the kernel, or did not build. ``image`` is the user's that it came in.
    """

    name: str
    release: str
    version: str
    flavour: str
    accelerator: str
    module: str = ""
    image: UsedImage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """``revision`` is what ``git describe`` says of the target's source; empty where that is in no repository.

    It ends in ``-dirty`` where files differ from it. ``seed`` is the one given for all that cases draw at random;
    without one each case draws its own and records it. ``configurations`` are those of the target that were asked for,
    ``default`` being its own; without any it was that alone. ``given`` is what named the target, a path or the name of
    a shipped one; empty in runs of before it was noted.
    """

    revision: str = ""
    kernels: tuple[UsedKernel, ...] = ()
    qemu: str = ""
    vexlab: str = ""
    host: Host = field(default_factory=Host)
    seed: int | None = None
    configurations: tuple[str, ...] = ()
    given: str = ""
