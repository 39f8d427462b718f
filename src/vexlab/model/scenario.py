"""The six scenarios: what people did by hand in a VM before, in the order in which they did it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """``phase`` is basic, advanced or specific; ``criteria`` are what must hold over all of its cases."""

    number: int
    phase: str
    title: str
    criteria: tuple[str, ...]


_NO_PANIC = "the kernel reports nothing: no panic, oops, warning, hang or new taint"

SCENARIOS = (
    Scenario(
        number=1,
        phase="basic",
        title="module lifecycle",
        criteria=(_NO_PANIC, "the module loads in less than 5 s and unloads in less than 2 s"),
    ),
    Scenario(
        number=2,
        phase="basic",
        title="load and unload under stress",
        criteria=(_NO_PANIC, "20 cycles end alike", "neither slabs nor free memory show a slope over the cycles"),
    ),
    Scenario(
        number=3,
        phase="advanced",
        title="block devices with something else on them",
        criteria=(_NO_PANIC, "a device of 100 MB with a foreign signature is refused", "not a sector of it is written"),
    ),
    Scenario(
        number=4,
        phase="advanced",
        title="registration, mkfs on 200 MB, mount, files and directories, unmount",
        criteria=(_NO_PANIC, "mount and unmount take less than 10 s", "what was written is there after mounting again"),
    ),
    Scenario(
        number=5,
        phase="specific",
        title="vectors on 500 MB: store, list, read back, search",
        criteria=(_NO_PANIC, "vectors come back bit by bit", "a search finds exactly the nearest"),
    ),
    Scenario(
        number=6,
        phase="specific",
        title="errors: missing device, random image, ten images at once, resource limits",
        criteria=(
            _NO_PANIC,
            "each error is told by its errno",
            "the system stays usable: a sound image mounts and works",
        ),
    ),
)

PHASES = tuple(dict.fromkeys(scenario.phase for scenario in SCENARIOS))


def scenarios_of(phase: str) -> tuple[int, ...]:
    """Return the numbers of the scenarios of a phase."""
    return tuple(scenario.number for scenario in SCENARIOS if scenario.phase == phase)
