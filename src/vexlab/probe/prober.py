"""Finds out what a target can do on a kernel, in machines of its own: what breaks one costs a machine, nothing else."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from vexlab.errors import EmulatorDied, GuestTimeout, MachineLost, TargetFailure
from vexlab.guest.mount import GuestFilesystem
from vexlab.lab import Lab, Order
from vexlab.model.capabilities import CAPABILITIES
from vexlab.model.profile import Capability, Profile, State, in_order, unknown
from vexlab.probe.bench import PROGRAM, Bench, is_spent
from vexlab.probe.lines import Said, blamed, capability_of, merged, read_lines, worst
from vexlab.probe.steps import STEPS, Step, broken
from vexlab.targets.in_tree import is_built_in, why_not_loadable

log = logging.getLogger(__name__)

_RUN_S = 150.0  # seconds of the machine's own time for all guest probes; they take about ten
_ROUNDS = 12  # machines that are spent on guest probes at most
_HOST = frozenset(step.name for step in STEPS)
GUEST_PROBES = tuple(name for name in CAPABILITIES if name not in _HOST)
_VERDICT_OF_ITS_OWN = ("mkfs", "fsck", "mount")  # where these fail, it is they that are broken, not their set-up


def probe(lab: Lab, order: Order) -> Profile:
    """Return the profile of ``order``'s target.

    Raises ``UsageError`` where mkfs or fsck is not in the guest, and what says that the lab itself failed.
    """
    absent = why_not_loadable(order.kernel, order.target)
    with Bench(lab, order, loads=not absent) as bench:
        prober = Prober(bench)
        if not order.target.mkfs:
            prober.give_up("the target names no mkfs")
        elif absent and not is_built_in(order.kernel, order.target):
            prober.give_up(absent)
        else:
            prober.run()
    return Profile(
        target=order.target.name,
        fstype=order.target.fstype,
        kernel=order.kernel.name,
        digest=order.artifact.digest,
        configuration=order.target.configuration,
        capabilities=in_order(prober.found.values()),
    )


class Prober:
    """Asks ``steps`` and then the guest's probes; ``found`` is what came of it, by name."""

    def __init__(self, bench: Bench, steps: Sequence[Step] = STEPS) -> None:
        self._bench = bench
        self._steps = steps
        self.found: dict[str, Capability] = {}

    def run(self) -> None:
        """Find out everything; raises as ``probe``."""
        for step in self._steps:
            self._take(step)
        if self._missing(("mount",)):
            self.give_up("it cannot be mounted")
            return
        self._ask_in_guest()

    def ask(self, name: str, known: Mapping[str, Capability]) -> Capability:
        """Return what comes of one capability, where ``known`` is what was found of the others."""
        self.found = {each: capability for each, capability in known.items() if each != name}
        step = next((step for step in self._steps if step.name == name), None)
        if step:
            self._take(step)
        else:
            for other in GUEST_PROBES:
                if other != name:
                    self.found.setdefault(other, unknown(other, "it was not asked"))
            self._round()
        return self.found.get(name, unknown(name, "the probe did not come to it"))

    def give_up(self, why: str) -> None:
        """Put down as unknown what has not been found out."""
        for name in CAPABILITIES:
            self.found.setdefault(name, unknown(name, why))

    def _missing(self, needs: tuple[str, ...]) -> str:
        """Return the first of ``needs`` that does not work, or ``""``."""
        return next((name for name in needs if self.found[name].state is not State.WORKS), "")

    def _take(self, step: Step) -> None:
        if need := self._missing(step.needs):
            self.found[step.name] = unknown(step.name, f"it needs {need}")
            return
        spent, capability = self._attempt(step)
        found = self._bench.complaints()
        report = worst(found)
        if report:
            capability = blamed(capability, report)
        self.found[step.name] = capability
        if spent or is_spent(found):
            self._bench.drop()

    def _attempt(self, step: Step) -> tuple[bool, Capability]:
        """Return whether the machine is used up, and what came of the step."""
        try:
            return False, step.ask(self._bench)
        except TargetFailure as failure:
            words = "; ".join(filter(None, (str(failure), self._bench.words())))
            if step.name in _VERDICT_OF_ITS_OWN:
                return True, broken(step.name, words)
            return True, unknown(step.name, words)
        except EmulatorDied:
            raise
        except GuestTimeout as error:
            return True, broken(step.name, f"it hangs: {error.command or error.message}", error.command, deadly=True)
        except MachineLost as error:
            return True, broken(step.name, error.message, deadly=True)

    def _ask_in_guest(self) -> None:
        for _ in range(_ROUNDS):
            if all(name in self.found for name in GUEST_PROBES):
                return
            before = len(self.found)
            self._round()
            if len(self.found) == before:
                break
        self.give_up("the machines of the probe broke too often")

    def _round(self) -> None:
        """Ask what is left in one machine, as far as that comes."""
        ended, printed = "the program ended in it", ""
        try:
            self._bench.remake()
            printed = self._run_program(self._bench.mounted())
        except EmulatorDied:
            raise
        except GuestTimeout as error:
            ended = f"it hangs: not done after {error.seconds:.0f} s"
        except MachineLost as error:
            ended = error.message
        except TargetFailure as failure:
            log.info("no filesystem for the probes: %s", failure)
        said = read_lines(self._bench.console(), module=self._bench.target.module)
        self._note(merged(said, printed), ended)
        self._bench.drop()

    def _run_program(self, filesystem: GuestFilesystem) -> str:
        without = [name for name, each in self.found.items() if each.state in (State.REFUSED, State.BROKEN)]
        options = ["--skip", ",".join(self.found), *(["--without", ",".join(without)] if without else [])]
        argv = [PROGRAM, "run", "--guest", "--announce", *options, filesystem.mountpoint]
        return filesystem.machine.exec(argv, timeout=_RUN_S).text

    def _note(self, said: Said, ended: str) -> None:
        """Take in what a machine's console says; only what is new, for its kernel spoke before as well."""
        new = {name: capability_of(answer) for name, answer in said.answers.items()}
        if said.unanswered:
            new[said.unanswered] = broken(said.unanswered, ended, deadly=True)
        for name, capability in new.items():
            if capability.state is State.BROKEN and capability.name == list(new)[-1] and (own := self._bench.words()):
                capability = replace(capability, detail=f"{capability.detail}; it says: {own}")  # noqa: PLW2901
            report = said.findings.get(name)
            self.found.setdefault(name, blamed(capability, report) if report else capability)
