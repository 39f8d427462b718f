"""Components: parts of a run that are switched on by name, beside the cases that it takes anyway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DOMAIN = "components"  # the domain of the cases that installed components are


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A component of vexlab's own: ``field`` is the switch of a request that it is.

    Without one it cannot be switched: ``always`` it is on, or ``missing`` says what is not there.
    """

    about: str
    field: str = ""
    domain: str = ""
    always: bool = False
    missing: str = ""


# What the documents of the old infrastructure call so.
BUILT_IN: Mapping[str, Component] = {
    "benchmarks": Component(
        about="throughput, latency, memory and vectors", field="benchmarks", domain="performance_metrics"
    ),
    "xfstests": Component(about="your installation of the public suite", field="xfstests"),
    "monitoring": Component(about="`vexlab monitor` and `serve` show every run while it goes on", always=True),
    "syzkaller": Component(about="fuzzing of system calls", missing="only searches of hours have it (--level 3)"),
}
# Of these `vexlab run` has no `--enable-NAME` from the fields of a request.
WITHOUT_FIELD = tuple(name for name, each in BUILT_IN.items() if not each.field)


def component_of(domain: str, name: str) -> str:
    """Return the component that the case ``name`` of ``domain`` belongs to, or an empty string."""
    if domain == DOMAIN:
        return name
    return next((each for each, component in BUILT_IN.items() if component.domain == domain), "")
