"""Logs as testers of out-of-tree filesystems see them (the corpus' ``field`` folder), and what they should be told.

``expected.json`` there says it in words; here it is said in assertions. The module is ``toyfs``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.classify import classify
from vexlab.model.report import Report, Severity

pytestmark = pytest.mark.corpus

NULL = "BUG: unable to handle kernel NULL pointer dereference in "
PAGING = "BUG: unable to handle kernel paging request in "
# Log -> title, type and severity of each report, in order.
EXPECTED: dict[str, tuple[tuple[str, str, Severity], ...]] = {
    "01-interleaved-callers": (
        ("BUG: soft lockup in toyfs_file_write_iter", "HANG", Severity.CRASH),
        ("KASAN: slab-use-after-free Read in toyfs_evict_inode", "KASAN-USE-AFTER-FREE-READ", Severity.CRASH),
    ),
    "02-journal-list-del": (("BUG: corrupted list in toyfs_put_super", "MEMORY_SAFETY_BUG", Severity.CRASH),),
    "03-crlf-ansi": ((f"{NULL}toyfs_readdir", "NULL-POINTER-DEREFERENCE", Severity.CRASH),),
    "04-truncated": ((f"{PAGING}corrupted", "MEMORY_SAFETY_BUG", Severity.CRASH),),
    "05-dentry-busy-612": (
        ("BUG: Dentry still in use in unmount", "UNKNOWN", Severity.CRASH),
        ("VFS: Busy inodes after unmount (use-after-free)", "DoS", Severity.CRASH),
    ),
    "06-busy-inodes-bug": (("VFS: Busy inodes after unmount (use-after-free)", "DoS", Severity.CRASH),),
    "07-rmmod-leftovers-61": (
        ("BUG: slab toyfs_inode_cache: Objects remaining on __kmem_cache_shutdown()", "UNKNOWN", Severity.CRASH),
        ("WARNING: sysfs: duplicate filename in init_toyfs_fs", "WARNING", Severity.WARNING),
    ),
    "08-refcount-dmesgTx": (
        ("WARNING: refcount bug in toyfs_put_extent", "REFCOUNT_WARNING", Severity.WARNING),
    ),
    "09-debug-locks": (("WARNING in toyfs_write_begin", "WARNING", Severity.WARNING),),
    "10-bad-page": (("BUG: Bad page state", "UNKNOWN", Severity.CRASH),),
    "11-hung-task-netconsole": (("INFO: task hung in toyfs_writepages", "HANG", Severity.CRASH),),
    "12-expedited-stall": (("INFO: rcu detected stall in toyfs_file_write_iter", "HANG", Severity.CRASH),),
    "13-disk-complaints": (),
    "14-kcsan-ubsan-kfence": (
        ("KCSAN: data-race in toyfs_dirty_inode / toyfs_write_inode", "KCSAN-DATARACE", Severity.WARNING),
        ("UBSAN: array-index-out-of-bounds in toyfs_add_entry", "MEMORY_SAFETY_UBSAN", Severity.CRASH),
        ("KFENCE: use-after-free read in toyfs_iget", "KFENCE-USE-AFTER-FREE-READ", Severity.CRASH),
    ),
    "15-benign": (),
    "16-two-boots-quiet": (
        (f"{NULL}toyfs_readdir", "NULL-POINTER-DEREFERENCE", Severity.CRASH),
        ("general protection fault in toyfs_unlink", "DoS", Severity.CRASH),
    ),
    "17-after-rmmod": ((f"{PAGING}call_timer_fn", "MEMORY_SAFETY_BUG", Severity.CRASH),),
    "18-fortify": (
        ("WARNING in toyfs_add_entry", "WARNING", Severity.WARNING),
        ("kernel BUG in toyfs_show_label", "BUG", Severity.CRASH),
    ),
    "19-setup-trouble": (
        ("BUG: MAX_LOCKDEP_CHAINS too low!", "UNKNOWN", Severity.WARNING),
        ("memory leak: new suspected memory leaks", "LEAK", Severity.WARNING),
    ),
    "20-interleaved-plain": (
        ("WARNING in toyfs_unlink", "WARNING", Severity.WARNING),
        (f"{NULL}toyfs_get_block", "NULL-POINTER-DEREFERENCE", Severity.CRASH),
    ),
}  # fmt: skip


def read(corpus: Path, name: str) -> tuple[Report, ...]:
    text = (corpus / "field" / f"{name}.log").read_bytes().decode("utf-8", "replace")
    return classify(text, target_modules=["toyfs"])


@pytest.mark.parametrize("name", EXPECTED)
def test_what_a_tester_is_told(corpus: Path, name: str) -> None:
    found = read(corpus, name)
    assert tuple((report.title, report.type, report.severity) for report in found) == EXPECTED[name]


def test_every_log_of_the_folder_is_asked_for(corpus: Path) -> None:
    assert {path.stem for path in (corpus / "field").glob("*.log")} == set(EXPECTED)


@pytest.mark.parametrize("name", [name for name in EXPECTED if name not in ("04-truncated", "19-setup-trouble")])
def test_the_module_is_seen_in_every_report_that_is_whole(corpus: Path, name: str) -> None:
    for report in read(corpus, name):
        assert (report.in_target, report.corrupted, report.suppressed) == (True, False, False)


def test_who_crashed_is_read_from_the_reports_own_lines(corpus: Path) -> None:
    tasks = [(report.task, report.pid, report.cpu) for report in read(corpus, "14-kcsan-ubsan-kfence")]
    assert tasks == [("kworker/u8:2", 45, 0), ("touch", 830, 0), ("stat", 833, 0)]
    tasks = [(report.task, report.pid, report.cpu) for report in read(corpus, "20-interleaved-plain")]
    assert tasks == [("rm", 502, 1), ("fsx", 501, 0)]


def test_a_log_cut_off_is_marked(corpus: Path) -> None:
    (report,) = read(corpus, "04-truncated")
    assert (report.corrupted, report.frame) == (True, "")


def test_what_follows_on(corpus: Path) -> None:
    assert [len(report.follow_on) for report in read(corpus, "06-busy-inodes-bug")] == [2]
    assert [len(report.follow_on) for report in read(corpus, "16-two-boots-quiet")] == [2, 0]
    assert [len(report.follow_on) for report in read(corpus, "18-fortify")] == [0, 2]


def test_code_run_after_rmmod_is_the_unloaded_modules(corpus: Path) -> None:
    (report,) = read(corpus, "17-after-rmmod")
    assert (report.in_target, report.target_frame) == (True, "")
    assert report.remark == "the code is not there any more; the module unloaded last is toyfs"


def test_a_limit_of_the_debug_kernel_is_the_set_ups(corpus: Path) -> None:
    limit, leak = read(corpus, "19-setup-trouble")
    assert (limit.suppressed, leak.suppressed) == (True, False)
    assert (limit.in_target, leak.in_target) == (False, False)
