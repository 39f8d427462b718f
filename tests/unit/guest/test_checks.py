from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from vexlab.classify import classify
from vexlab.errors import MachineError
from vexlab.guest.checks import (
    Check,
    CheckOutcome,
    judge,
    parse_checks,
    parse_proof,
    parse_results,
    parse_tree,
    running_check,
)
from vexlab.model.subresult import SubVerdict

LINE = (
    '{"family":"link","name":"errors","cite":"POSIX.1-2017 link() ERRORS","result":"fail",'
    '"detail":"link(\\"a\\", \\"b\\"): expected EEXIST, got success (0)","errno":"EPERM","ms":0.4}\n'
)


def _result(name: str, result: str, detail: str = "") -> str:
    return json.dumps({"family": "f", "name": name, "cite": "c", "result": result, "detail": detail, "ms": 1.0})


def _checks(*names: str) -> list[Check]:
    return [Check(family="f", name=name, cite="c") for name in names]


def test_a_line_becomes_a_result() -> None:
    report = parse_results(LINE)
    assert not report.noise
    (result,) = report.results
    assert result.id == "link.errors"
    assert result.result is CheckOutcome.FAIL
    assert result.errno == "EPERM"
    assert "expected EEXIST" in result.detail


def test_what_is_no_result_is_noise_and_never_a_pass() -> None:
    report = parse_results('{"family":"f"}\nsegfault at 0\n' + _result("a", "splendid") + "\n" + "x" * 5000)
    assert not report.results
    assert len(report.noise) == 4
    assert all(len(line) <= 500 for line in report.noise)


def test_an_empty_list_is_an_error() -> None:
    with pytest.raises(MachineError):
        parse_checks("")


def test_a_check_without_result_has_failed() -> None:
    (judged,) = judge(_checks("a"), parse_results(""))
    assert judged.judgement is SubVerdict.FAILED


@pytest.mark.parametrize(
    ("result", "declared", "judgement"),
    [
        ("pass", {}, SubVerdict.PASSED),
        ("pass", {"f.a": "no"}, SubVerdict.PASSED),
        ("refused", {}, SubVerdict.FAILED),
        ("refused", {"f.a": "no holes"}, SubVerdict.REFUSED),
        ("refused", {"f": "no such family"}, SubVerdict.REFUSED),
        ("refused", {"f.b": "another"}, SubVerdict.FAILED),
        ("fail", {"f.a": "no"}, SubVerdict.FAILED),
        ("timeout", {}, SubVerdict.FAILED),
        ("skip", {}, SubVerdict.SKIPPED),
    ],
)
def test_judgement(result: str, declared: dict[str, str], judgement: SubVerdict) -> None:
    (judged,) = judge(_checks("a"), parse_results(_result("a", result)), declared)
    assert judged.judgement is judgement


def test_what_is_only_not_so_is_not_said_to_be_refused() -> None:
    check = Check(family="stat", name="inodes_come_back", cite="c")
    line = {"family": "stat", "name": "inodes_come_back", "cite": "c", "result": "refused"}
    report = parse_results(json.dumps({**line, "detail": "100 inodes made: expected 110 in use, got 164"}))
    (judged,) = judge((check,), report)
    assert judged.judgement is SubVerdict.FAILED
    assert judged.why == (
        "100 inodes made: expected 110 in use, got 164, and the target does not declare `fixed_inodes` in [refuses]"
    )


def test_an_operation_is_named_by_the_narrowest_word() -> None:
    for family, name, word in (
        ("xattr", "large_values", "large_xattrs"),
        ("xattr", "simple", "xattr"),
        ("direct", "aligned", "direct_io"),
        ("rename", "simple", "rename.simple"),
    ):
        line = {"family": family, "name": name, "cite": "c", "result": "refused", "detail": "refused with EPERM"}
        (judged,) = judge((Check(family=family, name=name, cite="c"),), parse_results(json.dumps(line)))
        assert judged.why == f"refused with EPERM, and the target does not declare `{word}` in [refuses]"


CONSOLE = """\
[    5.000000] fscheck: xattr.simple
[    5.100000] fscheck: xattr.large_values
[    5.200000] BUG: kernel NULL pointer dereference, address: 0000000000000008
[    5.300000] fscheck: xattr.next
[    5.400000] fscheck: end
"""


def test_the_check_during_which_the_kernel_spoke() -> None:
    assert running_check(CONSOLE, "BUG: kernel NULL pointer dereference") == "xattr.large_values"
    assert running_check(CONSOLE) == "", "it came to its end"
    assert running_check(CONSOLE.replace("end", "more.checks")) == "more.checks", "it did not"
    assert running_check(CONSOLE.partition("[    5.000000]")[0]) == ""
    late = CONSOLE + "[    9.000000] BUG: unable to handle page fault\n"
    assert running_check(late, "BUG: unable to handle page fault") == "", "all of them were over"
    assert running_check("[    1.000000] myfs: fscheck: xattr.fake\n") == "", "others have their own names before it"


def test_no_announcement_looks_like_a_report(programs: Path) -> None:
    listed = subprocess.run([programs / "fscheck", "list"], capture_output=True, text=True, check=True, timeout=60)
    names = [".".join(line.split()[:2]) for line in listed.stdout.splitlines()]
    assert len(names) > 170
    assert classify("".join(f"[{n:5}.000000] fscheck: {name}\n" for n, name in enumerate(names))) == ()


def test_a_proof_must_be_printed() -> None:
    with pytest.raises(MachineError):
        parse_proof("fscheck: not found")


def test_a_tree_report_that_was_cut_off_is_not_ok() -> None:
    problem = '{"path":"a","key":"size","expected":"5","got":"7"}'
    assert parse_tree('{"ok":true,"entries":3,"problems":0}\n').ok
    assert not parse_tree('{"ok":true,"entries":0,"problems":0}\n').ok
    assert not parse_tree("").ok
    cut = parse_tree(problem)
    assert not cut.complete
    assert str(cut.problems[0]) == "a: size: expected 5, got 7"
    assert not parse_tree(problem + '\n{"ok":false,"entries":3,"problems":2}').complete


def test_an_operation_stands_for_its_checks() -> None:
    checks = [Check(family="owner", name="acl_grants", cite="c"), Check(family="direct", name="holes", cite="c")]
    lines = "\n".join(
        json.dumps({"family": check.family, "name": check.name, "cite": "c", "result": "refused"}) for check in checks
    )
    judged = judge(checks, parse_results(lines), {"acl": "mode bits only", "quota": "none"})
    assert [each.judgement for each in judged] == [SubVerdict.REFUSED, SubVerdict.FAILED]
