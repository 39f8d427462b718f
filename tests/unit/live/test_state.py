"""A run's state is what its events say, from a journal of today or of May; the monitor shows it in any terminal."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console
from tests.unit.live.recorded import HOSTILE, PLAN, T0, begun, info, record, whole

from vexlab.cli.monitor import command
from vexlab.live.attach import attach, replay
from vexlab.live.estimate import history_of, pace, remaining_s, slow_cases
from vexlab.live.host import HostUse, HostWatch, MachineUse, MachineWatch, console_tail
from vexlab.live.state import LiveRun, counts_of
from vexlab.model.verdict import Verdict
from vexlab.monitor.screen import View, duration, render
from vexlab.results.journal import FILE, Entry, Journal
from vexlab.results.store import Store

HOST = HostUse(cores=2, cpu=50, load=1.5, memory=8 << 30, memory_free=1 << 28, swap_used=0, disk=9 << 30, disk_free=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as made:
        yield made


def going(store: Store) -> LiveRun:
    run = info()
    return replay(record(store, run, begun(store.folder / run.id, run)) / FILE)


def drawn(run: LiveRun, view: View, width: int = 80) -> str:
    out = io.StringIO()
    Console(file=out, width=width, height=view.height, force_terminal=True, color_system=None).print(render(run, view))
    return out.getvalue()


def test_a_replayed_journal_says_what_goes_on(store: Store) -> None:
    run = going(store)
    assert run.run == info()
    assert counts_of(run) == {"passed": 1, "crashed": 1}
    (case,) = run.running.values()
    assert (case.id, case.step) == ("kernel_module.stress[6.1]", "cycle 3 of 20")
    assert [each.name for each in run.machines_of(PLAN[2].node)] == ["gw0.m2"]
    assert [each.case for each in run.findings] == ["kernel_module.load[6.1]"], "told twice, shown once"
    assert (run.total, len(run.left), run.over) == (4, 2, False)
    assert run.failure_rate == 0.5


def test_the_end_leaves_nothing_running(store: Store) -> None:
    run = replay(whole(store, info()) / FILE)
    assert run.over
    assert (run.running, run.machines, run.left) == ({}, {}, ())
    assert counts_of(run) == {"passed": 2, "crashed": 1, "skipped": 1}


def test_an_entry_that_comes_twice_counts_once(store: Store) -> None:
    run = LiveRun()
    for _ in range(2):
        for seq, event in enumerate(begun(store.folder, info()), 1):
            run.take(Entry(seq=seq, at=T0, event=event))
    assert sum(run.counts.values()) == 2


def test_the_estimate_comes_from_history_and_from_this_run(store: Store) -> None:
    whole(store, info(1))
    later = info(2)
    run = replay(record(store, later, begun(store.folder / later.id, later)) / FILE)
    history = history_of(store, later)
    assert history["kernel_module.build[6.1]"] == 5.0
    assert pace(run, history) == 1.0
    assert remaining_s(run, history, T0 + 2.0) == pytest.approx(3.0 + 5.0)
    assert remaining_s(run, history, T0 + 1000.0) == pytest.approx(5.0), "a case that is late counts as done at once"
    assert list(slow_cases(run, history, T0 + 80.0)) == [PLAN[2].node]
    assert remaining_s(LiveRun(), {}, 0.0) is None


def test_without_a_name_the_run_that_goes_on_is_meant(store: Store) -> None:
    going(store)
    later = info(2)
    whole(store, later)
    assert attach(store).run.id == info().id
    assert attach(store, "last").run.id == later.id


def test_a_screen_of_80_columns_shows_it_all(store: Store) -> None:
    run = going(store)
    view = View(
        now=T0 + 7, host=HOST, uses={"gw0.m2": MachineUse(cpu=97, memory=300 << 20)}, left_s=200, chosen="gw0.m2",
        console=f"[    1.0] hello\n{HOSTILE}\n",
    )  # fmt: skip
    lines = drawn(run, view).splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert len(lines) <= 24
    screen = "\n".join(lines)
    for words in (
        "2/4",
        "1 crashed",
        "3 min 20 s left",
        "cycle 3",
        " 7 ",
        "97",
        "300",
        "finding",
        "hello",
        "0.2 of 8.0",
    ):
        assert words in screen
    assert not set("\x1b\x07\u202e") & set(screen), "what a guest printed drives no terminal"


@pytest.mark.parametrize(("width", "height"), [(40, 10), (80, 24), (200, 60)])
def test_it_fits_into_any_terminal(store: Store, width: int, height: int) -> None:
    lines = drawn(going(store), View(now=T0, height=height, host=HOST, chosen="gw0.m2", console="x\n" * 99), width)
    assert all(len(line) <= width for line in lines.splitlines())
    assert len(lines.splitlines()) <= max(height, 10)


def test_a_run_whose_process_is_gone_is_told(store: Store) -> None:
    assert "its process is gone" in drawn(going(store), View(now=T0, alive=False))


@pytest.mark.parametrize(
    ("seconds", "words"), [(1.5, "1 s"), (61, "1 min 1 s"), (7260, "2 h 1 min"), (90_000, "1 d 1 h")]
)
def test_durations_are_for_people(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_json_streams_the_events(store: Store) -> None:
    folder = whole(store, info())
    result = CliRunner().invoke(command, ["--json", "--results", str(store.folder)], catch_exceptions=False)
    assert result.stdout_bytes == (folder / FILE).read_bytes()


def test_what_is_no_terminal_gets_lines(store: Store) -> None:
    whole(store, info())
    result = CliRunner().invoke(command, ["--results", str(store.folder)], catch_exceptions=False)
    lines = result.output.splitlines()
    assert lines[-1].endswith("FAILED: the module is at fault")
    assert any("crashed   kernel_module.load[6.1]" in line for line in lines)
    assert "\x1b" not in result.output


def test_a_run_without_a_journal_is_told(store: Store) -> None:
    (whole(store, info()) / FILE).unlink()
    result = CliRunner().invoke(command, ["--results", str(store.folder)])
    assert "has no journal" in str(result.exception)


def machine_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "vexlab-abc" / "m1"
    folder.mkdir(parents=True)
    return folder


def test_a_console_is_read_from_its_end(tmp_path: Path) -> None:
    file = machine_folder(tmp_path) / "console.log"
    file.write_bytes(b"x" * 100 + b"the end\xff\n")
    assert console_tail(str(file), most=9) == "the end\N{REPLACEMENT CHARACTER}\n"


def test_a_journal_cannot_have_any_file_read(tmp_path: Path) -> None:
    folder = machine_folder(tmp_path)
    (tmp_path / "secret").write_text("s")
    (folder / "console.log").symlink_to(tmp_path / "secret")
    assert console_tail(str(folder / "console.log")) == ""
    os.mkfifo(folder / "fifo")
    for path in ("/etc/passwd", str(tmp_path / "secret"), str(folder / "fifo"), "", "\0", str(folder / "../../secret")):
        assert console_tail(path) == ""


def test_only_the_machine_that_is_meant_is_looked_at(tmp_path: Path) -> None:
    assert MachineWatch().look(os.getpid(), str(tmp_path / "m1" / "console.log")) is None
    assert MachineWatch().look(0, "") is None


def test_the_host_is_looked_at(tmp_path: Path) -> None:
    use = HostWatch(tmp_path).look()
    assert use.cores >= 1
    assert 0 < use.memory_free <= use.memory
    assert 0 < use.disk_free <= use.disk


def test_a_killed_run_leaves_a_journal_that_is_shown(store: Store) -> None:
    run = info()
    journal = Journal()
    (store.folder / run.id).mkdir()
    for event in begun(store.folder / run.id, run):
        journal.take(event)
    found = replay(store.folder / run.id / FILE)
    assert sum(found.counts.values()) == 2
    assert not found.over
    assert found.counts[Verdict.CRASHED] == 1
