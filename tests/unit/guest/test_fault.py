"""What fsfault and the kernel say of injected failures is read, joined, and judged; hostile text is noise."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from vexlab.classify import classify
from vexlab.guest.fault import Injected, coverage, failures, parse_faults, parse_injected, site, vexfs_calls, wrong

CONSOLE = """\
[   10.000001] fsfault: mkdir 1
[   10.000002] FAULT_INJECTION: forcing a failure.
               name failslab, interval 1, probability 0, space 0, times -1
[   10.000003] CPU: 0 PID: 301 Comm: fsfault Tainted: G           OE      6.1.192-vexlab-kasan #1
[   10.000004] Hardware name: QEMU Standard PC (Q35 + ICH9, 2009), BIOS 1.16.2-debian-1.16.2-1 04/01/2014
[   10.000005] Call Trace:
[   10.000006]  <TASK>
[   10.000007]  dump_stack_lvl+0x9b/0xf4
[   10.000008]  should_fail_ex.cold+0x5/0xa
[   10.000009]  ? vexfs_guess+0x1/0x2 [vexfs]
[   10.000010]  __kmem_cache_alloc_node+0x3d/0x2a0
[   10.000011]  vexfs_new_block+0x44/0x3e0 [vexfs]
[   10.000012]  vexfs_mkdir+0x120/0x2c0 [vexfs]
[   10.000013]  do_syscall_64+0x3a/0x90
[   10.000014]  </TASK>
[   10.000015] fsfault: - 0
[   10.000016] fsfault: mkdir 2
[   10.000017] FAULT_INJECTION: forcing a failure.
[   10.000017] name fail_page_alloc, interval 1, probability 0, space 0, times -1
[   10.000018]  <TASK>
[   10.000019]  prepare_alloc_pages.constprop.0+0x1/0x2
[   10.000020]  </TASK>
[   10.000021] fsfault: - 0
[   10.000022] FAULT_INJECTION: forcing a failure.
[   10.000023] name failslab, interval 1, probability 0, space 0, times -1
[   10.000024]  others+0x1/0x2 [vexfs]
"""
STACK = ("__kmalloc+0x1/0x2", "vexfs_new_block+0x44/0x3e0 [vexfs]", "vexfs_mkdir+0x120/0x2c0 [vexfs]")


def _line(nth: int, error: str = "ENOMEM", problem: str = "") -> str:
    return json.dumps({"operation": "mkdir", "nth": nth, "injected": True, "errno": error, "problem": problem})


def _report(*lines: str) -> str:
    return "\n".join([*lines, '{"end":"mkdir","points":2,"complete":true,"skipped":""}']) + "\n"


def test_attempts_ends_and_stacks_are_told_apart() -> None:
    seen = json.dumps({"seen": "mkdir", "frames": STACK})
    report = parse_faults(_report(seen, _line(1), "\x1b[2J" + "x" * 1000))
    assert [each.nth for each in report.attempts] == [1]
    assert [(each.end, each.points) for each in report.ended] == [("mkdir", 2)]
    assert report.seen[0].frames == STACK
    assert len(report.noise) == 1
    assert len(report.noise[0]) == 300


def test_a_stack_belongs_to_the_attempt_that_was_announced() -> None:
    found = parse_injected(CONSOLE)
    assert [(each.operation, each.nth, each.kind) for each in found] == [
        ("mkdir", 1, "failslab"),
        ("mkdir", 2, "fail_page_alloc"),
    ]
    assert site(found[0].frames, "vexfs") == "vexfs_new_block+0x44"
    assert site(found[1].frames, "vexfs") == ""
    assert not any("guess" in frame for frame in found[0].frames)


def test_a_probe_tells_of_what_the_log_is_silent_about() -> None:
    seen = [json.dumps({"failed": "mkdir", "nth": nth, "frames": STACK}) for nth in (1, 3)]
    found = failures(parse_faults(_report(_line(1), *seen)), CONSOLE)
    assert [(each.nth, each.kind) for each in found] == [(1, "failslab"), (2, "fail_page_alloc"), (3, "")]
    assert found[2].frames == STACK
    assert failures(parse_faults(_report(_line(1))), CONSOLE) == parse_injected(CONSOLE)


def test_injected_failures_are_no_reports_of_the_kernel() -> None:
    assert classify(CONSOLE, target_modules=("vexfs",)) == ()


def test_a_site_that_never_failed_is_missed() -> None:
    other = json.dumps({"seen": "mkdir", "frames": ["kmalloc+0x1/0x2", "vexfs_mkdir+0x99/0x2c0 [vexfs]"]})
    report = parse_faults(_report(json.dumps({"seen": "mkdir", "frames": STACK}), other, _line(1)))
    covered = coverage(report, parse_injected(CONSOLE), "vexfs")
    assert covered.missed == ("vexfs_mkdir+0x99",)
    assert covered.way("vexfs_mkdir+0x99") == "kmalloc"
    assert "vexfs_new_block+0x44" in covered.failed


def test_what_the_allocator_and_the_instruments_allocate_for_themselves_is_no_site() -> None:
    frames = ["__alloc_pages+0x1/0x2", "new_slab+0x1/0x2", "kmem_cache_alloc+0x1/0x2", "vexfs_mkdir+0x99/0x2c0 [vexfs]"]
    report = parse_faults(_report(json.dumps({"seen": "mkdir", "frames": frames}), _line(1)))
    assert not coverage(report, (), "vexfs").seen
    frames = ["kmalloc+0x1/0x2", "vexfs_mkdir+0x99/0x2c0 [vexfs]", "shrink_slab+0x1/0x2", "new_slab+0x1/0x2"]
    report = parse_faults(_report(json.dumps({"seen": "mkdir", "frames": frames}), _line(1)))
    assert coverage(report, (), "vexfs").seen


def test_what_went_wrong_is_told_with_the_site_that_failed() -> None:
    report = parse_faults(_report(_line(1, problem="it failed, and the name is there"), _line(4, "EUCLEAN"), _line(3)))
    assert wrong(report, parse_injected(CONSOLE), "vexfs") == (
        "mkdir, failure 1 at vexfs_new_block+0x44: it failed, and the name is there",
        "mkdir, failure 4: it fails with EUCLEAN, which misleads its caller",
    )


def test_what_the_kernel_says_of_its_own_failures_misleads_nobody() -> None:
    report = parse_faults(_report(_line(1, "ELOOP")))

    def judged(*frames: str) -> bool:
        return bool(wrong(report, (Injected(operation="mkdir", nth=1, kind="", frames=frames),), "vexfs"))

    assert not judged("kmalloc+0x1/0x2", "btf_parse_module+0x1/0x2")
    assert judged("kmalloc+0x1/0x2", "vexfs_mkdir+0x1/0x2 [vexfs]")
    assert judged("kmalloc+0x1/0x2", "0xffffffffa0201234"), "of a module that is gone"
    assert wrong(report), "nobody knows where"


def test_an_operation_that_survives_its_failure_is_right() -> None:
    assert not wrong(parse_faults(_report(_line(1, ""))))


def test_the_program_knows_the_calls_that_are_described(programs: Path, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    calls.write_text(vexfs_calls())
    listed = subprocess.run(
        [programs / "fsfault", "list", "--calls", calls], text=True, capture_output=True, check=True, timeout=20
    ).stdout.split()
    assert {"load", "mount", "create", "rename_over", "vec_create", "vec_search_index"} <= set(listed)
    assert not any(name.startswith("+") for name in listed)
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("text", ["vec_add collection 1\n", "a b 1 00 9:00\n", "a b 1 zz\n"])
def test_calls_that_make_no_sense_are_refused(programs: Path, tmp_path: Path, text: str) -> None:
    calls = tmp_path / "calls"
    calls.write_text(text)
    done = subprocess.run(
        [programs / "fsfault", "list", "--calls", calls], text=True, capture_output=True, check=False, timeout=20
    )
    assert done.returncode == 2


def test_a_kernel_that_injects_nothing_is_said(programs: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [programs / "fsfault", "run", tmp_path], text=True, capture_output=True, check=False, timeout=20
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert "injects no faults" in done.stderr
