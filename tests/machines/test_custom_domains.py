"""Domains of one's own: the examples run, and a class is judged by what it returns and by what its kernel said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.machines.conftest import PLANTED, Run

pytestmark = pytest.mark.machine

EXAMPLES = Path(__file__).parents[2] / "examples" / "domains"
VEXFS = Path(__file__).parents[2] / "targets" / "vexfs"

CLASS = """
from vexlab.plugin import DomainBase, TestResult

class Bugs(DomainBase):
    level = 2

    def get_domain_description(self):
        return "returns of every kind"

    def setup_domain(self):
        self.machine.exec(["touch", "/tmp/set-up"])

    def test_set_up(self):
        assert self.machine.exec(["test", "-e", "/tmp/set-up"]).ok

    async def test_measured(self):
        return TestResult(True, metrics={"answer_count": 42})

    def test_does_not_hold(self):
        return TestResult(False, "it is not so")

    def test_wrong_return(self):
        return 7

    def test_oops(self, module):
        module.load("bug=oops")
        return TestResult(True)

class Elsewhere(DomainBase):
    def get_domain_description(self):
        return "for another target"

    def validate_domain_constraints(self):
        return f"{self.target.name} is not meant"

    def test_never(self):
        raise RuntimeError("ran all the same")
"""


def test_the_examples(vexlab: Callable[..., Run]) -> None:
    wanted = ("--domain", "log_append", "--domain", "unicode_names")
    run = vexlab("--target", str(VEXFS), "--domains-dir", str(EXAMPLES), *wanted)
    assert set(run.verdicts.values()) == {"passed"}, run.stderr
    assert {case["domain"] for case in run.document["cases"]} == {"log_append", "unicode_names"}
    assert run.metrics("unicode_names.kept")["names_count"] == 5


def test_a_class_is_judged(vexlab: Callable[..., Run], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "bugs.py").write_text(CLASS)
    run = vexlab("--target", str(PLANTED), "--domains-dir", str(tmp_path / "mine"), "--domain", "bugs")
    assert run.verdicts == {
        "bugs.set_up": "passed",
        "bugs.measured": "passed",
        "bugs.does_not_hold": "failed",
        "bugs.wrong_return": "error",
        "bugs.oops": "crashed",
        "bugs.never": "skipped",
    }
    assert run.metrics("bugs.measured") == {"answer_count": 42}
    assert run.case("bugs.measured")["level"] == 2
    assert run.case("bugs.does_not_hold")["reason"] == "it is not so"
    assert "returned int" in run.case("bugs.wrong_return")["reason"]
    assert "planted is not meant" in run.case("bugs.never")["reason"]
