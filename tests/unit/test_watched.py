"""What any source said of a machine stays said, whatever another says later."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from vexlab.errors import EmulatorDied, GuestTimeout, MachineLost
from vexlab.lab import Order
from vexlab.model.machine import CommandResult
from vexlab.model.report import Report, Severity
from vexlab.model.verdict import Finding, Source
from vexlab.observe.kernelmemory import parse_symbols, records_in
from vexlab.plugin.recorder import folder_name
from vexlab.plugin.watched import WatchedMachine, merged
from vexlab.vm.transcript import Transcript

TAINTED_OOPS = 1 << 7
TAINTED_WARNING = 1 << 9
OOPS = """\
[    5.0] BUG: kernel NULL pointer dereference, address: 0000000000000000
[    5.0] #PF: supervisor write access in kernel mode
[    5.0] Oops: 0002 [#1] PREEMPT SMP NOPTI
[    5.0] CPU: 0 PID: 7 Comm: insmod Tainted: G           OE      6.1.0 #1
[    5.0] RIP: 0010:evil_dereference+0x7/0x10 [evil]
[    5.0] Call Trace:
[    5.0]  <TASK>
[    5.0]  evil_init+0x10/0x20 [evil]
[    5.0]  do_one_initcall+0x56/0x220
[    5.0]  </TASK>
[    5.0] ---[ end trace 0000000000000000 ]---
"""


class Console:
    """A console log in memory."""

    def __init__(self, file: Path) -> None:
        self.said = ""
        self.file = file

    @property
    def size(self) -> int:
        return len(self.said)

    def text(self, start: int = 0, end: int | None = None) -> str:
        return self.said[start:end]


class Qmp:
    """Answers the one question that reading the taint asks."""

    def __init__(self, machine: FakeMachine) -> None:
        self._machine = machine

    def hmp(self, line: str) -> str:
        return f"ffffffff832eecb8: 0x{self._machine.taint:016x}\n" if line.startswith("x /1gx") else ""

    def command(self, *_: object, **__: object) -> Any:
        raise MachineLost("QEMU is not there")


class Clock:
    """The host's time; of the time that the machine was given a minute passes with each question."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        return time.monotonic()

    def unbounded(self) -> float:
        self._now += 60
        return self._now


class FakeMachine:
    """As much of a machine as is asked: its taint, its console, its agent."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.taint = 0
        self.log = ""
        self.alive = True
        self.console = Console(folder / "console.log")
        self.symbols = {"tainted_mask": 0xFFFFFFFF832EECB8}
        self.watch: Callable[[str], None] | None = None
        self.before_kill: Callable[[], None] | None = None
        self.qmp = Qmp(self)
        self.pinged = 0
        self.transcript = Transcript()

    def ping(self, _: float) -> None:
        self.pinged += 1
        if not self.alive:
            raise GuestTimeout("no answer on agent in time")

    def ash(self, script: str, *_: str, timeout: float = 0, env: object = None) -> CommandResult:
        if not self.alive:
            raise GuestTimeout("no answer on agent in time")
        text = self.log if script == "dmesg" else ""
        return CommandResult(argv=(script,), status=0, signal=0, stdout=text.encode(), stderr=b"", duration=0.0)


class _Target:
    module = "evil"


class _Kernel:
    flavour = "distro"


class _Order:
    target = _Target()
    kernel = _Kernel()


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


def _watched(machine: FakeMachine) -> WatchedMachine:
    return WatchedMachine(cast("Any", machine), cast("Order", _Order()))


def test_a_taint_that_was_seen_is_not_forgotten_by_the_next_phase(machine: FakeMachine) -> None:
    watched = _watched(machine)
    machine.taint = TAINTED_OOPS
    watched.heard(None)
    assert [(each.source, each.severity) for each in watched.findings] == [(Source.TAINT, Severity.CRASH)]
    watched.heard(None)
    machine.taint = 0
    watched.last_look(0.0)
    assert len(watched.findings) == 1


def test_a_silent_console_is_made_up_for_by_the_kernels_log(machine: FakeMachine) -> None:
    watched = _watched(machine)
    machine.taint, machine.log = TAINTED_OOPS, OOPS
    watched.heard(None)
    (finding,) = watched.findings
    assert finding.title == "BUG: unable to handle kernel NULL pointer dereference in evil_dereference"
    assert finding.source is Source.KERNEL_LOG


def test_a_taint_that_the_console_accounts_for_is_told_once(machine: FakeMachine) -> None:
    watched = _watched(machine)
    machine.console.said, machine.taint = OOPS, TAINTED_OOPS | TAINTED_WARNING
    watched.heard(None)
    assert [each.source for each in watched.findings] == [Source.CONSOLE]


def test_an_oops_behind_a_warning_that_the_console_told_is_told_as_well(machine: FakeMachine) -> None:
    watched = _watched(machine)
    machine.console.said = "[    4.0] WARNING: CPU: 0 PID: 7 at evil.c:9 evil_init+0x1/0x2 [evil]\n" + "".join(
        line for line in OOPS.splitlines(keepends=True) if "RIP" in line or "TASK" in line or "init" in line
    )
    machine.taint = TAINTED_WARNING
    watched.heard(None)
    machine.taint |= TAINTED_OOPS
    watched.heard(None)
    assert {each.severity for each in watched.findings} == {Severity.WARNING, Severity.CRASH}


def test_flags_of_the_booted_system_are_no_finding(machine: FakeMachine) -> None:
    machine.taint = TAINTED_WARNING
    watched = _watched(machine)
    watched.last_look(0.0)
    assert not watched.findings


def test_a_machine_that_does_not_answer_at_the_end_is_a_finding(machine: FakeMachine) -> None:
    watched = _watched(machine)
    watched.heard(None)
    machine.alive = False
    watched.last_look(0.0)
    assert [each.title for each in watched.findings] == ["silent machine"]


def test_what_is_printed_after_a_post_mortem_is_read_too(machine: FakeMachine) -> None:
    watched = _watched(machine)
    machine.console.said = "[    4.0] WARNING: CPU: 0 PID: 7 at evil.c:9 evil_init+0x1/0x2 [evil]\n" + "".join(
        line for line in OOPS.splitlines(keepends=True) if "RIP" in line or "TASK" in line or "init" in line
    )
    watched.heard(None)
    machine.console.said += OOPS
    watched.heard(None)
    assert [each.severity for each in watched.findings] == [Severity.WARNING, Severity.CRASH]


def test_a_killed_emulator_says_nothing_of_the_module(machine: FakeMachine) -> None:
    watched = _watched(machine)
    watched.heard(EmulatorDied("QEMU was ended by SIGKILL"))
    assert not watched.findings
    watched.heard(MachineLost("the guest went down"))
    assert [each.title for each in watched.findings] == ["lost machine: the guest went down"]


def _report(title: str, line: int) -> Report:
    return Report(title=title, type="BUG", first_line=line, fingerprint=title)


def test_a_report_may_grow_and_is_never_lost() -> None:
    first = merged({}, [_report("WARNING in f", 3)])
    grown = merged(first, [_report("WARNING in g", 3), _report("BUG in h", 9)])
    assert [each.title for each in grown.values()] == ["WARNING in g", "BUG in h"]
    assert [each.title for each in merged(grown, []).values()] == ["WARNING in g", "BUG in h"]
    moved = merged(grown, [_report("BUG in h", 7)])
    assert [each.title for each in moved.values()] == ["WARNING in g", "BUG in h"], "cut logs number lines anew"


def test_no_two_cases_share_a_folder() -> None:
    ids = [
        "d.x[a/b]",
        "d.x[a:b]",
        "d.x[a_b]",
        "d." + "x" * 150 + "1",
        "d." + "x" * 150 + "2",
        "d.../../../tmp/E",
        "d.ü",
    ]
    names = [folder_name(each) for each in ids]
    assert len(set(names)) == len(ids)
    assert all("/" not in name and name.isascii() and len(name) < 140 for name in names)
    assert folder_name("d.x[6.1-a_b]") == "d.x[6.1-a_b]"


def test_addresses_come_from_kallsyms_and_hidden_ones_do_not() -> None:
    text = "ffffffff832eecb8 b tainted_mask\n0000000000000000 b __log_buf\nffffffff832eecc0 b other\n"
    assert parse_symbols(text) == {"tainted_mask": 0xFFFFFFFF832EECB8}


def test_the_kernels_log_is_read_out_of_its_memory() -> None:
    memory = b"\x01\0\0\0\0\0\0\0Kernel panic - not syncing: evil\0\0\0\x02\0\0\0\0\0\0\0CPU: 0 PID: 7\0\xff\xff"
    assert records_in(memory) == "Kernel panic - not syncing: evil\nCPU: 0 PID: 7\n"


def test_findings_of_one_kind_are_equal() -> None:
    assert Finding(title="a", type="B", severity=Severity.CRASH) == Finding(
        title="a", type="B", severity=Severity.CRASH
    )
