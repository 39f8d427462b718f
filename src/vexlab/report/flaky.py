"""Cases that pass and fail, and what is known of it, as lines for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vexlab.model.flaky import Answer, Judgement, Storm, rate_excluded
from vexlab.report.terminal import printable

_REVISIONS_MOST = 5
_CASES_MOST = 8


def render_flaky(judgements: Sequence[Judgement], storms: Sequence[Storm]) -> str:
    """Return an entry for each case, the likeliest regressions first, and the storms."""
    lines = [line for each in judgements for line in _entry(each)]
    for storm in storms:
        lines += _storm(storm)
    return "\n".join(lines) if lines else "no case fails, and none passed and failed at one revision"


def _entry(each: Judgement) -> Iterator[str]:
    yield printable(f"{each.key.target}: {each.key}: {each.answer.value}")
    counts = list(each.revisions.items())[-_REVISIONS_MOST:]
    yield printable("  " + ", ".join(f"{count} at {revision or 'an unknown revision'}" for revision, count in counts))
    if each.now.failed:
        yield f"  a regression with a probability of {100 * each.probability:.0f} %, given {_before(each)}"
    elif each.now.runs:
        excluded = 100 * rate_excluded(each.now.runs)
        yield f"  {each.now.runs} clean runs exclude rates above {excluded:.0f} % (95 % confidence)"
    if each.answer is Answer.OPEN and each.reruns:
        runs = "1 more failure" if each.reruns == 1 else f"{each.reruns} more failures"
        yield f"  {runs} in a row would settle it, a pass would make it flaky: vexlab run --until-sure"
    elif each.answer is Answer.OPEN:
        yield "  no number of reruns would settle it: it was hardly run before this revision"


def _before(each: Judgement) -> str:
    if not each.before.runs:
        return "no run of another revision"
    words = f"{each.before.failed} of {each.before.runs} failed before"
    if each.before.failed:
        return words
    return f"{words}, which excludes rates above {100 * rate_excluded(each.before.runs):.0f} %"


def _storm(storm: Storm) -> Iterator[str]:
    names = ", ".join(storm.targets)
    yield printable(
        f"a storm at {storm.started[:16].replace('T', ' ')}: {len(storm.cases)} cases of {names} began to fail"
    )
    yield "  at once, and nothing in these had changed: this was the lab's, and is not counted above"
    for case in storm.cases[:_CASES_MOST]:
        yield printable(f"    {case}")
    if len(storm.cases) > _CASES_MOST:
        yield f"    and {len(storm.cases) - _CASES_MOST} more (--json)"
