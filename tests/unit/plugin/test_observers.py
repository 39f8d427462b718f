"""What observers read is told apart, and judged: leaks with the functions of a module that is gone, locks, load."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from vexlab.classify import classify
from vexlab.lab import Order
from vexlab.model.kernel import Kernel
from vexlab.model.machine import CommandResult
from vexlab.observe import kmemleak, locks
from vexlab.plugin import observers
from vexlab.vm.machine import Machine

REPORT = """\
unreferenced object 0xffff888004c3a000 (size 4096):
  comm "mount", pid 301, jiffies 4294895723 (age 7.320s)
  hex dump (first 32 bytes):
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................
  backtrace:
    [<ffffffff81512345>] kmalloc_trace+0x26/0xa0
    [<ffffffffc0201234>] 0xffffffffc0201234
    [<ffffffff81601234>] mount_bdev+0x1c4/0x220
"""
NM = "0000000000001230 0000000000000104 t vexfs_load_map\n0000000000000000 0000000000000010 T vexfs_f\n"
STATS = " lock-classes:                         1432 [max: 8192]\n debug_locks:                             0\n"
HELD = """\
[   20.000001] Showing all locks held in the system:
[   20.000002] 1 lock held by khungtaskd/21:
[   20.000003]  #0: ffffffff8326b120 (rcu_read_lock){....}-{1:2}, at: debug_show_all_locks+0x51/0x360
[   20.000004] 2 locks held by rmdir/289:
[   20.000005]  #0: ffff888004c3a5d8 (&sb->s_type->i_mutex_key#9){++++}-{3:3}, at: vexfs_rmdir+0x34/0x120 [vexfs]
"""


def test_functions_of_a_module_that_is_gone_are_named() -> None:
    leaks = kmemleak.Leaks(text=REPORT, bases=(0xFFFFFFFFC0180000, 0xFFFFFFFFC0200000))
    text = kmemleak.with_symbols(leaks, kmemleak.parse_symbols(NM), "vexfs")
    assert "[<ffffffffc0201234>] vexfs_load_map+0x4/0x104 [vexfs]" in text
    assert kmemleak.objects(text) == {"(size 4096)": 1}


def test_addresses_of_nobody_stay_numbers() -> None:
    leaks = kmemleak.Leaks(text=REPORT, bases=(0xFFFFFFFFC0300000,))
    assert kmemleak.with_symbols(leaks, kmemleak.parse_symbols(NM), "vexfs") == REPORT


def test_a_stack_is_told_once_however_many_objects_it_allocated() -> None:
    other = REPORT.replace("mount_bdev+0x1c4", "mount_nodev+0x10").replace("0xffff888004c3a000", "0xffff888004c3b000")
    second = REPORT.replace("0xffff888004c3a000", "0xffff888004c3c000").replace(
        "<ffffffff81601234>", "<00000000aabbccdd>"
    )
    text = kmemleak.by_stack(REPORT + second + other + second)
    assert text.count("unreferenced object") == 2
    assert text.count("  2 more objects were allocated there\n  backtrace:") == 1
    assert text.index("2 more objects") < text.index("mount_bdev") < text.index("mount_nodev")
    titles = [report.title for report in classify(text, target_modules=("vexfs",))]
    assert titles == ["memory leak in mount_bdev", "memory leak in mount_nodev"]
    assert kmemleak.by_stack("") == ""


def test_what_a_long_report_is_cut_off_amid_is_no_leak_of_its_own() -> None:
    cut = (REPORT + REPORT + REPORT[:-60]).strip()
    assert kmemleak.whole_objects(cut, cut=True) + "\n" == REPORT + REPORT
    assert kmemleak.whole_objects(cut, cut=False) == cut
    assert kmemleak.whole_objects(REPORT[:-60], cut=True) == REPORT[:-60], "one is better than none"


def test_a_report_is_cut_by_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of programs may be of characters of several bytes."""
    report = (REPORT * 2).replace('"mount"', '"möunt"')[:-60]
    said = f"==\n{report}".encode()
    monkeypatch.setattr(kmemleak, "_MOST", len(said))
    result = CommandResult(argv=("sh",), status=0, signal=0, stdout=said, stderr=b"", duration=1.0)
    leaks = kmemleak.find_leaks(cast("Machine", SimpleNamespace(ash=lambda *_, **__: result)))
    assert leaks
    assert leaks.text.count("unreferenced object") == 1


def test_locks_are_told_with_who_took_them() -> None:
    state = locks.parse_locks(STATS, HELD)
    assert (state.looking, state.classes) == (False, 1432)
    assert [(each.task, each.module, each.where) for each in state.held] == [
        ("khungtaskd", "", "debug_show_all_locks+0x51/0x360"),
        ("rmdir", "vexfs", "vexfs_rmdir+0x34/0x120"),
    ]


class _Guest:
    """A guest that answers scripts by a word in them."""

    def __init__(self, **answers: str) -> None:
        self._answers = answers
        self._console = ""
        self.console = self

    @property
    def size(self) -> int:
        return len(self._console)

    def text(self, start: int = 0) -> str:
        return self._console[start:]

    def ash(self, script: str, *_words: str, timeout: float = 0) -> SimpleNamespace:
        for word, answer in self._answers.items():
            if word in script:
                if word == "lockdep":
                    self._console += HELD
                return SimpleNamespace(ok=True, text=answer, stdout=answer.encode())
        return SimpleNamespace(ok=False, text="")


def _order(tmp_path: Path, options: str, flavour: str = "kasan") -> Order:
    config = tmp_path / "config"
    config.write_text(options)
    kernel = Kernel(
        name="6.1-kasan", release="6.1.0", version="1", image=config, modules=tmp_path, config=config, flavour=flavour
    )
    target = SimpleNamespace(module="vexfs")
    return cast("Order", SimpleNamespace(kernel=kernel, target=target, artifact=SimpleNamespace(path=None)))


def _look(guest: _Guest, order: Order) -> observers.Observed:
    return observers.observe(cast("Machine", guest), order)


def test_a_leak_and_a_held_lock_are_findings_and_costs_are_recorded(tmp_path: Path) -> None:
    guest = _Guest(
        kmemleak=f"==\n{REPORT}", lockdep=STATS, loadavg="0.52 0.13 0.04 1/98 305\ncpu  512 0 1834 9120 12\n"
    )
    seen = _look(guest, _order(tmp_path, "CONFIG_DEBUG_KMEMLEAK=y\nCONFIG_LOCKDEP=y\n"))
    assert ["leak" in each.title or "lock held" in each.title for each in seen.findings] == [True, True]
    assert seen.findings[1].frame == "vexfs_rmdir"
    assert seen.metrics["kmemleak_objects_count"] == 1
    assert seen.metrics["locks_off_count"] == 1
    assert seen.metrics["processor_system_s"] == pytest.approx(18.34)
    assert {f"observer_{each.name}_s" for each in observers.OBSERVERS} <= set(seen.metrics)


def test_a_kernel_without_them_is_not_asked(tmp_path: Path) -> None:
    guest = _Guest(loadavg="")
    assert not _look(guest, _order(tmp_path, "", flavour="distro")).metrics
    assert set(_look(guest, _order(tmp_path, "")).metrics) == {"observer_processor_s"}


def test_nothing_lost_is_no_finding(tmp_path: Path) -> None:
    guest = _Guest(kmemleak="0xffffffffc0200000\n==\n", loadavg="")
    seen = _look(guest, _order(tmp_path, "CONFIG_DEBUG_KMEMLEAK=y\n"))
    assert not seen.findings
    assert seen.metrics["kmemleak_objects_count"] == 0
