"""Components: parts of a run that are switched on by name, beside the cases that it takes anyway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DOMAIN = "components"  # the domain of the cases that installed components are


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A component of vexlab's own, which is a ``domain``; without one it is not there, and ``missing`` says what is."""

    about: str
    domain: str = ""
    missing: str = ""


# What the documents of the old infrastructure call so.
BUILT_IN: Mapping[str, Component] = {
    "benchmarks": Component(about="throughput, latency, memory and vectors", domain="performance_metrics"),
    "xfstests": Component(
        about="the public suite for filesystems",
        missing="vexlab has no adapter for xfstests, which is in no package registry",
    ),
    "syzkaller": Component(
        about="fuzzing of system calls",
        missing="vexlab has no adapter for syzkaller, which is in no package registry",
    ),
    "monitoring": Component(
        about="figures while a run goes on",
        missing="vexlab has no monitor of running machines",
    ),
}


def component_of(domain: str, name: str) -> str:
    """Return the component that the case ``name`` of ``domain`` belongs to, or an empty string."""
    if domain == DOMAIN:
        return name
    return next((each for each, component in BUILT_IN.items() if component.domain == domain), "")


def domains_of(enabled: tuple[str, ...]) -> frozenset[str]:
    """Return the domains that the components ``enabled`` are."""
    return frozenset(BUILT_IN[name].domain for name in enabled if name in BUILT_IN) - {""}
