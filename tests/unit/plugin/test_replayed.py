"""What a case leaves of what was done in its machine, where the kernel complained."""

from __future__ import annotations

from tests.unit.plugin.conftest import Run
from tests.unit.plugin.test_judging import TITLE

from vexlab.model.replay import FILE, Act
from vexlab.replay.make import found_in


def test_what_was_done_before_the_kernel_complained_is_kept(run: Run) -> None:
    ran = run("def test_it(machine):\n    machine.exec(['first', 'a b'])\n    machine.exec(['oops'])\n")
    found = found_in(ran.evidence("it"), TITLE)
    begun = [step.argv for step in found.replay.steps if step.act is Act.BEGIN]
    assert begun[:2] == [("first", "a b"), ("oops",)]
    assert found.replay.why_not == ""
    assert (found.replay.module, found.report.title) == ("evil", TITLE)
    (module,) = (placed for placed in found.replay.files if placed.path.endswith(".ko"))
    assert module.source.startswith(str(ran.results / "artifacts")), "a file that stays with the run"


def test_a_case_that_only_fails_leaves_none(run: Run) -> None:
    ran = run("def test_it(machine):\n    machine.exec(['first'])\n    assert False\n")
    assert ran.case("it")["verdict"] == "failed"
    assert not (ran.evidence("it") / FILE).exists()
