"""Suites of several parts that one script runs in turn: it says `begin NAME` and `end NAME STATUS SECONDS` of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from vexlab.model.machine import CommandResult
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.suites.adapter import FOLDER, Job

Needs = Mapping[str, tuple[str, ...]]  # of each part the capabilities that it is about
# How a part ended: its status, None where it did not, its seconds, what it said.
Ending = tuple[int | None, float, str]
_SHOWN = 600
# begin rename          end rename 0 1.20
_BEGIN = re.compile(r"^begin ([\w-]+)$")
_END = re.compile(r"^end ([\w-]+) (\d+) (\d+(?:\.\d+)?)$")


def wanted(parts: Needs, job: Job) -> Needs:
    """Return the parts that are asked for and not excluded."""
    asked = job.selection.tests
    return {name: needs for name, needs in parts.items() if name not in job.skip and (not asked or name in asked)}


def run_by(script: str, parts: Needs) -> Callable[[Job], tuple[str, ...]]:
    """Return what makes a job's command: the script in the guest, the mountpoint, the seed, the parts that can run."""

    def run(job: Job) -> tuple[str, ...]:
        words = [part for part, needs in wanted(parts, job).items() if not job.missing(*needs)]
        return ("/bin/bash", f"{FOLDER}/{script}", job.mountpoint, str(job.seed), *words)

    return run


def parse_by(
    parts: Needs, not_run: tuple[int, ...] = ()
) -> Callable[[Job, str, CommandResult | None], tuple[SubResult, ...]]:
    """Return what reads such a script's output: a result for each part that was asked for.

    ``not_run`` are statuses by which a part says that it cannot run here.
    """

    def parse(job: Job, output: str, _ended: CommandResult | None) -> tuple[SubResult, ...]:
        ends = parse_parts(output)
        found = []
        for name, needs in wanted(parts, job).items():
            if why := job.missing(*needs):
                found.append(SubResult(name=name, verdict=SubVerdict.REFUSED, words=why))
            else:
                found.append(_result(name, ends.get(name), not_run))
        return tuple(found)

    return parse


def parse_parts(output: str) -> dict[str, Ending]:
    """Return of each part that began its status (``None`` where it did not end), its seconds and what it said."""
    found: dict[str, Ending] = {}
    running, said = "", ""
    for line in output.splitlines():
        if match := _BEGIN.match(line):
            running, said = match[1], ""
            found[running] = (None, 0.0, "")
        elif match := _END.match(line):
            found[match[1]] = (int(match[2]), float(match[3]), said.strip())
            running = ""
        elif running:
            said = f"{said}\n{line}"
            found[running] = (None, 0.0, said.strip())
    return found


def _result(name: str, end: Ending | None, not_run: tuple[int, ...]) -> SubResult:
    if end is None:
        return SubResult(name=name, verdict=SubVerdict.BLOCKED, words="it was not begun")
    status, seconds, words = end
    if status is None:
        return SubResult(name=name, verdict=SubVerdict.FAILED, words=f"it did not come to its end: {words[-_SHOWN:]}")
    verdict = SubVerdict.SKIPPED if status in not_run else SubVerdict.FAILED if status else SubVerdict.PASSED
    shown = "" if not status else f"status {status}: {words[-_SHOWN:]}"
    return SubResult(name=name, verdict=verdict, words=shown, duration_s=seconds)
