"""A campaign gives its time to what finds most, notes what is new, and goes on after a kill."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from vexlab.campaign.campaign import Campaign, State, _asked, unfinished
from vexlab.campaign.report import FORMULA, render
from vexlab.campaign.sharing import ARMS, Arm, Round, following, shares
from vexlab.cli.level3 import is_search
from vexlab.cli.main import cli
from vexlab.errors import InfraError, UsageError
from vexlab.model.case import CaseResult, PlannedCase
from vexlab.model.key import CaseKey
from vexlab.model.request import Request
from vexlab.model.verdict import Verdict

ONE, TWO = Arm(name="one", about="", cases=("d.a",)), Arm(name="two", about="", cases=("d.b",))
KERNELS = ("6.1",)


def _round(arm: str, minutes: float, new: int = 0, *, decided: int = 1) -> Round:
    keys = tuple(f"{arm}{number}" for number in range(new))
    return Round(arm=arm, kernel="6.1", seed=1, seconds=minutes * 60, decided=decided, new=keys)


def _next(*rounds: Round) -> str:
    return following((ONE, TWO), KERNELS, rounds).arm


def _case(reason: str, verdict: Verdict = Verdict.FAILED) -> CaseResult:
    planned = PlannedCase(key=CaseKey(domain="d", name="a", kernel="6.1"), node="a", level=3)
    return dataclasses.replace(planned.undecided(reason), verdict=verdict)


def test_each_arm_comes_once_then_the_one_that_finds_most() -> None:
    assert _next() == "one"
    assert _next(_round("one", 10)) == "two"
    assert _next(_round("one", 10, new=3), _round("two", 10)) == "one"
    assert _next(_round("one", 10), _round("two", 10, new=1)) == "two"


def test_an_arm_that_finds_nothing_is_not_given_up() -> None:
    found, rounds = 0, [_round("one", 10, new=2)]
    for _ in range(40):
        rounds.append(_round(_next(*rounds), 10))
        found += rounds[-1].arm == "two"
    assert 8 < found < 32


def test_an_arm_whose_cases_are_all_skipped_does_not_come_again() -> None:
    rounds = [_round("one", 0.1, decided=0), _round("two", 60)]
    assert _next(*rounds) == "two"
    assert _next(_round("one", 0.1, decided=0), _round("two", 0.1, decided=0)) in ("one", "two")


def test_shares_are_told_by_kernel() -> None:
    found = shares((ONE,), ("6.1", "6.12"), [_round("one", 9, new=1)])
    assert [(each.kernel, each.rounds, each.new) for each in found] == [("6.1", 1, 1), ("6.12", 0, 0)]
    assert found[0].expected == pytest.approx(0.2)


def test_arms_have_names_of_their_own_and_cases() -> None:
    assert len({arm.name for arm in ARMS}) == len(ARMS)
    assert all(bool(arm.cases) != bool(arm.fuzz) for arm in ARMS)


def _campaign(
    folder: Path,
    kept: Callable[[Path], Sequence[CaseResult]],
    *,
    seconds: float = 31.0,
    script: str = "",
    seed: int = 5,
    seldom: Callable[[Sequence[Path]], str] = lambda _: "",
) -> Campaign:
    program = (sys.executable, "-c", script or "import sys; sys.exit(1)")
    request = Request(target="t", kernels=KERNELS, seed=seed)
    return Campaign(
        folder,
        request,
        seconds,
        kept=kept,
        seldom=seldom,
        say=lambda words: None,
        arms=(ONE, TWO),
        program=program,
    )


def _ended(campaign: Campaign) -> State:
    """Do three rounds, each of which is said to have taken more than it did."""
    for _ in range(3):
        campaign._round()
    return campaign.state


def test_a_problem_counts_for_the_round_that_showed_it_first(tmp_path: Path) -> None:
    def kept(evidence: Path) -> list[CaseResult]:
        return [_case("it is gone"), *([_case("it hangs")] if evidence.name == "0002" else [])]

    (tmp_path / "runs").mkdir()
    for number in range(1, 4):
        (tmp_path / "runs" / f"{number:04}").mkdir()
    state = _ended(_campaign(tmp_path, kept))
    assert [len(each.new) for each in state.rounds] == [1, 1, 0]
    assert [each.seed for each in state.rounds] == [6, 7, 8]
    assert [(each.round, each.problem.title) for each in state.found] == [(1, "it is gone"), (2, "it hangs")]
    text = render(state, kept(tmp_path), KERNELS, (ONE, TWO))
    assert "vexlab run --kernel 6.1 --seed 7 --case 'd.a[6.1]'" in text
    assert FORMULA in text


def test_later_rounds_are_steered_to_what_was_seldom_tried(tmp_path: Path) -> None:
    seen: list[Sequence[Path]] = []

    def seldom(runs: Sequence[Path]) -> str:
        seen.append(runs)
        return "pwrite size 18\n" if runs else ""

    script = "import pathlib, sys; pathlib.Path(sys.argv[sys.argv.index('--results') + 1], 'run').mkdir(parents=True); "
    script += "pathlib.Path(sys.argv[sys.argv.index('--results') + 1], 'argv').write_text(' '.join(sys.argv))"
    campaign = _campaign(tmp_path, lambda _: [], script=script, seldom=seldom)
    _ended(campaign)
    assert [[run.parent.name for run in runs] for runs in seen] == [[], ["0001"], ["0001", "0002"]]
    words = [(tmp_path / "runs" / f"{number:04}" / "argv").read_text() for number in (1, 2)]
    assert all("--inputs" in each for each in words)
    lists = [f"{tmp_path}/runs/{number:04}.rare" for number in (1, 2, 3)]
    assert [list_ in each for list_, each in zip(lists, words, strict=False)] == [False, True]
    assert [each.rare for each in campaign.state.rounds] == ["", *lists[1:]], "each round's own: it belongs to the seed"
    assert Path(lists[1]).read_text() == "pwrite size 18\n"


def test_a_second_start_goes_on(tmp_path: Path) -> None:
    first = _campaign(tmp_path, lambda _: [])
    spent = _ended(first).spent_s
    first._alone.close()
    again = _campaign(tmp_path, lambda _: [])
    assert len(again.state.rounds) == 3
    assert again.state.spent_s == pytest.approx(spent)
    with pytest.raises(UsageError, match="another campaign is at work"):
        _campaign(tmp_path, lambda _: [])
    again._alone.close()
    with pytest.raises(UsageError, match="other options"):
        _campaign(tmp_path, lambda _: [], seed=6)


def test_a_campaign_ends_with_its_time(tmp_path: Path) -> None:
    campaign = _campaign(tmp_path, lambda _: [_case("", Verdict.PASSED)], seconds=30.0)
    assert not campaign.go_on().rounds, "a round that is shorter than half a minute decides nothing"


def test_a_lab_that_always_fails_ends_it(tmp_path: Path) -> None:
    campaign = _campaign(
        tmp_path, lambda _: [], seconds=600.0, script="import sys; print('no QEMU', file=sys.stderr); sys.exit(3)"
    )
    with pytest.raises(InfraError, match="no QEMU"):
        campaign.go_on()
    assert len(campaign.state.rounds) == 5


def test_a_round_whose_time_is_over_is_no_arm_without_cases(tmp_path: Path) -> None:
    campaign = _campaign(tmp_path, lambda _: [], script="import sys; sys.exit(130)")
    done = campaign._round()
    assert done.error == "its time was over before a case was decided"
    assert following((ONE, TWO), KERNELS, [done, _round("two", 60)]).arm == "one"
    (tmp_path / "runs" / "0002").mkdir(parents=True)
    campaign._kept = lambda _: [_case("it is gone")]
    assert not campaign._round().error, "what it came to counts"


def test_what_is_no_state_is_refused(tmp_path: Path) -> None:
    (tmp_path / "campaign.json").write_text("{}")
    with pytest.raises(UsageError, match="no state"):
        _campaign(tmp_path, lambda _: [])


def test_a_search_goes_on_until_it_is_over_and_then_a_new_one_begins(tmp_path: Path) -> None:
    base, asked = tmp_path / "campaign", Request(target="t", kernels=KERNELS)
    assert unfinished(base, asked, 60.0) == base
    base.mkdir()
    state = State(asked=_asked(asked), spent_s=20.0)
    (base / "campaign.json").write_bytes(msgspec.json.encode(state))
    assert unfinished(base, asked, 60.0) == base
    assert unfinished(base, asked, 45.0) == tmp_path / "campaign-2", "what is left decides nothing"
    assert unfinished(base, dataclasses.replace(asked, jobs=2), 60.0) == tmp_path / "campaign-2"
    (base / "campaign.json").write_text("{}")
    assert unfinished(base, asked, 60.0) == tmp_path / "campaign-2"


def test_a_round_gets_the_words_that_are_given_besides(tmp_path: Path) -> None:
    script = "import sys; print(*sys.argv, file=sys.stderr); sys.exit(3)"
    request = Request(target="t", kernels=KERNELS)
    campaign = Campaign(
        tmp_path, request, 600.0, kept=lambda _: [], say=lambda _: None, arms=(ONE,),
        more=("--report-format", "junit"), program=(sys.executable, "-c", script),
    )  # fmt: skip
    assert campaign._round().error.endswith("--ci --report-format junit")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, True),
        ({"jobs": 2, "domains": ("safety_validation",)}, True),
        ({"level": 2}, False),
        ({"duration_s": 0.0}, True),
        ({"cases": ("d.a",)}, False),
        ({"paths": ("mine",)}, False),
        ({"suites": ("fsx",)}, False),
    ],
)
def test_level_3_is_a_search_unless_cases_are_named(changed: dict[str, Any], *, expected: bool) -> None:
    assert is_search(dataclasses.replace(Request(level=3, duration_s=7200.0), **changed)) is expected


def test_the_command_of_level_3_starts_a_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[tuple[Request, float, Path]] = []

    def search(request: Request, duration: float, state: Path, json_file: str | None, **more: Any) -> int:
        searched.append((request, duration, state))
        return 1

    monkeypatch.setattr("vexlab.cli.campaign.search", search)
    words = ["run", "--level", "3", "--duration", "2h", "--kernel", "6.1", "--flavour", "kasan"]
    done = CliRunner().invoke(cli, [*words, "--results", str(tmp_path)], standalone_mode=False)
    ((request, duration, state),) = searched
    assert (done.return_value, duration, state) == (1, 7200.0, tmp_path / "campaign")
    assert (request.level, request.duration_s, request.kernels) == (0, 0.0, ("6.1-kasan",))


def test_the_plan_of_level_3_names_the_arms() -> None:
    done = CliRunner().invoke(cli, ["run", "--level", "3", "--duration", "2h", "--plan"], standalone_mode=False)
    assert done.return_value == 0
    assert all(arm.name in done.output for arm in ARMS)


def _fuzzing(folder: Path, script: str) -> Campaign:
    arms = (Arm(name="fuzz_calls", about="", fuzz="calls"), TWO)
    program = (sys.executable, "-c", script)
    request = Request(target="t", kernels=KERNELS, seed=5, build_args=("D=1",))
    return Campaign(folder, request, 200.0, kept=lambda _: (), say=lambda words: None, arms=arms, program=program)


def test_an_arm_that_fuzzes_goes_on_with_its_own_campaign(tmp_path: Path) -> None:
    script = f"import sys; open({str(tmp_path / 'asked')!r}, 'a').write(' '.join(sys.argv[1:]) + chr(10))"
    campaign = _fuzzing(tmp_path / "state", script)
    done = campaign._round()
    assert (done.arm, done.decided, done.error) == ("fuzz_calls", 1, ""), "nothing found is a result"
    (asked,) = (tmp_path / "asked").read_text().splitlines()
    assert asked.startswith("fuzz calls --target t ")
    folder = (tmp_path / "state").absolute()
    assert f"--campaign {folder}/fuzz/fuzz_calls-6.1 --duration 140s --results {folder}/runs/0001" in asked
    assert "--build-arg D=1" in asked
    assert "--inputs" not in asked


@pytest.mark.parametrize("status", [0, 1, 130, 143, 137])
def test_a_round_of_fuzzing_that_was_ended_for_its_time_is_no_failure(tmp_path: Path, status: int) -> None:
    done = _fuzzing(tmp_path / "state", f"import sys; sys.exit({status})")._round()
    assert (done.decided, done.error) == (1, "")


def test_a_round_of_fuzzing_counts_what_the_fuzzer_had_and_not_the_rounds(tmp_path: Path) -> None:
    campaign = _fuzzing(tmp_path / "state", "")
    campaign._fuzzed = lambda folder: 77.0 if folder.name == "fuzz_calls-6.1" else 0.0
    assert "--duration 217s" in " ".join(campaign._fuzzing(campaign._arms[0], campaign._request, 200.0))


def test_an_arm_that_cannot_fuzz_this_target_does_not_come_again(tmp_path: Path) -> None:
    campaign = _fuzzing(tmp_path / "state", "import sys; sys.exit(2 if sys.argv[1] == 'fuzz' else 1)")
    assert [campaign._round().arm for _ in range(2)] == ["fuzz_calls", "two"]
    assert (campaign.state.rounds[0].decided, campaign.state.rounds[0].error) == (0, "")


def test_syzkaller_is_an_arm_where_it_is_switched_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[tuple[Request, list[str]]] = []

    def search(request: Request, *_: object, arms: Sequence[Arm], **more: object) -> int:
        searched.append((request, [arm.name for arm in arms]))
        return 0

    monkeypatch.setattr("vexlab.cli.campaign.search", search)
    words = ["run", "--level", "3", "--results", str(tmp_path), "--kernel", "6.1"]
    for more in ([], ["--enable-syzkaller"]):
        assert is_search(Request(level=3, enabled=("syzkaller",) if more else ()))
        CliRunner().invoke(cli, [*words, *more], standalone_mode=False, catch_exceptions=False)
    (plain, without), (asked, having) = searched
    assert "syzkaller" not in without
    assert having == [*without, "syzkaller"]
    assert plain == asked
    assert "--seed" not in " ".join(_Asked(tmp_path / "state").words("syzkaller"))
    assert not is_search(Request(level=3, enabled=("syzkaller", "other")))


class _Asked:
    """What the fuzzer of an arm is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def words(self, fuzz: Any) -> list[str]:
        arm = Arm(name="it", about="", fuzz=fuzz)
        asked, program = Request(target="t", kernels=KERNELS, seed=5), (sys.executable, "-c", "")
        campaign = Campaign(
            self._folder, asked, 200.0, kept=lambda _: (), say=lambda words: None, arms=(arm,), program=program
        )
        return campaign._fuzzing(arm, asked, 200.0)
