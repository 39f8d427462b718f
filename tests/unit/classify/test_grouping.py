"""Which lines make one report, and what must not take part in it: other boots, other reports, programs."""

from __future__ import annotations

import pytest

from vexlab.classify import classify
from vexlab.model.report import Severity

NULL = "BUG: unable to handle kernel NULL pointer dereference in "


def oops(function: str, *, seconds: int = 60, pid: int = 7, module: str = "demo", more: str = "") -> str:
    lines = (
        "BUG: kernel NULL pointer dereference, address: 0000000000000008",
        "#PF: supervisor read access in kernel mode",
        "Oops: Oops: 0000 [#1] PREEMPT SMP",
        f"CPU: 0 UID: 0 PID: {pid} Comm: cat Tainted: G           OE      6.12.9 #3",
        f"RIP: 0010:{function}+0x1/0x20 [{module}]",
        "Call Trace:",
        " <TASK>",
        " vfs_read+0x1/0x20",
        " ksys_read+0x1/0x20",
        " </TASK>",
        "---[ end trace 0000000000000000 ]---",
        *more.splitlines(),
    )
    return stamped(lines, seconds)


def stamped(lines: tuple[str, ...], seconds: int) -> str:
    return "".join(f"[{seconds:5}.{number:06}] {line}\n" for number, line in enumerate(lines))


PANIC = "Kernel panic - not syncing: Fatal exception\nKernel Offset: disabled\n"
CALM = stamped(tuple(f"demo: line {number}" for number in range(30)), 100)
# What a program, the OOM killer or a library writes between the kernel's lines.
TROUBLE = (
    "mkdtemp failed",
    "*** stack smashing detected ***: terminated",
    "Killed process 123 (sshd)",
    "Out of memory: Killed process 123 (syz-executor) total-vm:1kB",
    "panic: failed to create temp dir",
    "SYZFAIL: SIGBUS",
    "fatal error: runtime: out of memory",
    "init[1]: segfault at 0 ip 0 sp 0 error 4",
    "pthread_create failed",
    "runtime: failed to create new OS thread",
)


@pytest.mark.parametrize("line", TROUBLE)
@pytest.mark.parametrize("form", ["{line}\n", "[   59.000000] {line}\n", "[   59.000000][    T7] {line}\n"])
def test_no_line_of_the_log_suppresses_a_crash(line: str, form: str) -> None:
    line = form.format(line=line)
    crash = oops("demo_read", more=PANIC)
    for text in (line + crash, crash + line, crash.replace("Call Trace:\n", f"Call Trace:\n{line}")):
        crashes = [report for report in classify(text) if report.title == f"{NULL}demo_read"]
        assert [report.suppressed for report in crashes] == [False]


def test_a_program_that_had_no_room_is_the_set_ups_trouble() -> None:
    text = "runtime: out of memory: cannot allocate 1073741824-byte block\nfatal error: out of memory\n\ngoroutine 1:\n"
    assert [(report.title, report.suppressed) for report in classify(text)] == [("go runtime error", True)]


@pytest.mark.parametrize(
    "start",
    [
        "[    0.000000] Linux version 6.12.9 (x@y) #3\n",
        "[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x410fd034]\n",
        "\nSeaBIOS (version 1.16.2-debian-1.16.2-1)\n\nBooting from ROM..\n",
        "EFI stub: Booting Linux Kernel...\n",
        "U-Boot 2023.01 (Jan 01 2023 - 00:00:00 +0000)\n",
        "[    1.200000] pci 0000:00:01.0: vgaarb: bridge control possible\n",
    ],
)
def test_the_next_boots_oops_is_a_report_of_its_own(start: str) -> None:
    first, second = classify(oops("demo_read", seconds=900, more=PANIC) + start + oops("demo_write", seconds=7))
    assert (first.title, second.title) == (f"{NULL}demo_read", f"{NULL}demo_write")
    assert first.follow_on[-1] == "Kernel panic - not syncing: Fatal exception"
    assert "demo_write" not in first.text


def test_what_comes_behind_a_panic_in_the_same_boot_follows_on() -> None:
    late = stamped(
        ("WARNING: CPU: 0 PID: 9 at kernel/smp.c:1 f+0x1/0x2", "CPU: 0 PID: 9 Comm: x", "RIP: 0010:f+0x1/0x2"), 61
    )
    (report,) = classify(oops("demo_read", more=PANIC) + late)
    assert len(report.follow_on) == 3


def test_a_panic_for_another_reason_is_a_report_of_its_own() -> None:
    killed = stamped(("Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100",), 4960)
    warning = stamped(
        (
            "WARNING: CPU: 0 PID: 7 at demo.c:1 demo_read+0x1/0x20 [demo]",
            "CPU: 0 PID: 7 Comm: cat Not tainted 6.12.0 #1",
            "RIP: 0010:demo_read+0x1/0x20 [demo]",
            "Call Trace:",
            " vfs_read+0x1/0x20",
            "---[ end trace 0000000000000000 ]---",
        ),
        60,
    )
    assert [report.title for report in classify(warning + killed)] == [
        "WARNING in demo_read",
        "kernel panic: Attempted to kill init!",
    ]
    soon = killed.replace(" 4960.", "   60.9")
    assert len(classify(warning + soon)) == 2
    chosen = stamped(("Kernel panic - not syncing: kernel: panic_on_warn set ...",), 60)
    assert len(classify(warning + chosen)) == 1
    assert len(classify(oops("demo_read") + soon)) == 1


def test_a_second_oops_is_no_part_of_the_first() -> None:
    second = oops("demo_write", seconds=61).replace("[#1]", "[#2]")
    assert [report.title for report in classify(oops("demo_read") + second)] == [
        f"{NULL}demo_read",
        f"{NULL}demo_write",
    ]


def test_an_oops_behind_a_warning_that_was_cut_off_is_not_the_warnings() -> None:
    cut = stamped(
        ("------------[ cut here ]------------", "WARNING: CPU: 1 PID: 9 at fs/inode.c:1 drop_nlink+0x1/0x2"), 59
    )
    first, second = classify(cut + oops("demo_read"), target_modules=["demo"])
    assert (first.title, first.corrupted, first.in_target) == ("WARNING in corrupted", True, False)
    assert (second.title, second.severity, second.in_target) == (f"{NULL}demo_read", Severity.CRASH, True)


@pytest.mark.parametrize("mark", ["", "[    T7]"])
def test_a_neighbour_is_not_blamed(mark: str) -> None:
    text = oops("demo_read") + oops("other_poll", seconds=61, module="other", pid=9).replace("[#1]", "[#2]")
    first, second = classify(text.replace("] ", f"]{mark} ", 1) if not mark else text, target_modules=["demo"])
    assert (first.in_target, first.pid) == (True, 7)
    assert (second.in_target, second.pid, second.target_frame) == (False, 9, "")


def test_two_reports_printed_at_once_are_told_apart_by_stamps_that_run_back() -> None:
    one = oops("demo_read").replace("60.0000", "60.0003").splitlines()
    two = oops("demo_write", pid=9).replace("[#1]", "[#2]").splitlines()
    mixed = [*one[:3], *two[:4], *one[3:6], *two[4:7], *one[6:], *two[7:]]
    first, second = classify("\n".join(mixed) + "\n", target_modules=["demo"])
    assert [(report.title, report.pid) for report in (first, second)] == [
        (f"{NULL}demo_read", 7),
        (f"{NULL}demo_write", 9),
    ]


def test_a_taken_name_and_the_crash_that_it_leads_to_are_one() -> None:
    taken = stamped(
        (
            "sysfs: cannot create duplicate filename '/fs/demo/loop0'",
            "CPU: 0 PID: 7 Comm: mount Not tainted 6.12.0 #1",
            "Call Trace:",
            " dump_stack_lvl+0x1/0x2",
            " sysfs_warn_dup+0x1/0x2",
            " demo_register+0x1/0x2 [demo]",
        ),
        59,
    )
    assert [report.title for report in classify(taken + CALM)] == [
        "WARNING: sysfs: duplicate filename in demo_register"
    ]
    (report,) = classify(taken + oops("demo_read"))
    assert (report.title, report.follow_on[0]) == (f"{NULL}demo_read", taken.splitlines()[0].partition("] ")[2])


def test_a_jump_to_address_0_says_what_was_missing() -> None:
    text = oops("demo_read").replace("demo_read+0x1/0x20 [demo]", "0x0").replace(" vfs_read", " __lookup_slow")
    (report,) = classify(text)
    assert report.remark == "jump to address 0: __lookup_slow() found no lookup in struct inode_operations"
    (report,) = classify(text.replace("__lookup_slow", "demo_walk"))
    assert report.remark == "jump to address 0: called by demo_walk()"
