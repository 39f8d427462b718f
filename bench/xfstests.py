"""xfstests through vexlab, a fresh machine for each test, beside the same tests by ``./check`` in one machine.

``python -m bench.xfstests --target targets/vexfs --target ext4 …``, where a tree is installed: tests of the group
``generic/quick``, chosen for each target by hash, so that every machine takes the same ones.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bench.row import Row
from bench.running import VEXFS, run_vexlab
from vexlab.config import settings_for
from vexlab.errors import UsageError
from vexlab.guest.block import device_of
from vexlab.guest.module import GuestModule
from vexlab.lab import Lab
from vexlab.model.request import Request
from vexlab.plugin.capabilities import effective
from vexlab.probe.kept import profile_of
from vexlab.suites import given_place
from vexlab.suites.adapter import PAYLOAD, Installed, Job, Search, Selection
from vexlab.suites.cases.running import MOUNT, order_of
from vexlab.suites.lists import read_lists
from vexlab.suites.xfstests import SUITE
from vexlab.targets.load import find_target

KERNEL = "6.1-amd64"
GROUP = "generic/quick"
SIZE = 60
ONE_JOB_MOST, TWO_JOBS_MOST = 1.5, 1.0  # times ./check's
_TARGETS = (str(VEXFS), "ext4", "xfs")
_TEST_S = 1000.0  # the longest that one test takes, deadline and machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How many tests passed, failed and were not run, and the seconds of all of them."""

    passed: int
    failed: int
    not_run: int
    seconds: float

    @property
    def run(self) -> int:
        """How many of the tests came to a verdict."""
        return self.passed + self.failed

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.not_run} not run in {self.seconds:.0f} s"


def xfstests(targets: Sequence[str] = _TARGETS, size: int = SIZE, *, beside: bool = True) -> list[Row]:
    """Run ``size`` tests on each target; ``beside`` also by ``./check`` alone and with two machines, on the first."""
    settings = settings_for(Request())
    with Lab(settings) as lab:
        try:
            installed = SUITE.find(Search(given=given_place(SUITE.name, "", settings.suites), cache=lab.cache))
        except UsageError as error:
            return [Row("xfstests", f"not measured: {error}")]
        rows = []
        for number, name in enumerate(targets):
            target = find_target(name)
            lists = read_lists(target, SUITE.name, lab.kernels.get(KERNEL).release)
            excluded = [each.test for each in lists if not each.fails]
            listed = SUITE.list(installed, Selection(groups=(GROUP,)), target)
            tests = chosen(
                target.name, [test for test in listed if not any(fnmatchcase(test, each) for each in excluded)], size
            )
            one = _by_vexlab(name, tests, jobs=1)
            rows.append(Row(f"{target.name}: {len(tests)} of {GROUP}, one job", str(one)))
            if not beside or number:
                continue
            two = _by_vexlab(name, tests, jobs=2)
            alone = _by_check(lab, installed, name, tests)
            rows += [
                Row(f"{target.name}: the same, two jobs", str(two)),
                Row(f"{target.name}: the same by ./check in one machine", str(alone)),
                compared("one job / ./check", one, alone, ONE_JOB_MOST),
                compared("two jobs / ./check", two, alone, TWO_JOBS_MOST),
            ]
    return rows


def chosen(target: str, tests: Sequence[str], size: int) -> tuple[str, ...]:
    """Return ``size`` of ``tests``, the same ones everywhere, others for each target; in the order of their numbers."""

    def place(test: str) -> str:
        return hashlib.sha256(f"{target}:{test}".encode()).hexdigest()

    return tuple(sorted(sorted(tests, key=place)[:size]))


def compared(name: str, ours: Figures, alone: Figures, most: float) -> Row:
    """Compare the seconds, where both have really run as many tests."""
    if not alone.run or ours.run != alone.run:
        return Row(name, f"not measured: {ours.run} tests ran, and {alone.run} by ./check")
    ratio = ours.seconds / alone.seconds
    return Row(name, f"{ratio:.2f}", f"≤ {most:g}", ratio <= most)


def _by_vexlab(name: str, tests: Sequence[str], *, jobs: int) -> Figures:
    words = ("--target", name, "--kernel", KERNEL, "--suite", SUITE.name, "--jobs", str(jobs), "--tests")
    run_vexlab(*words, tests[0])  # builds, probes and begins ./check, which later runs find done
    document, seconds = run_vexlab(*words, " ".join(tests), timeout=_TEST_S * len(tests))
    verdicts = Counter(case["verdict"] for case in document["cases"])
    failed = [case["id"] for case in document["cases"] if case["verdict"] in ("failed", "crashed")]
    print(f"  {name}: {', '.join(failed) or 'none'} failed", file=sys.stderr)
    return Figures(passed=verdicts["passed"], failed=len(failed), not_run=verdicts["skipped"], seconds=seconds)


def _by_check(lab: Lab, installed: Installed, name: str, tests: Sequence[str]) -> Figures:
    """Run ``./check`` once with all tests, as its user would: in a machine that has booted, with our configuration."""
    target, kernel = find_target(name), lab.kernels.get(KERNEL)
    artifact = lab.artifact(target, kernel)
    profile = profile_of(lab, target, kernel, artifact)
    order = order_of(SUITE, installed, lab, target, kernel, artifact, profile)
    with lab.machine(order) as machine:
        brought = machine.ash(MOUNT, device_of(machine, PAYLOAD))
        loaded = GuestModule(machine, target).load() if not target.in_tree else brought
        if not (brought.ok and loaded.ok):
            raise SystemExit(f"{name}: {brought} {loaded}")
        devices = {disk.serial: device_of(machine, disk.serial) for disk in order.disks if not disk.readonly}
        job = Job(
            target=effective(target, profile),
            kernel=kernel,
            profile=profile,
            mountpoint="",
            devices=devices,
            test=" ".join(tests),
        )
        said = bytearray()
        begin = time.perf_counter()
        machine.stream(SUITE.run(job), lambda _stream, data: said.extend(data), timeout=_TEST_S * len(tests))
        seconds = time.perf_counter() - begin
    return figures_of(said.decode(errors="replace"), seconds)


def figures_of(said: str, seconds: float) -> Figures:
    """Return what ``./check`` says of many tests in its last lines."""
    ran, not_run, failed = (_listed(said, word) for word in ("Ran", "Not run", "Failures"))
    return Figures(passed=len(ran - not_run - failed), failed=len(failed), not_run=len(not_run), seconds=seconds)


def _listed(said: str, word: str) -> set[str]:
    # Ran: generic/001 generic/002
    return set(" ".join(re.findall(rf"^{word}: (.*)$", said, re.MULTILINE)).split())


def main() -> int:
    """Measure what was asked for, and print it."""
    parser = argparse.ArgumentParser(prog="python -m bench.xfstests", description=__doc__)
    parser.add_argument("--target", action="append", help="repeatable; without: VexFS, ext4 and xfs")
    parser.add_argument("--size", type=int, default=SIZE, help="tests for each target")
    parser.add_argument("--alone", action="store_true", help="do not measure ./check and two jobs beside")
    asked = parser.parse_args()
    kept = True
    for row in xfstests(asked.target or _TARGETS, asked.size, beside=not asked.alone):
        mark = {True: "kept", False: "MISSED", None: ""}[row.reached]
        print(f"{row.name}: {row.value}  {row.goal} {mark}".rstrip())
        kept = kept and row.reached is not False
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
