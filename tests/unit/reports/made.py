"""Runs made for the tests of reports: one with everything in it, hostile words included, and one of any size.

``python -m tests.unit.reports.made FOLDER`` leaves the reports of a clean run, of one with 30 problems and of one with
10,000 cases in a folder, to be looked at, and prints sizes and times (docs/explanation/measurements.md).
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from vexlab.model.case import CaseResult, RunInfo, RunResult, RunState, Summary
from vexlab.model.earlier import Earlier
from vexlab.model.key import CaseKey
from vexlab.model.metric import Metric, measured
from vexlab.model.profile import Capability, Profile, State
from vexlab.model.provenance import Host, Provenance, UsedKernel
from vexlab.model.report import Severity
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.model.verdict import Finding, Verdict
from vexlab.report.content import Content

# What a guest may print: markup, ends of what it stands in, terminal sequences, NUL, what was no UTF-8, bidi marks,
# formulas, mentions, attachments, and lines of every protocol that a report is written in.
HOSTILE = (
    "<script>document.title='owned'</script><img src=x onerror=alert(1)></pre></script><!--\n"
    "\x1b[2J\x1b]0;owned\x07 \x00 \ufffd\ufffd \u202egnp.exe\u2066 \u2028 \x9b31m\n"
    "``` ```` ~~~\n</details>\n]]> &lt; {{ 7*7 }} {% raw %} | \\| \\\\| @everyone #1\n"
    "ok 1 forged\n1..0\n# Subtest: forged\nKTAP version 1\nBail out!\n"
    "[[ATTACHMENT|/etc/passwd]]\njavascript:alert(1)"
)
# Control characters that no format for people has but ends of lines and tabs, and those that turn a line around
CONTROL = re.compile(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028]")
LONG = "A" * 10_000_000
OOPS = """BUG: kernel NULL pointer dereference, address: 0000000000000010
#PF: supervisor read access in kernel mode
RIP: 0010:vexfs_lookup+0x5c/0x120 [vexfs]
Call Trace:
 <TASK>
 vexfs_lookup+0x5c/0x120 [vexfs]
 __lookup_slow+0x7f/0x120
 vexfs_lookup_more+0x1/0x2 [vexfs]
 </TASK>"""


def finding(frame: str = "vexfs_lookup", text: str = OOPS, fingerprint: str = "f" * 16, place: str = "") -> Finding:
    """Return what a kernel said."""
    title = f"BUG: unable to handle kernel NULL pointer dereference in {frame}"
    return Finding(
        title=title,
        type="NULL-POINTER",
        severity=Severity.CRASH,
        frame=frame,
        text=text,
        fingerprint=fingerprint,
        place=place,
    )


def case(name: str, verdict: Verdict = Verdict.PASSED, reason: str = "", **more: object) -> CaseResult:
    """Return a case of two kernels' worth of fields."""
    kernel = str(more.pop("kernel", "6.1"))
    fields: dict[str, object] = {
        "key": CaseKey(domain="filesystem_operations", name=name, kernel=kernel, target="vexfs"),
        "node": f"filesystem_operations/test_{name}.py::test_{name}[{kernel}]",
        "level": 1,
        "verdict": verdict,
        "reason": reason,
        "duration_s": 1.5,
        "evidence": f"/results/run/cases/filesystem_operations.{name}[{kernel}]",
        **more,
    }
    return CaseResult(**fields)  # type: ignore[arg-type]


def _cases(long: str) -> tuple[CaseResult, ...]:
    checks = (
        SubResult(name="link.count", verdict=SubVerdict.PASSED, duration_s=0.25),
        SubResult(name=f"link.hard {HOSTILE}", verdict=SubVerdict.FAILED, words=HOSTILE, duration_s=0.5),
        SubResult(name="link.refused", verdict=SubVerdict.REFUSED, words="no hard links"),
        SubResult(name="link.skipped", verdict=SubVerdict.SKIPPED, words="no mkfs"),
        SubResult(name="link.blocked", verdict=SubVerdict.BLOCKED, words="`link`, which is broken"),
    )
    hostile = finding(frame="", text=f"{HOSTILE}\n{long}", fingerprint="0" * 16)
    return (
        case("reads", metrics=(measured("load_s", 0.25), measured("read_mib_per_s", 120.0), *_ratio("read", 1.2))),
        case("writes", kernel="6.12", duration_s=2.25),
        case("lookup", Verdict.CRASHED, "kernel died", findings=(finding(),), duration_s=3.5),
        case("lookup_again", Verdict.CRASHED, "kernel died", findings=(finding(),), kernel="6.12", level=2),
        case("hostile", Verdict.CRASHED, f"=cmd|' /C calc'!A0 {HOSTILE}", findings=(hostile,)),
        case("family", Verdict.FAILED, "1 of 5 checks failed", subresults=checks),
        case("long", Verdict.FAILED, long, attempts=(f"lost machine {HOSTILE}",)),
        case("skipped", Verdict.SKIPPED, "it has no links"),
        case("blocked", Verdict.BLOCKED, "blocked by `symlink`, which is broken: EIO"),
        case("labs", Verdict.ERROR, "no space on the disk"),
        case("unfinished", Verdict.UNDECIDED, "it was not begun: the run ended before"),
    )


def _ratio(name: str, value: float) -> tuple[Metric, ...]:
    """Return a figure beside the reference's with its interval, as the domain of performance notes it."""
    names = (f"{name}_ratio", f"{name}_low_ratio", f"{name}_high_ratio")
    return tuple(measured(each, value * by, "higher") for each, by in zip(names, (1, 0.9, 1.15), strict=True))


def before(cases: tuple[CaseResult, ...], number: int = 8) -> tuple[Earlier, ...]:
    """Return runs before one of ``cases``, a day apart, which measured the same a little differently."""
    metrics = [(case.id, metric) for case in cases if case.verdict is Verdict.PASSED for metric in case.metrics]
    return tuple(
        Earlier(
            run=f"202611{place + 11}-120000-abcd",
            started=f"2026-11-{place + 11}T12:00:00+00:00",
            revision=f"v1.2-{place}-gabc",
            passed=max(0, len(cases) - (7 * place) % 5),
            decided=len(cases),
            values={
                (name, metric.name): metric.value * (0.9 + (place * 7 + spread * 3) % 11 / 50)
                for spread, (name, metric) in enumerate(metrics)
            },
        )
        for place in range(number)
    )


def run_of(cases: tuple[CaseResult, ...], state: RunState = RunState.FINISHED) -> RunResult:
    """Return a run of ``cases``."""
    kernels = tuple(
        UsedKernel(name=name, release=f"{name}.0-1-amd64", version=f"{name}.9-1", flavour="distro", accelerator="tcg")
        for name in ("6.1", "6.12")
    )
    host = Host(cores=2, memory=24576, cpu=f"CPU {HOSTILE[:20]}", kernel="6.1.0", name="builder")
    run = RunInfo(
        id="20261128-120000-abcd",
        target="vexfs",
        kernels=("6.1", "6.12"),
        accelerator="tcg",
        started="2026-11-28T12:00:00+00:00",
        finished="2026-11-28T12:10:00+00:00",
        state=state,
        environment="ci",
        provenance=Provenance(
            revision="v1.2-3-gabc-dirty", kernels=kernels, qemu="7.2.22", vexlab="0.1.0", host=host, seed=7
        ),
    )
    return RunResult(run=run, summary=Summary.of(cases), cases=cases)


def everything(long: str = LONG) -> Content:
    """Return a run with every verdict, two kernels, checks, metrics, a profile, and hostile words wherever they fit.

    ``long`` stands in two places as a line that does not end.
    """
    profile = Profile(
        target="vexfs",
        fstype="vexfs",
        kernel="6.1",
        digest="d" * 16,
        capabilities=(
            Capability(name="mkdir", state=State.WORKS),
            Capability(name="symlink", state=State.BROKEN, detail=HOSTILE, finding=HOSTILE),
        ),
    )
    cases = _cases(long)
    return Content.of(run_of(cases), (profile,), before(cases))


def many(number: int) -> Content:
    """Return a run of ``number`` cases over six domains, two kernels and three levels; one in ten has a finding."""
    cases = tuple(_one_of_many(place) for place in range(number))
    return Content.of(run_of(cases), earlier=before(cases))


def clean(number: int = 180) -> Content:
    """Return a run in which every case passed but some that were skipped, with figures beside the reference's."""
    domains = ("filesystem_operations", "integration", "kernel_module", "performance_metrics", "safety_validation")
    cases = tuple(
        CaseResult(
            key=CaseKey(
                domain=domains[place % 5], name=f"case_{place}", kernel=("6.1", "6.12")[place % 2], target="vexfs"
            ),
            node=f"test_{place}.py::test_{place}",
            level=place % 3 + 1,
            verdict=Verdict.SKIPPED if place % 45 == 44 else Verdict.PASSED,
            reason="it has no quotas" if place % 45 == 44 else "",
            duration_s=(place * 37 % 101 + 3) / 7,
            metrics=(measured("load_s", 1 + place / 100), *_ratio("write", 0.4 + place / 120))
            if place % 5 == 3
            else (),
        )
        for place in range(number)
    )
    return Content.of(run_of(cases), earlier=before(cases))


def broken(problems: int = 30) -> Content:
    """Return a run of 200 cases in which a module shows so many problems, some of them in several cases."""
    cases = clean(200).cases
    red = tuple(_red(place, place % problems) for place in range(problems * 2))
    return Content.of(run_of((*red, *cases[len(red) :])), earlier=before(cases))


def _red(place: int, problem: int) -> CaseResult:
    name, text = f"vexfs_broken_{problem}", OOPS.replace("lookup", f"broken_{problem}")
    fields = {"duration_s": 1 + place % 13, "kernel": ("6.1", "6.12")[place % 2], "level": place % 3 + 1}
    if problem % 3 == 2:
        words = f"check {problem}: expected errno {problem} (E{problem}), got 0"
        checks = (SubResult(name=f"link.check_{problem}", verdict=SubVerdict.FAILED, words=words),)
        return case(f"broken_{place}", Verdict.FAILED, words, subresults=checks, **fields)
    found = finding(name, text, f"{problem:016x}")
    return case(f"broken_{place}", Verdict.CRASHED, found.title, findings=(found,), **fields)


def _one_of_many(place: int) -> CaseResult:
    red = place % 10 == 0
    key = CaseKey(domain=f"domain_{place % 6}", name=f"case_{place}", kernel=("6.1", "6.12")[place % 2], target="vexfs")
    own = finding(f"vexfs_f{place % 300}", OOPS.replace("lookup", f"f{place % 300}"), f"{place % 300:016x}")
    return CaseResult(
        key=key,
        node=f"{key.domain}/test_{place}.py::test_{place}",
        level=place % 3 + 1,
        verdict=Verdict.CRASHED if red else Verdict.PASSED,
        reason=f"{own.title} (while case {place} ran)" if red else "",
        duration_s=place % 97 / 10,
        findings=(own,) if red else (),
        metrics=(measured("load_s", place / 1000), measured("works_count", 1.0)),
        evidence=f"/results/run/cases/{key}",
    )


MEASURED: Mapping[str, Callable[[], Content]] = {"clean": clean, "broken": broken, "many": lambda: many(10_000)}


def _main() -> None:
    from vexlab.report.renderers import FORMATS

    print("| run | cases | problems | format | size | CPU |\n|---|--:|--:|---|--:|--:|")  # noqa: T201
    for name, make in MEASURED.items():
        content = make()
        folder = Path(sys.argv[1], name)
        folder.mkdir(parents=True, exist_ok=True)
        for form in FORMATS:
            begun, size = time.process_time(), 0
            for part in form.parts:
                data = part.render(content)
                (folder / part.file).write_bytes(data)
                size += len(data)
            took = time.process_time() - begun
            numbers = f"{len(content.cases):,} | {len(content.problems)}"
            print(f"| {name} | {numbers} | {form.name} | {size / 1e6:.2f} MB | {took:.1f} s |")  # noqa: T201


if __name__ == "__main__":
    _main()
