"""The folder that lets anyone check a verdict: what was run, what was said, and how to run it again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from vexlab.model.case import CaseResult
from vexlab.model.verdict import Verdict
from vexlab.plugin.options import run_folder, the_lab
from vexlab.plugin.recorder import Recorder
from vexlab.plugin.replayed import write_replay
from vexlab.plugin.reproduce import kept_artifact_of, request_again, script_of
from vexlab.plugin.watched import WatchedMachine
from vexlab.tables import visible
from vexlab.vm.argv import MachineFiles, qemu_argv
from vexlab.vm.qemu import PROGRAM
from vexlab.vm.template import start_of

CASE = "case.json"
AGAIN = "again.json"  # the request that runs the case again as it was
COMMANDS = "commands.txt"
FAILED_HERE = "the case failed here; what follows is its end, and our last questions"
MACHINE = "machine"
_WORDS_MOST = 1 << 20  # a case may quote what the guest said


def write_evidence(item: pytest.Item, recorder: Recorder, result: CaseResult, words: str) -> None:
    """Write the case's folder; the console and the post-mortem are there already."""
    folder = recorder.folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CASE).write_bytes(msgspec.json.format(msgspec.json.encode(result)))
    if words:
        (folder / "outcome.txt").write_text(words[:_WORDS_MOST], errors="replace")
    for number, finding in enumerate(result.findings, 1):
        (folder / f"finding-{number}.txt").write_text(f"{finding.title}\n\n{finding.text}\n")
    again = request_again(item, recorder, result)
    (folder / AGAIN).write_bytes(msgspec.json.format(msgspec.json.encode(again)))
    script = folder / "reproduce"
    script.write_text(script_of(again))
    script.chmod(0o755)
    if result.verdict not in (Verdict.PASSED, Verdict.SKIPPED):
        for ordinal, watched, where in recorder.numbered:
            lines = "".join(f"{line}\n" for line in _commands(ordinal, watched))
            (folder / where / COMMANDS).write_text(lines, errors="replace")
    if recorder.order and result.findings:
        write_replay(folder, recorder.machines, kept_artifact_of(item, recorder.order, result))
    _keep_machine(item, recorder, folder)


def _commands(ordinal: int, watched: WatchedMachine) -> Iterator[str]:
    """Yield what was done in a machine: number, seconds since it came up, status, words."""
    transcript = watched.machine.transcript
    yield f"{MACHINE} {ordinal}"
    for number, done in transcript.done.items():
        status = "-" if done.status is None else f"status {done.status}"
        yield visible(f"{number:6} {done.at:9.3f} s  {status:10} {done.words}")
        if number == watched.failed_after:
            yield f"       {FAILED_HERE}"
    if left_out := transcript.count - max(transcript.done, default=transcript.count):
        yield f"{left_out} more are not written down"


def _keep_machine(item: pytest.Item, recorder: Recorder, folder: Path) -> None:
    """Write down QEMU's command line, and once for each kernel the console of the boot before the snapshot."""
    if recorder.order is None:
        return
    lab = the_lab(item.config)
    snapshot, spec = lab.snapshot(recorder.order)
    start = start_of(snapshot, single_thread_tcg=recorder.order.single_thread_tcg)
    argv = qemu_argv(spec, MachineFiles(Path("MACHINE")), start)
    (folder / "qemu.txt").write_text(f"snapshot {snapshot.name}\n{shlex.join([PROGRAM, *argv])}\n")
    log = run_folder(item.config) / f"boot-{snapshot.name}.log"
    if not log.exists():
        log.write_text(lab.boot_log(recorder.order))
