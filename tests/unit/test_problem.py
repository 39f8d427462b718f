"""Distinct problems: one entry for each cause, however many cases it turned red."""

from __future__ import annotations

import dataclasses

from vexlab.model.case import CaseResult
from vexlab.model.key import CaseKey
from vexlab.model.problem import PRECEDED, Harm, distinct
from vexlab.model.report import Severity
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.model.verdict import Finding, Verdict

OOPS = Finding(title="BUG: unable to handle NULL in f", type="BUG", severity=Severity.CRASH, fingerprint="a" * 8)
WARN = Finding(title="WARNING in g", type="WARNING", severity=Severity.WARNING, fingerprint="b" * 8)


def _case(name: str, verdict: Verdict = Verdict.FAILED, **fields: object) -> CaseResult:
    domain, _, rest = name.partition(".")
    case = CaseResult(
        key=CaseKey(domain=domain, name=rest, kernel="6.1"), node=name, level=1, verdict=verdict, evidence=f"/e/{name}"
    )
    return dataclasses.replace(case, **fields)  # type: ignore[arg-type]


def test_one_finding_in_several_cases_is_one_problem_shown_by_the_shortest() -> None:
    long = _case("d.long", Verdict.CRASHED, findings=(OOPS,), duration_s=9.0)
    short = _case(
        "d.short", Verdict.CRASHED, findings=(OOPS,), duration_s=1.0, reason="x\nkernel: y (while fscheck ran a.b)"
    )
    (problem,) = distinct([long, short])
    assert problem.cases == ("d.short[6.1]", "d.long[6.1]")
    assert (problem.harm, problem.evidence) == (Harm.CRASH, "/e/d.short")


def test_the_words_of_a_case_with_findings_are_a_consequence_but_failed_checks_are_not() -> None:
    checks = (
        SubResult(name="link.count", verdict=SubVerdict.FAILED, words="expected 2, got 1"),
        SubResult(name="link.dies", verdict=SubVerdict.FAILED, words=f"the kernel died in it: {OOPS.title}"),
        SubResult(name="link.fine", verdict=SubVerdict.PASSED),
    )
    case = _case("f.family", Verdict.CRASHED, findings=(OOPS,), subresults=checks, reason="2 of 3 checks failed")
    assert [each.title for each in distinct([case])] == [OOPS.title, "link.count: expected 2, got 1"]


def test_failures_by_the_same_words_but_for_numbers_and_paths_are_one_problem() -> None:
    cases = [_case(f"d.c{n}", reason=f"the tree cannot be made: symlink /mnt/test/tree{n}/x: EPERM") for n in range(70)]
    other = _case("d.other", reason="the filesystem is not consistent: fsck says 4")
    first, second = distinct([*cases, other])
    assert (first.harm, first.cases) == (Harm.DATA, ("d.other[6.1]",))
    assert len(second.cases) == 70


def test_blocked_cases_and_checks_stand_with_what_blocks_them() -> None:
    broken = _case("filesystem_operations.capability", Verdict.CRASHED, findings=(OOPS,), reason="`link` is broken: x")
    broken = dataclasses.replace(broken, key=dataclasses.replace(broken.key, parameters="link"))
    waits = _case("d.waits", Verdict.BLOCKED, reason="blocked by `link`, which is broken: x")
    check = SubResult(name="unlink.last", verdict=SubVerdict.BLOCKED, words="it needs `link`, which is broken: x")
    family = _case("d.family", Verdict.PASSED, subresults=(check,))
    elsewhere = _case("d.elsewhere", Verdict.BLOCKED, reason="blocked by `mount`, which is broken: y")
    first, second = distinct([broken, waits, family, elsewhere])
    assert (first.title, first.harm) == ("`link` is broken: x", Harm.CRASH)
    assert first.blocked == ("d.waits[6.1]", "unlink.last")
    assert (second.cases, second.blocked) == ((), ("d.elsewhere[6.1]",))


def test_a_post_check_is_titled_with_what_came_before_and_known_without() -> None:
    words = "the filesystem is not consistent: fsck says 4"
    one = _case("d.one", reason=f"{words}\n{PRECEDED} `fscheck run --family rename /mnt/test`")
    other = _case("d.two", reason=f"{words}\n{PRECEDED} `mv a b`", duration_s=99.0)
    (problem,) = distinct([one, other])
    assert problem.title == f"{words} (after `fscheck run --family rename /mnt/test`)"
    assert len(problem.cases) == 2


def test_bytes_that_differ_by_a_hash_only_are_told_apart_by_the_case() -> None:
    words = 'the tree is not what it was (1 differences): file: hash: expected "{}", got "{}"'
    one, again, other = (
        dataclasses.replace(
            _case("integration.regression", reason=words.format(*hashes)),
            key=dataclasses.replace(_case("integration.regression").key, parameters=way),
        )
        for way, hashes in (
            ("stale_bytes", ("3188cbc458654cfa", "6968521b5f47fbdb")),
            ("stale_bytes", ("1188cbc458654cfa", "2968521b5f47fbdb")),
            ("mapped_store", ("68e15e55d1b6f1ad", "cc7cbf192f797d9d")),
        )
    )
    assert len(distinct([one, again])) == 1
    assert len(distinct([one, other])) == 2


def test_files_that_stand_by_tell_nothing_of_the_case() -> None:
    words = 'the tree is not what it was (1 differences): {}: hash: expected "3188cbc458654cfa", got "6968521b5f47fbdb"'
    names = ("tree3/52-aaa", "bystanders/7-hh/16-qqqqqqqq", "tree1/48-", "24-yyyyyy")
    (problem,) = distinct([_case(f"d.c{n}", reason=words.format(name)) for n, name in enumerate(names)])
    assert len(problem.cases) == len(names)
    assert (
        len(distinct([_case("d.one", reason=words.format("file")), _case("d.two", reason=words.format("file"))])) == 2
    )


def test_checks_that_wait_for_what_hangs_are_no_problems_of_their_own() -> None:
    checks = (
        SubResult(name="xattr.flags", verdict=SubVerdict.FAILED, words="the kernel died or hung in it: `fscheck`"),
        SubResult(
            name="xattr.names", verdict=SubVerdict.FAILED, words="not done after 60 s and cannot be killed: [<0>]"
        ),
        SubResult(name="xattr.count", verdict=SubVerdict.FAILED, words="expected 2, got 1"),
    )
    case = _case("f.family", Verdict.CRASHED, findings=(_hang("hang in set_xattr", "set_xattr"),), subresults=checks)
    assert [each.title for each in distinct([case])] == ["hang in set_xattr", "xattr.count: expected 2, got 1"]


def _hang(title: str, frame: str) -> Finding:
    return dataclasses.replace(OOPS, title=title, type="HANG", frame=frame, fingerprint=title)


def test_hangs_of_one_case_and_those_in_one_function_are_one() -> None:
    watchdog = _hang("INFO: task hung in demo_set", "demo_set")
    seen = _hang("hang in demo_set", "demo_set")
    waiter = _hang("INFO: task hung in jbd2_commit", "jbd2_commit")
    other = _hang("hang in demo_get", "demo_get")
    cases = [
        _case("d.first", Verdict.CRASHED, findings=(waiter, seen)),
        _case("d.second", Verdict.CRASHED, findings=(watchdog,)),
        _case("d.third", Verdict.CRASHED, findings=(other,)),
        _case(
            "d.fourth", Verdict.BLOCKED, reason='blocked by "INFO: task hung in demo_set", which d.second[6.1] shows'
        ),
    ]
    found = {each.title: each for each in distinct(cases)}
    assert set(found) == {"hang in demo_set", "hang in demo_get"}
    joined = found["hang in demo_set"]
    assert joined.cases == ("d.first[6.1]", "d.second[6.1]")
    assert joined.blocked == ("d.fourth[6.1]",)
    assert len(joined.also) == 2


def test_a_cache_that_leaks_is_one_problem_however_it_is_told() -> None:
    words = "memory leak: each round of 100 times the work of stat leaves more behind: kmalloc-32 by 102 (9776 bytes)"
    cases = [
        _case("d.rounds", reason=words),
        _case("d.cycles", reason="memory leak: kmalloc-32 grows by 2.0 (192 bytes) a cycle"),
    ]
    assert len(distinct(cases)) == 1


def test_what_a_known_hang_blocked_stands_with_that_hang() -> None:
    hang = dataclasses.replace(OOPS, title="hang in demo_read_super", type="HANG", fingerprint="abc")
    first = _case("d.first", Verdict.CRASHED, findings=(hang,))
    words = 'blocked by "hang in demo_read_super", which d.first[6.1] shows: after 33 s a task is stuck there'
    again = _case("d.again", Verdict.BLOCKED, reason=words)
    check = SubResult(name="dir.moves", verdict=SubVerdict.BLOCKED, words=words)
    family = _case("d.family", Verdict.PASSED, subresults=(check,))
    (problem,) = distinct([first, again, family])
    assert problem.blocked == ("d.again[6.1]", "dir.moves")
    assert problem.harm is Harm.HANG


def test_order_is_by_harm_then_by_the_number_of_cases() -> None:
    cases = [
        _case("d.wrong", reason="expected 3, got 4"),
        _case("d.leak", reason="memory leak: each round leaves kmalloc-64 behind"),
        _case("d.warns", findings=(WARN,)),
        _case("d.crashes", Verdict.CRASHED, findings=(OOPS,)),
        _case("d.hangs", reason="`umount` did not end within 60 s"),
    ]
    harms = [each.harm for each in distinct(cases)]
    assert harms == [Harm.CRASH, Harm.HANG, Harm.WARNING, Harm.LEAK, Harm.WRONG]


def test_of_equal_harm_comes_first_what_shows_early_in_the_modules_life() -> None:
    cases = [
        *(_case(f"safety_validation.s{at}", reason="expected 3, got 4") for at in range(3)),
        _case("filesystem_operations.capability[mkdir]", reason="mkdir: EIO"),
        _case("filesystem_operations.other", reason="expected 3, got 4"),
        _case("kernel_module.unload", reason="it is still there"),
    ]
    unload, capability, others = distinct(cases)
    assert unload.cases == ("kernel_module.unload[6.1]",)
    assert capability.cases[0].startswith("filesystem_operations.capability")
    assert len(others.cases) == 4


def test_passes_skips_and_errors_are_no_problems() -> None:
    verdicts = (Verdict.PASSED, Verdict.SKIPPED, Verdict.ERROR, Verdict.UNDECIDED)
    assert distinct(_case(f"d.{each}", each, reason="words") for each in verdicts) == ()


def test_what_the_filesystem_itself_says_is_one_cause_and_belongs_to_the_capability_that_shows_it() -> None:
    said = "VEXFS-fs error (vdc): directory {} has more subdirectories than links"
    broken = _case("f.capability", reason=f"`rename_directory` is broken: no writes; it says: {said.format(7)}")
    broken = dataclasses.replace(broken, key=dataclasses.replace(broken.key, parameters="rename_directory"))
    tools = _case("f.operations", reason=f"rm: Read-only file system\nthe kernel said: {said.format(12)}")
    fsck = _case("f.moved", reason=f"it is not consistent: x\nthe kernel said: {said.format(8255)}")
    assert len(distinct([tools, fsck])) == 1
    (problem,) = distinct([tools, broken, fsck])
    assert problem.key == "capability:rename_directory"
    assert len(problem.cases) == 3


def test_leaks_of_the_same_caches_are_one_problem() -> None:
    words = "memory leak: each round of {} leaves more behind: kmalloc-32 by {} ({} bytes)"
    cases = [
        _case("s.a", reason=words.format("3 mounts", 267, 25648)),
        _case("s.b", reason=words.format("the work of cold", 4002, 384192) + ", memory by 394923 (394923 bytes)"),
        _case("s.c", reason=words.format("the work of data", 202, 19408).replace("kmalloc-32", "kmalloc-64")),
    ]
    assert [len(each.cases) for each in distinct(cases)] == [2, 1]


def test_differences_of_trees_are_one_problem_by_what_differs() -> None:
    words = (
        "the tree is not what it was ({} differences): {}: content: expected zeros at byte {}, got its own bytes; x: y"
    )
    cases = [_case("s.a", reason=words.format(4, "10-kk", 3764)), _case("s.b", reason=words.format(1, "2-z/3-n", 9))]
    (problem,) = distinct([*cases, _case("s.c")])[:1]
    assert len(problem.cases) == 2
