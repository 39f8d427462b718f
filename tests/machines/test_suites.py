"""Suites of others in real machines: pjdfstest and fsx on VexFS and on ext4; xfstests where a tree is named."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.machines.conftest import Run
from vexlab.cache import Cache
from vexlab.config import cache_dir
from vexlab.errors import UsageError
from vexlab.suites import find_suite

pytestmark = pytest.mark.machine
VEXFS = str(Path(__file__).parents[2] / "targets" / "vexfs")
_RMDIR = "rmdir::remove_dir rmdir::ebusy rmdir::changed_time"
_LEAST = {"pjdfstest": 250, "fsx": 6}  # tests that must have run, of 398 and 10


def _built(name: str) -> None:
    install = find_suite(name).install
    assert install
    try:
        install(Cache(cache_dir()))
    except UsageError as error:
        pytest.skip(error.message)


@pytest.mark.parametrize(
    ("suite", "tests", "target", "least"),
    [("fsx", "allocated", "ext4", 1), ("pjdfstest", _RMDIR, VEXFS, 3)],
    ids=["fsx-ext4", "pjdfstest-vexfs"],
)
def test_tests_of_a_suite_in_a_machine(
    vexlab: Callable[..., Run], suite: str, tests: str, target: str, least: int
) -> None:
    _built(suite)
    run = vexlab("--target", target, "--suite", suite, "--tests", tests, timeout=600)
    case = run.case(f"suites.{suite}")
    verdicts = [each["verdict"] for each in case["subresults"]]
    assert (case["verdict"], run.status) == ("passed", 0), case["reason"]
    assert verdicts.count("passed") >= least, verdicts
    assert "failed" not in verdicts


@pytest.mark.long  # two to four minutes each
@pytest.mark.parametrize("target", ["ext4", VEXFS], ids=["ext4", "vexfs"])
@pytest.mark.parametrize("suite", ["pjdfstest", "fsx"])
def test_a_suite_in_a_machine(vexlab: Callable[..., Run], suite: str, target: str) -> None:
    _built(suite)
    run = vexlab("--target", target, "--suite", suite, timeout=1800)
    case = run.case(f"suites.{suite}")
    verdicts = [each["verdict"] for each in case["subresults"]]
    assert case["verdict"] == "passed", case["reason"]
    assert run.status == 0
    assert verdicts.count("passed") >= _LEAST[suite], verdicts
    assert "failed" not in verdicts


@pytest.mark.long
def test_a_suite_that_runs_no_test_says_nothing_of_the_module(vexlab: Callable[..., Run]) -> None:
    _built("pjdfstest")
    run = vexlab("--target", VEXFS, "--suite", "pjdfstest", "--tests", "none::such", timeout=600)
    case = run.case("suites.pjdfstest")
    assert (case["verdict"], run.status) == ("error", 3)
    assert "ran no test" in case["reason"]


def test_a_suite_that_is_not_there_is_told(vexlab: Callable[..., Run], tmp_path: Path) -> None:
    run = vexlab("--target", VEXFS, "--suite", "xfstests", "--tree", str(tmp_path))
    assert run.status == 2
    assert "is no tree of xfstests: it lacks check, common/rc" in run.stderr


@pytest.mark.skipif(not os.environ.get("VEXLAB_XFSTESTS"), reason="VEXLAB_XFSTESTS names no installed xfstests")
def test_xfstests_in_a_machine_for_each_test(vexlab: Callable[..., Run]) -> None:
    run = vexlab("--target", VEXFS, "--suite", "xfstests", "--tests", "generic/001 vexfs/001 vexfs/021", timeout=1800)
    assert run.status == 0, run.stderr
    assert {case["verdict"] for case in run.document["cases"]} == {"passed"}
    assert len(run.document["cases"]) == 3
