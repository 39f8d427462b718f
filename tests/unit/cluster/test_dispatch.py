"""Every case gets one verdict, whatever happens to the hosts."""

from __future__ import annotations

import random

import pytest

from vexlab.cluster.dispatch import FAILURES_MOST, LOSSES_MOST, Attempt, Dispatch, Work


def _dispatch(*seconds: float) -> Dispatch:
    work = (Work(case=f"c{number}", expected_s=each) for number, each in enumerate(seconds))
    return Dispatch(work, limit_s=1000)


def _cases(attempts: list[Attempt]) -> list[str]:
    return [attempt.case for attempt in attempts]


def test_only_what_can_run_now_is_begun_and_the_longest_first() -> None:
    dispatch = _dispatch(1, 9, 5)
    dispatch.come("a", "A", 1)
    dispatch.come("b", "B", 1)
    begun = dispatch.assign(0)
    assert _cases(begun) == ["c1", "c2"]
    assert {attempt.host for attempt in begun} == {"a", "b"}
    assert not dispatch.assign(0)
    assert dispatch.finish(begun[1].number).case == "c2"
    assert _cases(dispatch.assign(1)) == ["c0"]


def test_the_emptiest_host_comes_first() -> None:
    dispatch = _dispatch(*[1] * 4)
    dispatch.come("a", "A", 6)
    dispatch.come("b", "B", 2)
    hosts = [attempt.host for attempt in dispatch.assign(0)]
    assert hosts.count("b") >= 1, "not all to the first host"


def test_what_a_dead_host_ran_comes_first_elsewhere() -> None:
    dispatch = _dispatch(9, 8, 7)
    dispatch.come("a", "A", 1)
    (lost,) = dispatch.assign(0)
    dispatch.gone("a", "killed")
    dispatch.come("b", "B", 1)
    (again,) = dispatch.assign(1)
    assert again.case == lost.case
    assert dispatch.finish(lost.number).case == "", "the dead host's answer is late"
    assert dispatch.finish(again.number).case == lost.case


def test_a_lost_case_goes_to_a_host_that_has_not_lost_it() -> None:
    dispatch = _dispatch(9, 8, 7, 6)
    dispatch.come("a", "A", 1)
    dispatch.come("b", "B", 1)
    lost, other = dispatch.assign(0)
    dispatch.lose(lost.number, "its disk is full")
    (next_one,) = dispatch.assign(1)
    assert next_one.host == lost.host
    assert next_one.case not in (lost.case, other.case), "the host that lost it gets another"
    dispatch.finish(other.number)
    (again,) = dispatch.assign(2)
    assert (again.case, again.host) == (lost.case, other.host)


def test_answers_that_are_none_count_apart_from_hosts_that_end() -> None:
    dispatch = _dispatch(9)
    for number in range(LOSSES_MOST - 1):
        dispatch.come(f"ends{number}", f"ends{number}", 1)
        assert len(dispatch.assign(0)) == 1
        dispatch.gone(f"ends{number}", "killed")
        dispatch.come(f"fails{number}", f"fails{number}", 1)
        (lost,) = dispatch.assign(0)
        dispatch.lose(lost.number, "No space left on device", answered=True)
        dispatch.gone(f"fails{number}", "killed")
    assert not dispatch.done, "four losses, but two of each kind"
    dispatch.come("ends", "ends", 1)
    assert len(dispatch.assign(0)) == 1
    dispatch.gone("ends", "killed")
    assert dispatch.given_up["c0"].startswith("it was lost 5 times: ends0: killed; fails0: No space left on device;")


def test_the_only_host_left_tries_again_what_it_lost() -> None:
    dispatch = _dispatch(9)
    dispatch.come("a", "A", 1)
    (lost,) = dispatch.assign(0)
    dispatch.lose(lost.number, "no answer")
    (again,) = dispatch.assign(1)
    assert (again.case, again.host) == (lost.case, "a")
    dispatch.come("b", "B", 1)
    dispatch.lose(again.number, "no answer")
    (elsewhere,) = dispatch.assign(2)
    assert elsewhere.host == "b"


def test_an_answer_that_comes_twice_counts_once() -> None:
    dispatch = _dispatch(1)
    dispatch.come("a", "A", 1)
    dispatch.come("b", "B", 1)
    (first,) = dispatch.assign(0)
    (second,) = dispatch.assign(100)
    assert second.case == first.case
    assert second.host != first.host, "a straggler is begun elsewhere"
    assert not dispatch.assign(200), "and once more, not any number of times"
    settled = dispatch.finish(second.number)
    assert settled.case == first.case
    assert settled.spare == (first,)
    assert dispatch.finish(first.number).case == ""
    assert dispatch.done


def test_a_host_that_fails_twice_is_set_aside_and_named() -> None:
    dispatch = _dispatch(*[1] * 8)
    dispatch.come("a1", "A", 1)
    for number in range(FAILURES_MOST):
        dispatch.assign(0)
        dispatch.gone(f"a{number + 1}", "it is gone")
        dispatch.come(f"a{number + 2}", "A", 1)
    assert not dispatch.assign(0), "the same host under a new address"
    assert not dispatch.machines
    assert dispatch.set_aside == {"A": ["it is gone", "it is gone"]}
    dispatch.come("b", "B", 1)
    assert [attempt.host for attempt in dispatch.assign(0)] == ["b"]


def test_a_case_that_ends_its_hosts_is_given_up() -> None:
    dispatch = _dispatch(5)
    for number in range(LOSSES_MOST):
        dispatch.come(f"h{number}", f"H{number}", 1)
        assert dispatch.assign(0)
        dispatch.gone(f"h{number}", "killed")
    assert dispatch.done
    assert dispatch.given_up["c0"] == "it was lost 3 times: H0: killed; H1: killed; H2: killed"


def test_a_host_that_tests_something_else_gets_nothing() -> None:
    dispatch = _dispatch(1)
    dispatch.come("a", "A", 1)
    dispatch.refuse("a", "it builds another module")
    assert not dispatch.assign(0)
    assert "A" in dispatch.set_aside


def test_attempts_that_take_too_long_are_told() -> None:
    dispatch = _dispatch(1)
    dispatch.come("a", "A", 1)
    (attempt,) = dispatch.assign(0)
    assert not dispatch.overdue(1000)
    assert dispatch.overdue(1001) == [attempt]
    dispatch.lose(attempt.number, "no answer")
    assert _cases(dispatch.assign(1001)) == ["c0"]


@pytest.mark.parametrize("seed", range(20))
def test_n_verdicts_of_n_cases_whatever_happens(seed: int) -> None:
    """Hosts die, come back under new addresses, answer late or twice; 50 events of that kind in each history."""
    draw = random.Random(seed)
    dispatch = _dispatch(*[draw.uniform(1, 60) for _ in range(200)])
    alive = {f"a{number}": 2 for number in range(4)}
    for address, machines in alive.items():
        dispatch.come(address, address, machines)
    decided: list[str] = []
    late: list[int] = []
    events, now, names = 50, 0.0, 4
    while not dispatch.done:
        now += draw.uniform(0, 20)
        dispatch.assign(now)
        for host in alive:
            assert sum(each.host == host for each in dispatch.running.values()) <= 2
        running = list(dispatch.running)
        if events and draw.random() < 0.3 and alive:
            events -= 1
            address = draw.choice(list(alive))
            late += [number for number, each in dispatch.running.items() if each.host == address]
            del alive[address]
            dispatch.gone(address, "killed")
            alive[f"a{names}"] = 2
            dispatch.come(f"a{names}", f"a{names}", 2)
            names += 1
        elif events and draw.random() < 0.1 and running:
            events -= 1
            dispatch.lose(draw.choice(running), "garbage", blame=False)
        elif late and draw.random() < 0.2:
            assert not dispatch.finish(late.pop()).case
        elif running and (settled := dispatch.finish(draw.choice(running))).case:
            decided.append(settled.case)
    assert len(decided) == len(set(decided))
    assert set(decided) | set(dispatch.given_up) == {f"c{number}" for number in range(200)}
    assert not set(decided) & set(dispatch.given_up)
