"""What coordinator and hosts tell each other, as frozen values that travel as JSON; files travel as bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from vexlab.model.provenance import UsedKernel
from vexlab.model.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A run, as a host needs it: ``request`` has the paths of the parcel, each below ``{parcel}``.

    ``files`` belong into the run's folder. ``plan`` is a digest of the cases and of their code, ``kernels`` and their
    modules are what the host must come to, too. ``machines`` is how many the cluster has in all.
    """

    run: str
    request: Request
    settings: str
    plan: str
    machines: int
    kernels: tuple[UsedKernel, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a host says of itself once it is ready for a run; paths and ``python`` are its own.

    ``processes`` names the boot and the PID namespace: where it is the coordinator's, a process id there is one here.
    """

    name: str
    python: str
    folder: str
    parcel: str
    accelerators: tuple[str, ...]
    processes: str


class End(StrEnum):
    """How an attempt ended on its host."""

    DECIDED = "decided"
    DIED = "died"  # the process that ran the case ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An attempt's end. ``result`` is a ``CaseResult`` as JSON; ``evidence`` a packed folder (``cluster.evidence``)."""

    case: str
    end: End
    result: bytes = b""
    evidence: bytes = b""
    shared: Mapping[str, bytes] = field(default_factory=dict)
