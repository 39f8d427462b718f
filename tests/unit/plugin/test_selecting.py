"""Which cases run, on which kernels, and which are skipped, blocked or refused."""

from __future__ import annotations

import msgspec
import pytest
from tests.unit.plugin.conftest import Run

from vexlab.model.case import PLAN, Plan
from vexlab.model.profile import RUN_FILE, Capability, Profile, State, encode_all

MATRIX = """
def test_needs_a_kernel(machine): pass
@pytest.mark.needs("KASAN")
def test_needs_kasan(machine): pass
def test_needs_none(): pass
"""


def test_a_case_runs_once_on_each_kernel(run: Run) -> None:
    ran = run(MATRIX, "--vexlab-kernel=7.0", "--vexlab-kernel=7.0-kasan")
    assert {name: case["verdict"] for name, case in ran.cases.items()} == {
        "own.needs_a_kernel[7.0]": "passed",
        "own.needs_a_kernel[7.0-kasan]": "passed",
        "own.needs_kasan[7.0]": "skipped",
        "own.needs_kasan[7.0-kasan]": "passed",
        "own.needs_none[]": "error",
    }
    assert ran.cases["own.needs_kasan[7.0]"]["reason"] == "kernel 7.0 is built without KASAN"


PROPERTIES = """
@pytest.mark.needs(mkfs=True)
def test_mkfs(machine): pass
@pytest.mark.needs(source=True)
def test_source(machine): pass
"""


def test_what_a_target_lacks_is_the_reason(run: Run) -> None:
    ran = run(PROPERTIES)
    assert ran.case("mkfs")["reason"] == "evil names no mkfs command"
    assert ran.case("source")["verdict"] == "passed"
    assert len(ran.machines) == 1, "none is made for a case that is skipped"


MARKED = """
@pytest.mark.level(2)
@pytest.mark.scenario(3)
@pytest.mark.safety("risky")
def test_a(): pass
@pytest.mark.quick
def test_b(): pass
@pytest.mark.domain("other")
def test_c(): pass
"""


@pytest.mark.parametrize(
    ("options", "cases"),
    [
        ((), "abc"),
        (("--vexlab-level=2",), "a"),
        (("--vexlab-scenario=3",), "a"),
        (("--vexlab-quick",), "b"),
        (("--vexlab-domain=other",), "c"),
        (("--vexlab-case=own.a", "--vexlab-case=*.c"), "ac"),
        (("--vexlab-level=1", "--vexlab-domain=own"), "b"),
    ],
)
def test_options_narrow_each_other_down(run: Run, options: tuple[str, ...], cases: str) -> None:
    ran = run(MARKED, *options)
    assert "".join(sorted(case["key"]["name"] for case in ran.cases.values())) == cases
    plan = msgspec.json.decode((ran.results / PLAN).read_bytes(), type=Plan)
    assert sorted(case.key.name for case in plan.cases) == list(cases)


def test_marks_are_told_with_the_case(run: Run) -> None:
    case = run(MARKED).case("a")
    assert (case["level"], case["scenario"], case["safety"]) == (2, 3, "risky")


@pytest.mark.parametrize(
    ("mark", "said"),
    [("safety('sfae')", "'sfae' is not a valid Safety"), ("level('x')", "invalid literal for int() with base 10: 'x'")],
)
def test_a_mark_that_means_nothing_is_refused(run: Run, mark: str, said: str) -> None:
    ran = run(f"@pytest.mark.{mark}\ndef test_a(): pass\n")
    (fault,) = msgspec.json.decode((ran.results / PLAN).read_bytes(), type=Plan).faults
    assert "test_it.py::test_a has a mark that means nothing" in fault
    assert said in fault
    assert not ran.cases, "nothing runs"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--vexlab-case=own.a", "--vexlab-case=own.aa"), "no case matches `own.aa`; did you mean `own.a`?"),
        (
            ("--vexlab-case=own.a", "--vexlab-case=own.b", "--vexlab-level=2"),
            "`own.b` takes only cases of level 1 that other options leave out, as own.b",
        ),
    ],
)
def test_of_several_patterns_each_takes_a_case(run: Run, options: tuple[str, ...], said: str) -> None:
    ran = run(MARKED, *options)
    assert msgspec.json.decode((ran.results / PLAN).read_bytes(), type=Plan).unanswered == (said,)
    assert not ran.cases, "nothing runs: who named a case would take it for one that ran"


def test_patterns_that_take_nothing_at_all_are_no_fault_of_the_plan(run: Run) -> None:
    ran = run(MARKED, "--vexlab-case=x", "--vexlab-case=y")
    assert not msgspec.json.decode((ran.results / PLAN).read_bytes(), type=Plan).unanswered
    assert not ran.cases


TWICE = """
def test_a(): pass
class TestMore:
    def test_a(self): pass
"""


def test_two_cases_of_one_id_are_refused(run: Run) -> None:
    ran = run(TWICE)
    assert msgspec.json.decode((ran.results / PLAN).read_bytes(), type=Plan).duplicates
    assert not ran.cases


PROFILE = Profile(
    target="evil",
    fstype="evilfs",
    kernel="6.1",
    digest="d",
    capabilities=(
        Capability(name="symlink", state=State.REFUSED, errno="EPERM"),
        Capability(name="link", state=State.BROKEN, detail="the count is wrong"),
    ),
)
CAPABLE = """
@pytest.mark.needs(capabilities="symlink")
def test_refused(machine): pass
@pytest.mark.needs(capabilities="link")
def test_broken(machine): pass
"""


def test_the_profile_skips_and_blocks(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "results" / RUN_FILE).write_bytes(encode_all([PROFILE]))
    ran = run(CAPABLE)
    said = {name: (ran.case(name)["verdict"], ran.case(name)["reason"]) for name in ("refused", "broken")}
    assert said == {
        "refused": ("skipped", "it needs `symlink`, which the filesystem refuses (EPERM)"),
        "broken": ("blocked", "blocked by `link`, which is broken: the count is wrong"),
    }
    assert not ran.machines
