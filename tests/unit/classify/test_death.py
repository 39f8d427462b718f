"""What ends a task or the kernel, and what only sounds like it."""

from __future__ import annotations

import pytest

from vexlab.classify import fatal

DEATHS = (
    "BUG: kernel NULL pointer dereference, address: 0000000000000008",
    "BUG: unable to handle page fault for address: ffffc90000000000",
    "BUG: unable to handle kernel paging request at ffffc90000000000",
    "BUG: Kernel NULL pointer dereference on read at 0x00000000",
    "BUG: Unable to handle kernel data access on write at 0xc00a000000000000",
    "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008",
    "Unable to handle kernel paging request at virtual address dead000000000108",
    "CPU 0 Unable to handle kernel paging request at virtual address 00000010, epc == 80412344, ra == 80412300",
    "general protection fault, probably for non-canonical address 0xdead000000000108: 0000 [#1] PREEMPT SMP NOPTI",
    "Oops: general protection fault, probably for non-canonical address 0xdffffc0000000000: 0000 [#1] SMP KASAN",
    "general protection fault: 0000 [#3] SMP",
    "kernel BUG at fs/inode.c:1612!",
    "Oops: invalid opcode: 0000 [#1] PREEMPT SMP",
    "invalid opcode: 0000 [#1] PREEMPT SMP",
    "divide error: 0000 [#1] SMP",
    "Oops: divide error: 0000 [#1] PREEMPT SMP NOPTI",
    "int3: 0000 [#1] SMP",
    "stack segment: 0000 [#1] SMP",
    "double fault: 0000 [#1] SMP",
    "traps: PANIC: double fault, error_code: 0x0",
    "BUG: stack guard page was hit at ffffc90000000000 (stack is ffffc90000001000..ffffc90000002000)",
    "BUG: TASK stack guard page was hit at 00000000a8d5a5a3 (stack is 0000000012345678..0000000087654321)",
    "Internal error: Oops: 0000000096000004 [#1] PREEMPT SMP",
    "Internal error: Oops - BUG: 00000000f2000800 [#1] SMP",
    "Internal error: Oops - Undefined instruction: 0 [#1] SMP ARM",
    "Oops [#1]",
    "Oops[#1]:",
    "Oops: 0002 [#1] PREEMPT SMP",
    "Oops: Kernel access of bad area, sig: 11 [#1]",
    "Oops: Exception in kernel mode, sig: 5 [#1]",
    "Oops - load access fault [#1]",
    "illegal operation: 0001 ilc:1 [#1] SMP",
    "sh(99): Oops [#1]",
    "Kernel bug detected[#1]:",
    "Kernel panic - not syncing: Fatal exception",
    "Kernel panic - not syncing: softlockup: hung tasks",
    "Kernel panic - not syncing: RCU Stall",
    "Kernel panic - not syncing: kernel: panic_on_warn set ...",
    "---[ end Kernel panic - not syncing: Fatal exception ]---",
    "Fixing recursive fault but reboot is needed!",
)
ALIVE = (
    "WARNING: CPU: 0 PID: 7 at fs/demo.c:12 demo_write+0x1/0x2 [demo]",
    "BUG: KASAN: slab-use-after-free in demo_read+0x1/0x2 [demo]",
    "BUG: KFENCE: use-after-free read in demo_read+0x1/0x2 [demo]",
    "BUG: KCSAN: data-race in demo_read / demo_write",
    "UBSAN: array-index-out-of-bounds in fs/demo.c:1:2",
    "WARNING: possible circular locking dependency detected",
    "BUG: sleeping function called from invalid context at mm/slab.h:1",
    "BUG: scheduling while atomic: cat/77/0x00000002",
    "BUG: Bad page state in process cat  pfn:12345",
    "BUG demo_inode (Tainted: G    B  OE): Poison overwritten",
    "watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [cat:77]",
    "INFO: task sync:7 blocked for more than 120 seconds.",
    "rcu: INFO: rcu_preempt self-detected stall on CPU",
    "VFS: Busy inodes after unmount of vda (demo)",
    "traps: cat[77] general protection fault ip:401000 sp:7ffc error:0 in cat[400000+1000]",
    "cat[77]: segfault at 0 ip 0 sp 0 error 4 in cat[400000+1000]",
    "evil: BUG: none found, all fine",
    "evil: kernel BUG at nowhere, only a word",
    "evil: Unable to handle kernel feature 3",
    "evil: mounted; note: WARNING: this option is deprecated",
    "demo: bitmap [#12] rebuilt",
    "demo: Oops, wrong label",
    "Command line: console=ttyS0 oops=panic panic=-1",
    "demo: Kernel panic - not syncing: is what we avoid",
)
PREFIXES = ("", "[   12.345678] ", "[   12.345678][  T321] ", "<1>[   12.345678] ", "4,1,123,-,caller=T1;")


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("line", DEATHS)
def test_a_dead_task_is_told_by_its_headline(line: str, prefix: str) -> None:
    assert fatal(f"{prefix}all is well\r\n{prefix}{line}\r\n{prefix}more\r\n") == line


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("line", ALIVE)
def test_what_the_kernel_survives_is_not_death(line: str, prefix: str) -> None:
    assert fatal(f"{prefix}all is well\n{prefix}{line}\n{prefix}more\n") == ""


def test_the_first_of_several_is_named() -> None:
    text = "".join(f"[    1.000000] {line}\n" for line in (*ALIVE, DEATHS[1], DEATHS[0]))
    assert fatal(text) == DEATHS[1]


def test_a_piece_that_begins_amid_an_oops_tells_it_too() -> None:
    text = f"{DEATHS[0]}\n#PF: supervisor read access in kernel mode\nOops: 0000 [#1] PREEMPT SMP\n"
    assert fatal(text[20:]) == "Oops: 0000 [#1] PREEMPT SMP"


def test_a_programs_words_in_the_journal_are_not_the_kernels() -> None:
    assert fatal("Nov 21 02:10:11 vm app[77]: Kernel panic - not syncing: no\n") == ""
    assert fatal("Nov 21 02:10:11 vm kernel: Kernel panic - not syncing: yes\n") != ""
