"""Cases that are run again: those that only the lab made fail, and with `--stress` those that pass."""

from __future__ import annotations

from tests.unit.plugin.conftest import Run

COUNTING = """
from pathlib import Path
from vexlab.errors import InfraError
COUNT = Path("count")
def count():
    COUNT.write_text(COUNT.read_text() + "x" if COUNT.exists() else "x")
    return len(COUNT.read_text())
"""
LAB_FAILS = (
    COUNTING
    + """
def test_it(machine):
    if count() < 4:
        raise InfraError("the host is tired")
"""
)


def test_the_lab_may_fail_as_often_as_asked(run: Run) -> None:
    ran = run(LAB_FAILS, "--vexlab-retry=3")
    case = ran.case("it")
    assert case["verdict"] == "passed"
    assert case["attempts"] == ["the host is tired"] * 3
    assert len(ran.machines) == 4


def test_without_retries_the_first_error_stays(run: Run) -> None:
    assert run(LAB_FAILS, "--vexlab-retry=0").case("it")["verdict"] == "error"


def test_the_settings_say_how_often(run: Run) -> None:
    assert run(LAB_FAILS, settings="[run]\nsettle_s = 0\nretry = 3\n").case("it")["verdict"] == "passed"


def test_a_failure_is_never_tried_again(run: Run) -> None:
    ran = run(COUNTING + "def test_it(machine):\n    assert count() > 1, 'the first time'\n", "--vexlab-retry=5")
    assert ran.case("it")["verdict"] == "failed"
    assert len(ran.machines) == 1


FLAKY = COUNTING + "def test_it(machine):\n    assert count() < 3, 'the third time'\n"


def test_stress_repeats_until_it_fails(run: Run) -> None:
    ran = run(FLAKY, "--vexlab-stress=10")
    case = ran.case("it")
    assert (case["verdict"], case["reason"]) == ("failed", "the third time")
    assert next(each["value"] for each in case["metrics"] if each["name"] == "repeats_count") == 3
    assert len(ran.machines) == 3, "each time a fresh one"


def test_stress_ends_after_its_count(run: Run) -> None:
    ran = run(FLAKY, "--vexlab-stress=2")
    assert ran.case("it")["verdict"] == "passed"
    assert len(ran.machines) == 2


def test_stress_may_be_a_time(run: Run) -> None:
    ran = run(FLAKY, "--vexlab-stress=600s")
    assert ran.case("it")["verdict"] == "failed"
