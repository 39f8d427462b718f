"""Who gets the next round of a campaign. Pure: a state in, a choice out.

Each way of searching (an arm of the campaign) is expected to find ``(new + 1) / (minutes + 1)`` problems a minute: what
it found, as if it had found one more in one more minute. An arm that has not been tried is expected to find one a
minute, so each comes once; one that finds nothing is expected to find ever less, and comes ever more seldom, but is
never given up. A problem counts for the arm that showed it first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A way of searching: ``cases`` are patterns as ``vexlab run --case`` takes them, ``minutes`` a round's longest.

    One with ``fuzz`` is no run of cases, but a campaign of ``vexlab fuzz``, which each of its rounds goes on with. One
    that is a ``component`` comes only where that is switched on.
    """

    name: str
    about: str
    cases: tuple[str, ...] = ()
    minutes: float = 20.0
    fuzz: Literal["", "ioctl", "calls", "image", "syzkaller"] = ""
    component: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round: ``arm`` on ``kernel`` with ``seed``, steered by the list in the file ``rare``, if any.

    ``new`` are keys of problems that no round before it had shown. ``decided`` counts cases that passed, failed or
    crashed; ``error`` says why the round did not come to its end.
    """

    arm: str
    kernel: str
    seed: int
    seconds: float
    decided: int
    new: tuple[str, ...] = ()
    error: str = ""
    rare: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What an arm has had on a kernel, and what came of it."""

    arm: str
    kernel: str
    rounds: int
    seconds: float
    new: int

    @property
    def expected(self) -> float:
        """The problems a minute that another round is expected to find."""
        return (self.new + 1) / (self.seconds / 60 + 1)


def shares(arms: Iterable[Arm], kernels: Sequence[str], rounds: Sequence[Round]) -> tuple[Share, ...]:
    """Return what each arm has had on each kernel, in the order of the arms."""
    found = []
    for arm in arms:
        for kernel in kernels:
            own = [each for each in rounds if (each.arm, each.kernel) == (arm.name, kernel)]
            found.append(
                Share(
                    arm=arm.name,
                    kernel=kernel,
                    rounds=len(own),
                    seconds=sum(each.seconds for each in own),
                    new=sum(len(each.new) for each in own),
                )
            )
    return tuple(found)


def following(arms: Iterable[Arm], kernels: Sequence[str], rounds: Sequence[Round]) -> Share:
    """Return the share whose arm comes next: the first of those that are expected to find most.

    An arm whose last round on a kernel could decide nothing (all of its cases were skipped there) is left out.
    """
    idle = {(each.arm, each.kernel) for each in rounds if not each.decided and not each.error}
    able = [each for each in shares(arms, kernels, rounds) if (each.arm, each.kernel) not in idle]
    return max(able or shares(arms, kernels, rounds), key=lambda each: each.expected)


# What draws something new with each seed, or goes through more than a run of level 2 has time for.
ARMS = (
    Arm(
        name="sequences",
        about="random operations in step with ext4",
        cases=("filesystem_operations.sequence_random*", "filesystem_operations.sequence_long*"),
    ),
    Arm(
        name="crashes",
        about="power cuts and replayed crash states",
        cases=("safety_validation.crash_states*", "safety_validation.power_cut*"),
    ),
    Arm(
        name="images",
        about="images damaged at random",
        cases=("safety_validation.damaged_randomly*", "safety_validation.random_image*"),
    ),
    Arm(
        name="stress",
        about="many users at once, interrupted and killed",
        cases=(
            "safety_validation.stress*",
            "safety_validation.delayed*",
            "safety_validation.threads_at_once*",
            "kernel_module.concurrent*",
        ),
    ),
    Arm(
        name="faults",
        about="allocations and requests that fail, each in turn",
        cases=("safety_validation.fault_*",),
        minutes=60.0,
    ),
    Arm(
        name="vectors",
        about="vector calls by several clients, and random calls of the interface",
        cases=("vector_operations.concurrent*", "vector_operations.index_concurrent*", "vector_operations.program*"),
    ),
    Arm(name="fuzz_ioctls", about="ioctls that no program would make", minutes=10.0, fuzz="ioctl"),
    Arm(name="fuzz_calls", about="sequences of calls by several threads", minutes=10.0, fuzz="calls"),
    Arm(name="fuzz_images", about="damaged images, mounted and changed", minutes=10.0, fuzz="image"),
)
# Their machines take minutes to boot under emulation.
ON_REQUEST = (
    Arm(name="syzkaller", about="your syzkaller, system calls", minutes=60.0, fuzz="syzkaller", component="syzkaller"),
)
