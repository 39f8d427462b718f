"""A run's journal: other processes follow it, a kill loses nothing, what a guest says drives no terminal."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from tests.unit.test_session import CASE, FINDING, PLANNED, RUN

from vexlab.model.case import Plan, RunResult, Summary
from vexlab.model.event import (
    CaseFinished,
    CaseStarted,
    CaseStep,
    Event,
    FindingSeen,
    MachineChanged,
    MachineState,
    RunFinished,
    RunPlanned,
    RunStarted,
    StepStarted,
    Warned,
)
from vexlab.results.journal import FILE, Journal, Reader, follow, parse, to_line

FORK = multiprocessing.get_context("fork")
NODE = PLANNED.node
HOSTILE = "\x1b[2J\x9b31m\u202e\x7f</script>\U0001f4a3\n"


def events(folder: Path) -> list[Event]:
    """Return a small run, from its first step to its end."""
    case = dataclasses.replace(CASE, reason=HOSTILE)
    return [
        StepStarted(words="building"),
        RunStarted(run=RUN, folder=str(folder)),
        RunPlanned(run=RUN.id, plan=Plan(cases=(PLANNED,))),
        CaseStarted(run=RUN.id, node=NODE, key=PLANNED.key),
        MachineChanged(run=RUN.id, node=NODE, machine="gw0.m1", state=MachineState.STARTED, pid=1, memory=256, cpus=2),
        CaseStep(run=RUN.id, node=NODE, words=HOSTILE),
        FindingSeen(run=RUN.id, node=NODE, finding=FINDING),
        MachineChanged(run=RUN.id, node=NODE, machine="gw0.m1", state=MachineState.GONE),
        CaseFinished(run=RUN.id, case=case),
        RunFinished(
            result=RunResult(run=RUN, summary=Summary.of([case]), cases=(case,)), folder=str(folder), seconds=2.0
        ),
    ]


def no_wait() -> None:
    """Go on at once."""


def read(file: Path) -> list[Event]:
    return [entry.event for entry in follow(file, goes_on=lambda: False, wait=no_wait)]


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    told = events(tmp_path)
    journal = Journal(clock=lambda: 7.5)
    for event in told:
        journal.take(event)
    found = list(follow(tmp_path / FILE, goes_on=lambda: False, wait=no_wait))
    assert [entry.seq for entry in found] == list(range(1, len(told) + 1))
    assert {entry.at for entry in found} == {7.5}
    assert [entry.event for entry in found[:8]] == told[:8]
    case = found[8].event
    assert isinstance(case, CaseFinished)
    assert case.case.reason == HOSTILE
    end = found[9].event
    assert isinstance(end, RunFinished)
    assert (end.result.summary, end.result.cases) == (Summary.of([CASE]), ())


def test_a_follower_may_begin_in_the_middle(tmp_path: Path) -> None:
    journal = Journal()
    for event in events(tmp_path):
        journal.take(event)
    found = follow(tmp_path / FILE, goes_on=lambda: False, wait=no_wait, start=8)
    assert [entry.seq for entry in found] == [9, 10]


def test_nothing_in_the_file_drives_a_terminal(tmp_path: Path) -> None:
    journal = Journal()
    for event in events(tmp_path):
        journal.take(event)
    data = (tmp_path / FILE).read_bytes()
    assert set(data) <= set(range(0x20, 0x7F)) | {0x0A}
    assert all(json.loads(line)["seq"] for line in data.splitlines())


def test_words_that_are_no_text_are_told_of() -> None:
    entry = parse(to_line(1, 0.0, StepStarted(words="\udcff")))
    assert entry.event == Warned(words="a StepStarted that is no text")


def test_a_journal_is_bounded_and_tells_the_end_nevertheless(tmp_path: Path) -> None:
    journal = Journal(most=20_000)
    first, started, *_, end = events(tmp_path)
    journal.take(first)
    journal.take(started)
    for _ in range(1000):
        journal.take(CaseStep(run=RUN.id, node=NODE, words="x" * 200))
    journal.take(end)
    found = read(tmp_path / FILE)
    assert (tmp_path / FILE).stat().st_size < 21_000 + len(to_line(1, 0.0, end))
    assert [type(each) for each in found[-2:]] == [Warned, RunFinished]
    assert sum(isinstance(each, Warned) for each in found) == 1


def test_torn_and_foreign_lines_are_passed_over(tmp_path: Path) -> None:
    good = to_line(2, 1.0, StepStarted(words="a"))
    (tmp_path / FILE).write_bytes(b'{"seq": 1\n\xff\xfe\nnull\n' + good + to_line(3, 1.0, StepStarted(words="b"))[:-5])
    assert read(tmp_path / FILE) == [StepStarted(words="a")]


def test_a_line_that_is_being_written_is_read_once_it_is_whole(tmp_path: Path) -> None:
    line = to_line(1, 1.0, StepStarted(words="a"))
    reader = Reader(tmp_path / FILE)
    assert list(reader.new()) == [], "there is no file yet"
    with (tmp_path / FILE).open("wb", buffering=0) as file:
        file.write(line[:30])
        assert list(reader.new()) == []
        file.write(line[30:])
        assert [entry.event for entry in reader.new()] == [StepStarted(words="a")]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(to_line(1, 1.0, StepStarted(words="a")))
    (tmp_path / FILE).symlink_to(tmp_path / "secret")
    with pytest.raises(Exception, match="cannot be read"):
        read(tmp_path / FILE)


def write_until_killed(folder: Path, told: Connection) -> None:
    """Tell of a step, and of which it was, until somebody ends this."""
    journal = Journal()
    journal.take(RunStarted(run=RUN, folder=str(folder)))
    for number in range(1_000_000):
        journal.take(CaseStep(run=RUN.id, node=NODE, words=str(number)))
        told.send(number)


def test_kill_9_loses_no_event_that_was_told(tmp_path: Path) -> None:
    mine, theirs = FORK.Pipe()
    process = FORK.Process(target=write_until_killed, args=(tmp_path, theirs))
    process.start()
    theirs.close()
    last = [mine.recv() for _ in range(500)][-1]
    assert process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    while mine.poll():
        try:
            last = mine.recv()
        except EOFError:
            break
    steps = [each.words for each in read(tmp_path / FILE) if isinstance(each, CaseStep)]
    assert steps[: last + 1] == [str(number) for number in range(last + 1)]


def test_another_process_follows_while_the_run_goes_on(tmp_path: Path) -> None:
    mine, theirs = FORK.Pipe()
    process = FORK.Process(target=write_until_killed, args=(tmp_path, theirs))
    process.start()
    theirs.close()
    found = follow(tmp_path / FILE, goes_on=lambda: True, wait=no_wait)
    seen = [next(found).seq for _ in range(100)]
    assert process.is_alive()
    process.kill()
    process.join(60)
    assert seen == list(range(1, 101)), "it waits for its pipe, which nobody reads, after some 280"
    mine.close()
