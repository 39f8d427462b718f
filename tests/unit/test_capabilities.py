"""What the probed profile means for cases: skipped, blocked, taken for declared."""

from __future__ import annotations

import dataclasses

import pytest
from tests.unit.guest.test_post_checks import TARGET

from vexlab.errors import Blocked
from vexlab.model.case import Summary
from vexlab.model.key import CaseKey
from vexlab.model.profile import Capability, Profile, State
from vexlab.model.verdict import Outcome, Verdict, judge
from vexlab.plugin.capabilities import broken_words, demand, effective, undeclared, works_after_all

PROFILE = Profile(
    target="t",
    fstype="t",
    kernel="6.1",
    digest="d",
    capabilities=(
        Capability(name="symlink", state=State.REFUSED, errno="EPERM"),
        Capability(name="tmpfile", state=State.REFUSED, errno="EOPNOTSUPP"),
        Capability(name="fallocate", state=State.REFUSED, errno="EOPNOTSUPP"),
        Capability(name="punch_hole", state=State.REFUSED, errno="EOPNOTSUPP"),
        Capability(name="link", state=State.BROKEN, detail="EIO instead of success", finding="BUG: x in y"),
        Capability(name="xattr", state=State.WORKS),
        Capability(name="mmap_write", state=State.UNKNOWN, detail="it needs link"),
    ),
)


def test_what_the_probe_saw_refused_counts_as_declared_for_all_cases_but_one() -> None:
    target = dataclasses.replace(TARGET, refuses=(("tmpfile", "none yet"),))
    words = dict(effective(target, PROFILE).refuses)
    assert words["tmpfile"] == "none yet"
    assert words["punch_hole"] == "refused when it was probed (EOPNOTSUPP)"
    assert effective(target, None) is target
    assert [each.name for each in undeclared(target, PROFILE)] == ["symlink", "fallocate", "punch_hole"]
    declared = dataclasses.replace(TARGET, refuses=(("tmpfile", "x"), ("fallocate", "x"), ("symlink", "x")))
    assert undeclared(declared, PROFILE) == ()


def test_a_declared_refusal_that_works_is_told() -> None:
    target = dataclasses.replace(TARGET, refuses=(("tmpfile", "x"), ("xattr", "x"), ("fixed_inodes", "x")))
    assert works_after_all(target, PROFILE) == ("xattr",)


def test_a_case_is_skipped_for_what_is_refused_and_blocked_by_what_is_broken() -> None:
    demand(PROFILE, ("xattr", "fifo"))
    demand(None, ("symlink",))
    with pytest.raises(pytest.skip.Exception, match=r"it needs `symlink`, which the filesystem refuses \(EPERM\)"):
        demand(PROFILE, ("xattr", "symlink"))
    for name in ("link", "mmap_write"):
        with pytest.raises(Blocked, match="blocked by `link`, which is broken: BUG: x in y") as caught:
            demand(PROFILE, (name,))
        assert caught.value.by == "link"


def test_blocked_is_a_verdict_below_an_error_and_a_run_with_it_did_not_pass() -> None:
    assert judge(Outcome.BLOCKED, ()) is Verdict.BLOCKED
    assert Summary(passed=3).exit_code == 0
    assert Summary(passed=3, blocked=1).exit_code == 4
    assert Summary(passed=3, blocked=1, failed=1).exit_code == 1
    assert Summary(passed=3, blocked=1, errors=1).exit_code == 3
    assert str(CaseKey(domain="d", name="n")) == "d.n"


@pytest.mark.parametrize("state", [State.WORKS, State.REFUSED, State.UNKNOWN])
def test_what_was_broken_in_company_is_told_whatever_it_is_alone(state: State) -> None:
    before = Capability(name="symlink", state=State.BROKEN, detail="afterwards nothing can be written: EROFS")
    first, *rest = broken_words(Capability(name="symlink", state=state), before).splitlines()
    assert first.startswith("`symlink` is broken: afterwards nothing can be written: EROFS")
    assert f"asked alone it is {state}" in rest[-1]
    alone = Capability(name="symlink", state=State.BROKEN, detail="it hangs")
    assert "asked alone" not in broken_words(alone, before)
    assert broken_words(Capability(name="symlink", state=state), None) == ""
