"""What a run recommends: each rule with data and without, the order, and the words in every form."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
import sqlalchemy
from tests.unit.reports.made import HOSTILE, case, clean, run_of

from vexlab.cli.past import advice_lines, past_of, recommended
from vexlab.model.case import CaseResult, RunInfo, RunResult
from vexlab.model.compare import compare
from vexlab.model.earlier import Earlier
from vexlab.model.flaky import Outcome, judgements
from vexlab.model.metric import Metric, measured
from vexlab.model.profile import Capability, Profile, State
from vexlab.model.verdict import Verdict
from vexlab.report import jsonfile, markdown, page, pdf, text
from vexlab.report.advice import Advice, advice
from vexlab.report.content import Content, Past
from vexlab.results.store import Store

REVISION = run_of(()).run.provenance.revision


def _outcomes(name: str, failed: int, passed: int, revision: str = REVISION, after: int = 0) -> list[Outcome]:
    verdicts = [Verdict.FAILED] * failed + [Verdict.PASSED] * passed
    return [
        Outcome(
            key=case(name).key,
            digest="d",
            revision=revision,
            started=f"2026-11-{at + 1:02}T00:00:00+00:00",
            verdict=each,
        )
        for at, each in enumerate(verdicts, after)
    ]


def _content(
    *cases: CaseResult,
    earlier: Sequence[Earlier] = (),
    profiles: Sequence[Profile] = (),
    before: Sequence[CaseResult] = (),
    outcomes: Sequence[Outcome] = (),
) -> Content:
    result = run_of(cases)
    first = dataclasses.replace(run_of(tuple(before)), run=dataclasses.replace(result.run, id="20261127-120000-abcd"))
    changed = compare(first, result) if before else None
    return Content.of(result, profiles, earlier, Past(judgements=judgements(outcomes), changed=changed))


def _slab(value: float) -> CaseResult:
    return case(
        "memory_files", metrics=(measured("file_slab_bytes", value), measured("file_slab_reference_bytes", 9.0))
    )


def _slab_before(*values: float) -> tuple[Earlier, ...]:
    key = (_slab(0).id, "file_slab_bytes")
    return tuple(
        Earlier(run=f"r{at}", started=f"2026-11-{at + 1:02}T00:00:00+00:00", passed=1, decided=1, values={key: value})
        for at, value in enumerate(values)
    )


def _mount(low: float) -> tuple[Metric, ...]:
    values = {"mount_ratio": low * 1.1, "mount_low_ratio": low, "mount_s": 0.42, "mount_reference_s": 0.1}
    return tuple(measured(name, value) for name, value in values.items())


PROFILE = Profile(
    target="vexfs",
    fstype="vexfs",
    kernel="6.1",
    digest="d",
    capabilities=(
        Capability(name="mkdir", state=State.WORKS),
        Capability(name="rename", state=State.REFUSED, errno="EPERM"),
        Capability(name="rename_over", state=State.UNKNOWN, detail="it needs rename"),
        Capability(name="swap_files", state=State.UNKNOWN, detail="it needs fchmod(fd, 0600), which says EPERM"),
    ),
)
QUIET = (*(1000.0, 1010.0, 990.0, 1005.0, 995.0, 1002.0), *(999.0, 1007.0, 1001.0, 996.0, 1003.0, 998.0))

# What is known, and the rule, some of the words and of the command of what follows.
TOLD: tuple[tuple[Content, str, str, str], ...] = (
    (
        _content(case("reads", Verdict.FAILED, "EIO", digest="d"), before=[case("reads", digest="d")]),
        "newly failing",
        "reads[6.1] fails newly: passed in 20261127-120000-abcd, failed now",
        "vexlab explain '20261128-120000-abcd/filesystem_operations.reads[6.1]'",
    ),
    (
        _content(_slab(1300.0), earlier=_slab_before(*QUIET)),
        "growing slab",
        "file_slab_bytes of filesystem_operations.memory_files[6.1]: 1300 bytes, +30 % against the median of 12 runs",
        "vexlab trend file_slab_bytes --period 90d",
    ),
    (
        _content(
            case("leaks", Verdict.FAILED, "memory leak: each round of 3 mounts leaves more behind: k-32 by 267 (2 B)")
        ),
        "growing slab",
        "leaks[6.1] leaks memory",
        "vexlab explain",
    ),
    (
        _content(case("reads"), outcomes=_outcomes("reads", 3, 7)),
        "flaky",
        "reads[6.1] is flaky: fails 3 of 10 at this revision",
        "vexlab explain",
    ),
    (
        _content(
            case("reads", Verdict.FAILED, "EIO"),
            outcomes=[*_outcomes("reads", 0, 20, "v1"), *_outcomes("reads", 1, 0, after=20)],
        ),
        "flaky",
        "it is open whether filesystem_operations.reads[6.1] is a regression: fails 1 of 1 at this revision, 0 of 20",
        "--case 'filesystem_operations.reads[6.1]' --until-sure",
    ),
    (
        _content(case("mount", metrics=_mount(3.8))),
        "slow mount",
        "mount is slow on 6.1: at least 3.8 times the reference filesystem's time, 4.2 times in the median (420 ms,",
        "vexlab run --target vexfs --kernel 6.1 --case 'filesystem_operations.mount[6.1]'",
    ),
    (
        _content(case("reads"), profiles=[PROFILE]),
        "untested",
        "1 of 4 capabilities could not be tried on 6.1: swap_files (it needs fchmod(fd, 0600), which says EPERM)",
        "vexlab probe --target vexfs --kernel 6.1",
    ),
    (
        _content(case("reads"), case("later", Verdict.UNDECIDED, "it was not begun: the run was interrupted")),
        "untested",
        "1 of 2 cases were not begun",
        "vexlab run --target vexfs --resume 20261128-120000-abcd",
    ),
    (
        _content(case("a", Verdict.SKIPPED, "vexfs does not describe its format (`fields` in target.toml)")),
        "untested",
        "1 case could run, were it in target.toml: vexfs does not describe its format",
        "vexlab run",
    ),
)


@pytest.mark.parametrize(("content", "rule", "words", "command"), TOLD)
def test_what_is_the_matter_is_told_with_its_figures_and_its_command(
    content: Content, rule: str, words: str, command: str
) -> None:
    (found,) = advice(content)
    assert found.rule == rule
    assert words in str(found)
    assert command in found.command


@pytest.mark.parametrize(
    "content",
    [
        clean(),
        _content(case("reads", digest="d"), before=[case("reads", Verdict.FAILED, digest="d")]),
        _content(_slab(1300.0), earlier=_slab_before(*QUIET[:9])),
        _content(_slab(1006.0), earlier=_slab_before(*QUIET)),
        _content(_slab(1300.0), earlier=_slab_before(*(500.0, 2000.0, 900.0, 1500.0, 1000.0, 1200.0) * 2)),
        _content(case("reads"), outcomes=_outcomes("reads", 3, 7, "another")),
        _content(case("mount", metrics=_mount(1.9))),
        _content(case("a", Verdict.SKIPPED, "it needs `xattr`, which the filesystem refuses (EOPNOTSUPP)")),
    ],
)
def test_without_data_nothing_is_recommended(content: Content) -> None:
    assert advice(content) == ()


def test_at_most_five_come_the_most_pressing_first() -> None:
    before = [case(f"a{at}", digest="d") for at in range(9)]
    red = [case(f"a{at}", Verdict.FAILED, "EIO", digest="d") for at in range(9)]
    flaky = [each for at in range(9) for each in _outcomes(f"f{at}", 1, 1)]
    content = _content(*red, case("mount", metrics=_mount(4)), before=before, outcomes=flaky, profiles=[PROFILE])
    assert [each.rule for each in advice(content)] == ["newly failing"] * 2 + ["flaky"] * 2 + ["slow mount"]
    document = msgspec.json.decode(jsonfile.render(content), type=jsonfile.Document)
    assert document.advice == advice(content)
    assert [each.key for each in document.flaky] == [each.key for each in content.flaky] != []


def test_a_case_is_recommended_once() -> None:
    before, now = case("reads", digest="d"), case("reads", Verdict.FAILED, "EIO", digest="d")
    content = _content(now, before=[before], outcomes=_outcomes("reads", 1, 1))
    assert [each.rule for each in advice(content)] == ["newly failing"]


def test_the_forms_for_people_say_it() -> None:
    content = _content(case("mount", metrics=_mount(3.8)), outcomes=_outcomes("mount", 3, 7))
    (flaky, slow) = advice(content)
    lines = text.render(content).decode()
    assert f"  1. {flaky}\n     {flaky.command}\n  2. {slow}\n     {slow.command}\n" in lines
    assert "  Flaky:\n    filesystem_operations.mount[6.1]: 30% (3/10)\n" in lines
    assert f"1. `{slow}`: `{slow.command}`" in markdown.render(content).decode()
    assert "| `filesystem_operations.mount[6.1]` | 3 | 10 |" in markdown.render(content).decode()
    html = page.render(content).decode()
    assert "mount is slow on 6.1" in html
    assert "failed 3 of 10 runs at this revision" in html
    assert pdf.render(content).startswith(b"%PDF")


def test_hostile_words_do_no_harm() -> None:
    words = HOSTILE.replace("\n", " ") + " (`fields` in target.toml)"
    content = _content(case("a", Verdict.SKIPPED, words))
    (found,) = advice(content)
    assert "\x1b" not in "".join(advice_lines([found]))
    assert "\x1b" not in text.render(content).decode()
    assert "<script>document" not in page.render(content).decode()


def test_nothing_recommended_is_nothing_said() -> None:
    assert list(advice_lines([])) == []
    assert list(advice_lines([Advice(rule="r", words="a", evidence="b", command="vexlab x")])) == [
        "recommended:",
        "  1. a: b",
        "     vexlab x",
    ]


def _kept(store: Store, day: int, *cases: CaseResult) -> RunResult:
    result = run_of(cases)
    started = f"2026-11-{day:02}T12:00:00+00:00"
    run: RunInfo = dataclasses.replace(result.run, id=f"202611{day:02}-120000-abcd", started=started, finished=started)
    store.begin(run, str(store.folder / run.id))
    for each in cases:
        store.save(run.id, each)
    store.finish(run)
    return dataclasses.replace(result, run=run)


def test_a_store_that_cannot_be_read_takes_nothing_from_the_report(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        result = _kept(store, 1, case("reads"))
        with store.writing() as session:
            session.execute(sqlalchemy.text("DROP TABLE trials"))
            session.execute(sqlalchemy.text("ALTER TABLE runs RENAME TO other"))
        assert past_of(store, result) == Past()
        assert recommended(store, result) == ()


def test_a_store_tells_what_changed_and_what_is_flaky(tmp_path: Path) -> None:
    good, bad = case("reads", digest="d"), case("reads", Verdict.FAILED, "EIO", digest="d")
    with closing(Store(tmp_path)) as store:
        first = _kept(store, 1, good, case("other", digest="d"))
        second = _kept(store, 2, bad, case("other", digest="d"))
        _kept(store, 3, good)
        told, before = past_of(store, second), past_of(store, first)
        assert (before.changed, before.judgements) == (None, ())
        assert told.changed is not None
        assert told.changed.before.id == first.run.id
        (judgement,) = told.judgements
        assert (judgement.now.failed, judgement.now.runs) == (1, 2), "the run after it is not known yet"
        assert [each.rule for each in recommended(store, second)] == ["newly failing"]
