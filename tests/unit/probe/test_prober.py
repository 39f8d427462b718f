"""The prober goes on in a fresh machine after each that broke, and puts it down to what was asked then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

import pytest
from tests.unit.probe.test_lines import _OOPS

from vexlab.errors import GuestTimeout, MachineLost, TargetFailure
from vexlab.model.capabilities import CAPABILITIES
from vexlab.model.machine import CommandResult
from vexlab.model.profile import Capability, State
from vexlab.model.report import Report
from vexlab.probe.bench import Bench
from vexlab.probe.lines import reports
from vexlab.probe.prober import GUEST_PROBES, Prober
from vexlab.probe.steps import STEPS, Step, works


@dataclass
class _Fake:
    """A bench without machines: each run of the guest's program is a function of what it is told to skip."""

    run: Callable[[list[str], list[str]], str]
    heard: str = ""
    machines: int = 1
    printed: str = ""
    lag: int = 1 << 20  # characters that the console has when the program ends

    @property
    def target(self) -> SimpleNamespace:
        return SimpleNamespace(module="young", fstype="young")

    def mounted(self) -> SimpleNamespace:
        return SimpleNamespace(machine=self, mountpoint="/mnt/test")

    def exec(self, argv: list[str], *, timeout: float) -> SimpleNamespace:
        assert timeout > 0
        skip = argv[argv.index("--skip") + 1].split(",")
        without = argv[argv.index("--without") + 1].split(",") if "--without" in argv else []
        self.printed = self.run(skip, without)
        if "dead" in self.printed:
            raise MachineLost("the kernel died")
        if "stuck" in self.printed:
            raise GuestTimeout("no answer", command="fsprobe", seconds=150)
        text, self.printed = self.printed, self.printed[: self.lag]
        return SimpleNamespace(text=text)

    def console(self) -> str:
        return self.printed

    def complaints(self) -> tuple[Report, ...]:
        heard, self.heard = self.heard, ""
        return reports(heard, module="young")

    def words(self) -> str:
        return ""

    def remake(self) -> None:
        pass

    def drop(self) -> None:
        self.machines += 1
        self.printed = ""


def _answers(names: list[str]) -> str:
    lines = [f'{{"begin":"{name}"}}\n{{"name":"{name}","state":"works","ms":1.0}}\n' for name in names]
    return "".join(lines)


def _until(skip: list[str], end: str, then: str) -> str:
    """Every probe works up to ``end``, in which ``then`` happens."""
    left = [name for name in GUEST_PROBES if name not in skip]
    if end not in left:
        return _answers(left)
    return _answers(left[: left.index(end)]) + f'{{"begin":"{end}"}}\n' + then


def _probed(fake: _Fake, **asked: Callable[[Bench], Capability]) -> dict[str, Capability]:
    def fine(name: str) -> Callable[[Bench], Capability]:
        return asked.get(name, lambda _: works(name))

    steps = [Step(name=step.name, ask=fine(step.name), needs=step.needs) for step in STEPS]
    prober = Prober(cast("Bench", fake), steps)
    prober.run()
    return prober.found


def test_all_that_works_is_found_in_one_machine() -> None:
    fake = _Fake(lambda skip, _: _until(skip, "", ""))
    found = _probed(fake)
    assert {name: each.state for name, each in found.items()} == dict.fromkeys(CAPABILITIES, State.WORKS)
    assert fake.machines == 2


def test_a_console_that_lags_behind_loses_nothing() -> None:
    found = _probed(_Fake(lambda skip, _: _until(skip, "", ""), lag=3000))
    assert {each.state for each in found.values()} == {State.WORKS}


def test_a_crash_is_one_capability_and_the_rest_is_asked_in_another_machine() -> None:
    told: list[list[str]] = []

    def run(skip: list[str], without: list[str]) -> str:
        told.append(without)
        return _until(skip, "mmap_write", _OOPS + "dead")

    found = _probed(_Fake(run))
    broken = {name: each for name, each in found.items() if each.state is not State.WORKS}
    assert set(broken) == {"mmap_write"}
    assert "young_page_mkwrite" in broken["mmap_write"].finding
    assert broken["mmap_write"].deadly
    assert told == [[], ["mmap_write"]]


def test_a_hang_is_broken_too() -> None:
    found = _probed(_Fake(lambda skip, _: _until(skip, "freeze", "stuck")))
    assert found["freeze"].state is State.BROKEN
    assert "150 s" in found["freeze"].detail


def test_machines_that_break_in_everything_come_to_an_end() -> None:
    fake = _Fake(lambda skip, _: _until(skip, next(name for name in GUEST_PROBES if name not in skip), "dead"))
    found = _probed(fake)
    states = [each.state for each in found.values()]
    assert set(found) == set(CAPABILITIES)
    assert states.count(State.BROKEN) == 12
    assert found[GUEST_PROBES[-1]].state is State.UNKNOWN


def test_a_program_that_says_nothing_is_no_endless_loop() -> None:
    fake = _Fake(lambda _skip, _without: "")
    found = _probed(fake)
    assert {found[name].state for name in GUEST_PROBES} == {State.UNKNOWN}
    assert fake.machines == 2


@pytest.mark.parametrize(
    "error", [TargetFailure("mount: EINVAL"), MachineLost("it died"), GuestTimeout("no", command="mount")]
)
def test_what_cannot_be_mounted_leaves_all_else_unknown(error: Exception) -> None:
    def fails(_: Bench) -> Capability:
        raise error

    found = _probed(_Fake(lambda _skip, _without: pytest.fail("it was not mounted")), mount=fails)
    assert found["mount"].state is State.BROKEN
    rest = {name: each.state for name, each in found.items() if name not in ("mkfs", "fsck", "mount")}
    assert set(rest.values()) == {State.UNKNOWN}


def test_a_setup_that_fails_says_nothing_of_the_capability() -> None:
    def fails(_: Bench) -> Capability:
        raise TargetFailure("files cannot be made")

    found = _probed(_Fake(lambda skip, _: _until(skip, "", "")), survives_unmount=fails)
    assert (found["survives_unmount"].state, found["mount"].state) == (State.UNKNOWN, State.WORKS)


def test_what_the_kernel_says_in_a_step_is_about_it() -> None:
    fake = _Fake(lambda skip, _: _until(skip, "", ""))

    def complains(_: Bench) -> Capability:
        fake.heard = _OOPS
        return works("odd_device")

    found = _probed(fake, odd_device=complains)
    assert found["odd_device"].state is State.BROKEN
    assert "young_page_mkwrite" in found["odd_device"].finding
    assert found["sector_4096"].state is State.WORKS


@pytest.mark.parametrize(
    ("counted", "state"),
    [
        ("1000 872 1000", State.WORKS),
        ("1000 872 990", State.WORKS),  # a directory that stays large
        ("1000 872 872", State.BROKEN),
        ("1000 1000 1000", State.UNKNOWN),  # nothing was seen to be taken
    ],
)
def test_blocks_of_removed_files_are_looked_for(counted: str, state: State) -> None:
    said = CommandResult(argv=(), status=0, signal=0, stdout=counted.encode(), stderr=b"", duration=0.1)
    filesystem = SimpleNamespace(mountpoint="/mnt/test")
    machine = SimpleNamespace(ash=lambda *_words, **_more: said)
    bench = cast("Bench", SimpleNamespace(mounted=lambda: filesystem, machine=machine))
    step = next(each for each in STEPS if each.name == "freed_blocks")
    assert step.ask(bench).state is state
