"""What the benchmark of xfstests runs, and what it reads in the last lines of ``./check``."""

from __future__ import annotations

from bench.xfstests import Figures, chosen, compared, figures_of

TESTS = [f"generic/{number:03}" for number in range(1, 200)]
# The last lines of `./check`: one test passed, one cannot run, one failed.
SAID = """\
generic/001        8s
generic/002        [not run] no such thing
generic/003        - output mismatch (see results/generic/003.out.bad)
Ran: generic/001 generic/002 generic/003
Not run: generic/002
Failures: generic/003
Failed 1 of 3 tests
"""


def test_tests_are_chosen_by_hash_and_others_for_each_target() -> None:
    one, again, other = (chosen(name, TESTS, 20) for name in ("ext4", "ext4", "xfs"))
    assert one == again == chosen("ext4", TESTS[::-1], 20)
    assert one != other
    assert len(set(one)) == 20
    assert list(one) == sorted(one)
    assert set(chosen("ext4", TESTS, 10)) < set(one)


def test_the_end_of_check_is_read() -> None:
    assert figures_of(SAID, 9.0) == Figures(passed=1, failed=1, not_run=1, seconds=9.0)


def test_times_are_compared_where_as_many_tests_came_to_a_verdict() -> None:
    alone = Figures(passed=9, failed=1, not_run=2, seconds=100)
    row = compared("one job", Figures(passed=10, failed=0, not_run=2, seconds=120), alone, 1.5)
    assert (row.value, row.reached) == ("1.20", True)
    none = Figures(passed=0, failed=0, not_run=12, seconds=4)
    for ours, other in ((none, alone), (alone, none), (none, none)):
        assert compared("one job", ours, other, 1.5).reached is None
