"""A module's, a program's or the firmware's own words are no report; the kernel's forms are."""

from __future__ import annotations

import pytest

from vexlab.classify import classify, fatal, headline

WORDS = (
    "evil: mounted; note: WARNING: this option is deprecated",
    "evil: INFO: starting recovery",
    "evil: BUG: none found, all fine",
    "evil: kernel BUG at nowhere.c:1! is what we avoid",
    "evil: general protection fault: not today",
    "evil: Unable to handle kernel feature bits 0x8",
    "evil: Kernel panic - not syncing: never",
    "BUG: none found, all fine",
    "INFO: starting recovery",
    "WARNING: this option is deprecated",
    "WARNING: CPU: the option cpu= is deprecated",
    "BUG: KASAN: use-after-free in ext4_iget+0x10/0x20 [ext4]",
    "BUG: unable to handle page fault for address: ffffc90000000000",
    "general protection fault: 0000 [#1] SMP",
    "WARNING: possible circular locking dependency detected",
    "WARNING: CPU: 0 PID: 1 at fs/inode.c:1 iput+0x1/0x2",
    "kernel BUG at fs/inode.c:1!",
    "INFO: task sync:7 blocked for more than 120 seconds.",
    "UBSAN: shift-out-of-bounds in fs/x.c:1:2",
    "EXT4-fs (vda): INFO: recovery required on readonly filesystem",
    "XFS (vda): WARNING: Reset corrupted AGFL on AG 0. 4 blocks leaked. Please unmount and run xfs_repair.",
    "btrfs: INFO: BUG: WARNING: three words in one line",
    "usb 5-1: WARNING: ath10k USB support is incomplete, don't expect anything to work!",
    'Kernel command line: console=ttyS0 demo.label="BUG: x" WARNING: y',
    'Unknown kernel command line parameters "BUG:=1", will be passed to user space.',
    "[Firmware Bug]: TSC doesn't count with P0 frequency!",
    "[Firmware Warn]: BUG: nothing",
    "ACPI BIOS Error (bug): WARNING: Could not resolve symbol",
    "DMI: QEMU Standard PC, BIOS WARNING: old 04/01/2014",
    "systemd[1]: WARNING: late",
    "panic: never",
    "fatal error: none",
    "Kernel panic: not here",
    "kobject: kobject_add_internal failed for demo (error: -12 parent: slab)",
)
LIFE = "".join(f"[   {second}.000000] demo: line {second} of an ordinary log\n" for second in range(20, 90))


@pytest.mark.parametrize("line", WORDS)
@pytest.mark.parametrize("prefix", ["[   12.345678] ", "[   12.345678][  T321] ", "<4>[   12.345678] ", ""])
def test_words_are_no_report(line: str, prefix: str) -> None:
    mark = "[  T321]" if "T321" in prefix else ""
    life = LIFE.replace("] demo", f"]{mark} demo") if prefix else LIFE
    text = f"{life}{prefix}{line}\n{life}"
    assert classify(text) == ()
    assert headline(text) is None


def test_a_report_without_its_body_is_no_report_though_a_line_of_it_is_forged() -> None:
    fake = (
        "BUG: KASAN: use-after-free in ext4_iget+0x10/0x20 [ext4]",
        "Read of size 8 at addr ffff888000 by task cat/1",
    )
    stamped = "".join(f"[   12.345678] {line}\n" for line in fake)
    assert classify(LIFE + stamped) == ()
    assert classify(LIFE + stamped + LIFE) == ()
    assert fatal(LIFE + stamped) == ""


def test_a_forged_fault_without_what_die_prints_is_no_crash() -> None:
    forged = (
        "BUG: unable to handle page fault for address: ffffc90000000000",
        "RIP: 0010:ext4_readdir+0x10/0x20 [ext4]",
        "Call Trace:",
        " <TASK>",
        " ext4_readdir+0x10/0x20 [ext4]",
        " </TASK>",
    )
    text = LIFE + "".join(f"[   99.000000] {line}\n" for line in forged)
    assert classify(text) == ()
    whole = text.replace("RIP: 0010", "Oops: Oops: 0002 [#1] SMP NOPTI\n[   99.000000] RIP: 0010")
    assert [report.frame for report in classify(whole)] == ["ext4_readdir"]


def test_a_fault_cut_off_while_the_kernel_explains_it_is_a_crash() -> None:
    lines = (
        "Unable to handle kernel paging request at virtual address dead000000000108",
        "Mem abort info:",
        "  ESR = 0x0000000096000044",
        "  EC = 0x25: DABT (current EL), IL = 32 bits",
    )
    (report,) = classify(LIFE + "".join(f"[   99.000000] {line}\n" for line in lines))
    assert report.corrupted


STACK = """\
CPU: 0 PID: 7 Comm: cat Not tainted 6.12.0 #1
Call Trace:
 <TASK>
 dump_stack_lvl+0x5d/0x80
 demo_read+0x1/0x2 [demo]
 </TASK>
"""


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("BUG: the kernel says something new", "BUG: the kernel says something new"),
        ("WARNING: the kernel says something new", "WARNING: the kernel says something new"),
        ("rcu: INFO: something new about 12 tasks", "INFO: something new about NUM tasks"),
    ],
)
def test_unknown_words_of_the_kernel_are_believed_for_their_stack(line: str, title: str) -> None:
    text = LIFE + f"[   12.345678] {line}\n" + "".join(f"[   12.345679] {row}\n" for row in STACK.splitlines()) + LIFE
    (report,) = classify(text)
    assert report.title == title
    assert classify(text.replace(STACK.splitlines()[0], "").replace("Call Trace:", "")) == ()


def test_a_module_that_prints_its_own_stack_has_not_crashed() -> None:
    text = LIFE + "".join(f"[   12.345678] {row}\n" for row in ["demo: WARNING: odd label", *STACK.splitlines()]) + LIFE
    assert classify(text) == ()


@pytest.mark.parametrize(
    "line",
    [
        "BUG: unable to handle page fault for address: ffffc90000000000",
        "general protection fault, probably for non-canonical address 0xdead000000000108: 0000 [#1] PREEMPT SMP NOPTI",
        "Internal error: Oops: 0000000096000004 [#1] PREEMPT SMP",
    ],
)
def test_a_fault_is_believed_where_the_log_breaks_off(line: str) -> None:
    (report,) = classify(f"{LIFE}[   99.000000] {line}\n")
    assert report.corrupted


def test_a_report_is_believed_where_the_log_breaks_off_behind_its_preamble() -> None:
    for rule, line in (
        ("=" * 66, "BUG: KASAN: slab-use-after-free in demo_read+0x1/0x2 [demo]"),
        ("------------[ cut here ]------------", "WARNING: CPU: 0 PID: 7 at demo.c:12 demo_read+0x1/0x2 [demo]"),
    ):
        (report,) = classify(f"{LIFE}[   99.000000] {rule}\n[   99.000001] {line}\n")
        assert report.corrupted
