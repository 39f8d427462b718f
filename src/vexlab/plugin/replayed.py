"""What was done in the machines of a case that the kernel complained about, kept for `vexlab problems --bundle`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from vexlab.guest.files import guest_files
from vexlab.guest.module import Script, missing, own_dependencies
from vexlab.lab import Order
from vexlab.model.profile import GUEST_FILE, guest_text
from vexlab.model.replay import FILE, FOLDER, Act, Placed, Replay, Step
from vexlab.model.target import ModuleArtifact
from vexlab.model.verdict import Source
from vexlab.plugin.watched import WatchedMachine
from vexlab.vm.transcript import Transcript

CONSOLE = "console.log"


def write_replay(folder: Path, machines: Sequence[tuple[WatchedMachine, str]], artifact: ModuleArtifact) -> None:
    """Write what was done in the ``machines`` that had findings, each with the folder its console is in.

    ``artifact`` is what they had, in files that stay.
    """
    kept = [replay_of(watched, console, artifact) for watched, console in machines if watched.findings]
    if not kept:
        return
    (folder / FOLDER).mkdir(exist_ok=True)
    wanted = {step.data for replay in kept for step in (*replay.before, *replay.steps)}
    for watched, _ in machines:
        data = {**watched.machine.transcript.data, **_before(watched.order).data}
        for name in wanted & data.keys():
            (folder / FOLDER / name).write_bytes(data[name])
    (folder / FILE).write_bytes(msgspec.json.encode(kept, enc_hook=str))


def replay_of(watched: WatchedMachine, console: str, artifact: ModuleArtifact) -> Replay:
    """Return what was done in one machine, whose console is in the folder ``console`` of the evidence."""
    order, transcript = watched.order, watched.machine.transcript
    files = (Placed(path=path, source=str(file.absolute()), mode=mode) for path, file, mode in guest_files(artifact))
    return Replay(
        spec=watched.machine.spec,
        module=order.target.module,
        console=str(Path(console, CONSOLE)),
        titles=tuple(each.title for each in watched.findings if each.source is Source.CONSOLE),
        single_thread_tcg=order.single_thread_tcg,
        files=tuple(files),
        before=tuple(_before(order).steps),
        steps=tuple(transcript.steps),
        ended=transcript.now,
        why_not=transcript.why_not,
    )


def _before(order: Order) -> Transcript:
    """Return what was done when the machine was made, before its template was saved."""
    transcript = Transcript()
    if order.profile:
        transcript.put(guest_text(order.profile).encode(), GUEST_FILE, 0o644)
    scripts: Iterable[Script | None] = (own_dependencies(order.target), missing(order.target))
    for number, script in enumerate(filter(None, scripts), len(transcript.steps) + 1):
        began = Step(act=Act.BEGIN, number=number, at=0.0, argv=script.argv, env=tuple(script.env.items()))
        transcript.steps += [began, Step(act=Act.END, number=number, at=0.0)]
    return transcript
