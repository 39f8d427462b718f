"""Going on with an earlier run: what stands, and what does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from vexlab.cli.run import not_run
from vexlab.errors import UsageError
from vexlab.model.case import CaseResult
from vexlab.model.key import CaseKey
from vexlab.model.provenance import UsedKernel
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.model.verdict import Verdict
from vexlab.session.resume import decided_in, find_earlier, note_tested, with_earlier
from vexlab.suites.adapter import Payload
from vexlab.suites.payload import content_key

KERNEL = UsedKernel(name="6.1", release="6.1.0", version="1", flavour="distro", accelerator="tcg", module="abc")


def _case(test: str, verdict: Verdict, reason: str = "") -> CaseResult:
    key = CaseKey(domain="suites", name="xfstests", parameters=test, kernel="6.1", target="vexfs")
    return CaseResult(key=key, node="x", level=2, verdict=verdict, reason=reason)


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    run = tmp_path / "20260101-000000-aaaa"
    run.mkdir()
    note_tested(run, "vexfs", (KERNEL,))
    verdicts = {"generic/001": Verdict.PASSED, "generic/002": Verdict.ERROR, "generic/003": Verdict.CRASHED}
    for number, (test, verdict) in enumerate(verdicts.items()):
        folder = run / "cases" / str(number)
        folder.mkdir(parents=True)
        (folder / "case.json").write_bytes(msgspec.json.encode(_case(test, verdict)))
    (run / "cases" / "torn").mkdir()
    (run / "cases" / "torn" / "case.json").write_text("{")
    return run


def test_what_was_decided_stands(earlier: Path) -> None:
    assert find_earlier(earlier.parent, "last") == earlier
    assert find_earlier(earlier.parent, earlier.name) == earlier
    stands, red = decided_in(earlier, "vexfs", (KERNEL,))
    assert [case.key.parameters for case in stands] == ["generic/001"]
    assert [case.key.parameters for case in red] == ["generic/003"]
    assert decided_in(earlier, "ext4", (KERNEL,)) == ((), ())


def test_what_failed_before_with_the_same_module_stays_red() -> None:
    then = _case("generic/003", Verdict.CRASHED, "an oops")
    now = replace(then, verdict=Verdict.PASSED, reason="")
    again = with_earlier(now, {then.id: then}, "R1")
    assert again.verdict is Verdict.CRASHED
    assert again.reason == "it fails sometimes: it passes now, and failed in run R1: an oops"
    assert again.attempts == ("an oops",)
    assert with_earlier(replace(now, digest="changed"), {then.id: then}, "R1").verdict is Verdict.PASSED
    failed = replace(now, verdict=Verdict.FAILED, reason="still")
    assert with_earlier(failed, {then.id: then}, "R1") is failed


def test_another_module_is_no_continuation(earlier: Path) -> None:
    with pytest.raises(UsageError, match="tested another module or kernel"):
        decided_in(earlier, "vexfs", (replace(KERNEL, module="def"),))


def test_another_suite_is_no_continuation(tmp_path: Path) -> None:
    """A user's tree that was changed since: the results are another tree's."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "test").write_text("true\n")
    payload = Payload(trees={"xfstests": tree})
    then = {"xfstests": content_key(payload)}
    earlier = tmp_path / "run"
    earlier.mkdir()
    note_tested(earlier, "vexfs", (KERNEL,), then)
    assert decided_in(earlier, "vexfs", (KERNEL,), {"xfstests": content_key(payload)}) == ((), ())
    assert decided_in(earlier, "vexfs", (KERNEL,), {"ltp": "another suite"}) == ((), ())
    (tree / "test").write_text("false\n")
    with pytest.raises(UsageError, match="other files of a suite: suite xfstests; its results do not stand"):
        decided_in(earlier, "vexfs", (KERNEL,), {"xfstests": content_key(payload)})


def test_a_run_that_is_not_there_is_told(tmp_path: Path) -> None:
    for name in ("last", "none", "../x"):
        with pytest.raises(UsageError, match="holds no run"):
            find_earlier(tmp_path, name)


def test_reasons_are_grouped() -> None:
    whole = replace(
        _case("", Verdict.PASSED),
        subresults=(SubResult(name="a", verdict=SubVerdict.REFUSED, words="no ACLs"),),
    )
    cases = [_case(f"generic/00{n}", Verdict.SKIPPED, "no \x1bACLs") for n in range(4)]
    lines = not_run([whole, *cases, _case("generic/009", Verdict.FAILED, "wrong")])
    assert lines[1] == "Not run:"
    assert lines[2].split()[0] == "4"
    assert lines[2].endswith("(generic/000, generic/001, generic/002, …)")
    assert "\x1b" not in lines[2]
    assert len(lines) == 4
    assert not_run([_case("generic/001", Verdict.PASSED)]) == []
