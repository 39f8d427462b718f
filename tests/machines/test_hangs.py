"""Each kind of hang is told apart from the others, and from what is no fault of the kernel's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.machines.conftest import PLANTED, Run

pytestmark = [pytest.mark.machine, pytest.mark.long]  # a kernel's own detectors take their time

# Verdict, and what its reason says. A stall is titled after the system call that never came back, as crash databases
# do. 6.12 says nothing of a spin as long as anyone looked; the watchdog outside the guest does.
WANTED = {
    "hangs.hung_task": ("crashed", "INFO: task hung in planted_forever"),
    "hangs.soft_lockup": ("crashed", "BUG: soft lockup in"),
    "hangs.quiet_block": ("crashed", "hang in planted_forever"),
    "hangs.user_space_spin": ("failed", "did not end within"),
    "hangs.dead_host": ("error", "SIGKILL"),
    "hangs.slow_but_sound": ("passed", ""),
}


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_every_kind_of_hang_is_told(vexlab: Callable[..., Run], kernel: str) -> None:
    run = vexlab("--target", str(PLANTED), "--kernel", kernel, str(PLANTED / "hangs"))
    found = {name: (run.case(name)["verdict"], run.case(name)["reason"]) for name in run.verdicts}
    stall = "INFO: rcu detected stall in" if kernel == "6.1" else "hang in planted_spin"
    wanted = {**WANTED, "hangs.rcu_stall": ("crashed", stall)}
    assert set(found) == set(wanted)
    for name, (verdict, said) in wanted.items():
        assert found[name][0] == verdict, (name, found[name])
        assert said in found[name][1], (name, found[name])
    assert not run.case("hangs.user_space_spin")["findings"]


def test_a_hang_that_the_run_knows_blocks_soon(vexlab: Callable[..., Run]) -> None:
    run = vexlab("--target", str(PLANTED), "--kernel", "6.1", str(PLANTED / "again"))
    assert run.verdicts == {"again.first": "crashed", "again.second": "blocked", "again.third": "passed"}
    second = run.case("again.second")
    assert 'blocked by "hang in planted_forever", which again.first[6.1] shows' in second["reason"]
    assert second["duration_s"] < 120  # of the 300 s that it would wait
    problem = next(each for each in run.document["problems"] if each["finding"] == "hang in planted_forever")
    assert problem["blocked"] == ["again.second[6.1]"]
