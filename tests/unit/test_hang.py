"""Stuck tasks are named from what the kernel prints on request."""

from __future__ import annotations

from vexlab.classify.hang import hang, lost, silent
from vexlab.model.report import Severity

SPINNING = """\
[    7.937518] sysrq: Show backtrace of all active CPUs
[    7.938094] NMI backtrace for cpu 1
[    7.938509] CPU: 1 PID: 134 Comm: insmod Tainted: G           OE      6.1.0-56-cloud-amd64 #1
[    7.939450] Call Trace:
[    7.940040]  <IRQ>
[    7.940388]  dump_stack_lvl+0x44/0x5c
[    7.944228]  __handle_sysrq.cold+0x41/0x11c
[    7.946911]  </IRQ>
[    7.946911]  <TASK>
[    7.946994]  asm_common_interrupt+0x22/0x40
[    7.947268] RIP: 0010:planted_spin+0x7/0x9 [planted]
[    7.953097]  planted_init+0xaf/0x1000 [planted]
[    7.953655]  do_one_initcall+0x56/0x220
[    7.963946] Sending NMI from CPU 1 to CPUs 0:
[    7.966147] NMI backtrace for cpu 0 skipped: idling at native_safe_halt+0xb/0x10
"""

WAITING = """\
== stack of 134 (insmod)
[<0>] planted_wait+0x6a/0x9c [planted]
[<0>] planted_init+0xc7/0x1000 [planted]
[<0>] do_one_initcall+0x56/0x220
[    7.711390] NMI backtrace for cpu 1
[    7.711677] CPU: 1 PID: 0 Comm: swapper/1
[    7.715571]  nmi_cpu_backtrace.cold+0x32/0x79
[    7.720017]  </IRQ>
[    7.721170] RIP: 0010:native_safe_halt+0xb/0x10
[    7.728138]  do_idle+0x206/0x2b0
"""

BLOCKED = """\
[    8.344770] sysrq: Show Blocked State
[    8.344771] task:sync            state:D stack:0     pid:150   ppid:1      flags:0x00004006
[    8.344772] Call Trace:
[    8.344773]  <TASK>
[    8.344774]  __schedule+0x351/0xa20
[    8.344775]  schedule+0x5d/0xe0
[    8.344776]  io_schedule+0x42/0x70
[    8.344777]  folio_wait_bit_common+0x13d/0x350
[    8.344778]  write_all_supers+0x1/0x2
"""

IDLE = WAITING[WAITING.index("[    7.711390]") :]


def test_a_spinning_task_is_named() -> None:
    found = hang("insmod planted.ko", 4, SPINNING, target_modules=("planted",))
    assert found is not None
    assert (found.title, found.frame, found.severity) == ("hang in planted_spin", "planted_spin", Severity.CRASH)
    assert "insmod" in found.text


def test_a_byte_sent_twice_hides_nothing() -> None:
    found = hang("insmod", 4, SPINNING.replace("RIP: 0010:", "RIIP: 0010:"), target_modules=["planted"])
    assert found
    assert found.title == "hang in planted_spin"


def test_a_waiting_task_is_named_from_its_own_stack() -> None:
    found = hang("insmod planted.ko", 4, WAITING, target_modules=("planted",))
    assert found is not None
    assert found.title == "hang in planted_wait"


def test_a_blocked_task_outside_the_target_counts_too() -> None:
    found = hang("sync", 4, BLOCKED, target_modules=("planted",))
    assert found is not None
    assert found.frame == "folio_wait_bit_common" or found.frame == "write_all_supers"


def test_a_slow_program_is_no_hang() -> None:
    assert hang("sleep 100", 4, IDLE, target_modules=("planted",)) is None
    assert hang("sleep 100", 4, "", target_modules=("planted",)) is None


def test_the_other_ends() -> None:
    assert silent("ls", 4, "", "RIP=0").title == "silent machine"
    assert lost("QEMU ended").title == "lost machine: QEMU ended"


USER_SPACE = """\
[    7.937518] sysrq: Show backtrace of all active CPUs
[    7.938094] NMI backtrace for cpu 1
[    7.938509] CPU: 1 PID: 134 Comm: busy Tainted: G           OE      6.1.0-56-cloud-amd64 #1
[    7.940040]  <IRQ>
[    7.944228]  __handle_sysrq.cold+0x41/0x11c
[    7.946911]  </IRQ>
[    7.946911]  <TASK>
[    7.946994]  asm_common_interrupt+0x22/0x40
[    7.947268] RIP: 0033:0x401b2c
[    7.963946] Sending NMI from CPU 1 to CPUs 0:
[    7.966147] NMI backtrace for cpu 0 skipped: idling at native_safe_halt+0xb/0x10
"""


def test_a_program_that_spins_in_user_space_is_no_fault_of_the_kernel() -> None:
    assert hang("busy", 4, USER_SPACE, target_modules=("planted",)) is None


def test_each_way_of_being_stuck_is_told() -> None:
    said = {}
    for name, text in (("spins", SPINNING), ("waits", WAITING), ("blocked", BLOCKED)):
        found = hang("command", 4, text, target_modules=("planted",))
        assert found is not None
        said[name] = found.text
    assert "keeps a CPU in the kernel" in said["spins"]
    assert "waits in the kernel" in said["waits"]
    assert "is blocked and cannot be killed" in said["blocked"]


SYNCING = """\
== stack of 150 (writer)
[<0>] folio_wait_bit_common+0x13d/0x350
[<0>] slow_write+0x6a/0x9c [slow]
[<0>] vfs_write+0x56/0x220
"""


def test_one_look_at_a_task_that_passes_through_the_module_is_no_hang() -> None:
    elsewhere = SYNCING.replace("slow_write+0x6a/0x9c", "slow_fsync+0x2/0x9c")
    assert hang("dd", 20, SYNCING, earlier=elsewhere, target_modules=("slow",)) is None
    assert hang("dd", 20, SYNCING, earlier=IDLE, target_modules=("slow",)) is None


def test_a_task_that_did_something_between_two_looks_is_slow() -> None:
    assert hang("dd", 20, SYNCING, earlier=SYNCING, moving={150}, target_modules=("slow",)) is None
    found = hang("dd", 20, SYNCING, earlier=SYNCING, moving={151}, target_modules=("slow",))
    assert found is not None
    assert found.title == "hang in slow_write"


def test_a_loop_is_at_another_address_each_time() -> None:
    later = SPINNING.replace("planted_spin+0x7/0x9", "cpu_relax_often+0x1/0x2").replace(
        " [planted]\n", " [planted]\n", 1
    )
    found = hang("insmod", 4, later, earlier=SPINNING, target_modules=("planted",))
    assert found is not None
    assert found.severity is Severity.CRASH


def test_a_hang_has_the_same_fingerprint_wherever_it_is_met() -> None:
    first = hang("insmod", 4, WAITING, target_modules=("planted",))
    again = hang(
        "mount", 9, WAITING.replace("134", "77").replace("+0x6a/0x9c", "+0x71/0xa0"), target_modules=("planted",)
    )
    other = hang("insmod", 4, WAITING.replace("planted_wait", "planted_sleep"), target_modules=("planted",))
    assert first is not None
    assert again is not None
    assert other is not None
    assert len(first.fingerprint) == 16
    assert again.fingerprint == first.fingerprint != other.fingerprint


def test_where_in_a_loop_a_task_is_caught_does_not_matter() -> None:
    caught = [SPINNING, SPINNING.replace(" planted_init+0xaf/0x1000 [planted]", " planted_more+0x1/0x9 [planted]")]
    found = [hang("insmod", 4, text, target_modules=("planted",)) for text in caught]
    assert len({each.fingerprint for each in found if each}) == 1


def test_what_says_nothing_of_its_cause_has_no_fingerprint() -> None:
    assert [silent("x", 1, "", "").fingerprint, lost("it went down").fingerprint] == ["", ""]
