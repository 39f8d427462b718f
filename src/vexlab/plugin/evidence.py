"""The folder that lets anyone check a verdict: what was run, what was said, and how to run it again."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import msgspec
import pytest

from vexlab.model.case import CaseResult
from vexlab.plugin.options import run_folder, the_lab
from vexlab.plugin.recorder import Recorder
from vexlab.targets.build import keep_artifact
from vexlab.vm.argv import MachineFiles, qemu_argv
from vexlab.vm.qemu import PROGRAM
from vexlab.vm.template import thawed

CASE = "case.json"
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
    script = folder / "reproduce"
    script.write_text(_reproduce(item, recorder, result))
    script.chmod(0o755)
    _keep_machine(item, recorder, folder)


def _reproduce(item: pytest.Item, recorder: Recorder, result: CaseResult) -> str:
    option = item.config.getoption
    target = recorder.order.target.file if recorder.order else option("vexlab_target")
    argv = ["vexlab", "run", "--case", result.id, "--target", str(target)]
    if result.kernel:
        argv += ["--kernel", result.kernel]
    if recorder.order and (recorder.order.artifact.path or recorder.order.artifact.tools):
        kept = run_folder(item.config) / "artifacts" / result.kernel
        keep_artifact(recorder.order.artifact, kept)
        argv += ["--artifact", str(kept)]
    for name in ("memory", "cpus", "accel"):
        if value := option(f"vexlab_{name}"):
            argv += [f"--{name}", str(value)]
    argv += [str(path) for path in _extra_paths(item)]
    return (
        "#!/bin/sh\n"
        f"# Runs {result.id} again, with the very module this run tested, from the same snapshot.\n"
        f"cd {shlex.quote(str(Path.cwd()))} || exit 2\n"
        f"PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH\n"
        f'exec {shlex.join(argv)} "$@"\n'
    )


def _extra_paths(item: pytest.Item) -> list[Path]:
    """Return the folder of a case that does not ship with vexlab."""
    import vexlab

    shipped = Path(vexlab.__file__).parent
    return [] if shipped in Path(item.path).parents else [Path(item.path).parent]


def _keep_machine(item: pytest.Item, recorder: Recorder, folder: Path) -> None:
    """Write down QEMU's command line, and once for each kernel the console of the boot before the snapshot."""
    if recorder.order is None:
        return
    lab = the_lab(item.config)
    snapshot, spec = lab.snapshot(recorder.order)
    start = thawed(snapshot, in_turn=recorder.order.in_turn)
    argv = qemu_argv(spec, MachineFiles(Path("MACHINE")), start)
    (folder / "qemu.txt").write_text(f"snapshot {snapshot.name}\n{shlex.join([PROGRAM, *argv])}\n")
    log = run_folder(item.config) / f"boot-{snapshot.name}.log"
    if not log.exists():
        log.write_text(lab.boot_log(recorder.order))
