"""What the scripts of a bundle are told: the steps, the machine, the lines that show the problem again. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from vexlab.errors import InfraError
from vexlab.model.machine import Disk, MachineSpec
from vexlab.model.replay import Act, Replay, Step
from vexlab.model.report import Report
from vexlab.tables import visible
from vexlab.vm.agent import ENVIRONMENT
from vexlab.vm.argv import MachineFiles, accelerator, replay_argv

IN_GUEST = "/vexlab/replay"
_PAUSE_LEAST_S, _PAUSE_MOST_S = 0.3, 600.0
_LINGER_S = (5.0, 120.0)  # at least, at most: what a kernel still says when all is done
_BOOT_S = 120.0
_SLOWER = 3.0  # than when it was recorded
_SWITCH = "exec $bb switch_root /newroot /sbin/vexlab-init\n"

# [   12.345678] BUG: …  ·  [   12.345678][  T123] BUG: …  ·  <4>[   12.345678] BUG: …
_STAMP = re.compile(r"^(?:<\d+>)?(?:\[ *\d+\.\d+\] ?)?(?:\[ *[TC]\d+\] ?)?")
# what differs from one boot to the next: addresses, sizes, process ids
_NUMBER = re.compile(r"\b(?:0x)?[0-9a-f]{6,}\b|\b0x[0-9a-f]+\b|\b\d+\b")
_SPECIAL = re.compile(r"([][\\.^$*+?(){}|])")


def init_script(init: str) -> str:
    """Return the initramfs' first process, made to put the bundle's files into the root and to begin there."""
    if _SWITCH not in init:
        raise InfraError("the initramfs' init has no line that a bundle knows", hint="this is a mistake in vexlab")
    taken = f"$bb cp -a /vexlab /newroot/\nexec $bb switch_root /newroot {IN_GUEST}/init\n"
    return init.replace(_SWITCH, taken)


def steps_text(replay: Replay) -> str:
    """Return the file ``steps``: what the guest's script does, one step a line."""
    environment = " ".join(f"{name}={value}" for name, value in ENVIRONMENT.items())
    lines = [f"environment={shlex.quote(environment)}", *_lines(replay.before), *_lines(replay.steps)]
    last = replay.steps[-1].at if replay.steps else 0.0
    least, most = _LINGER_S
    return "\n".join([*lines, f"pause {min(most, max(least, replay.ended - last)):.1f}", ""])


def _lines(steps: Sequence[Step]) -> Iterator[str]:
    """Yield a line for each step; a command that ended before anything else happened is one step with its end."""
    earlier: Step | None = None
    for number, step in enumerate(steps):
        gap = step.at - earlier.at if earlier else 0.0
        if step.act is not Act.END and gap >= _PAUSE_LEAST_S:
            yield f"pause {min(gap, _PAUSE_MOST_S):.1f}"
        following = steps[number + 1] if number + 1 < len(steps) else None
        if step.act is Act.PUT:
            yield shlex.join(["put", step.data, f"{step.mode:o}", step.path])
        elif step.act is Act.BEGIN and following and _ends(following, step):
            yield f"step {step.number} {following.status} {_command(step)}"
        elif step.act is Act.BEGIN:
            yield f"start {step.number} {_command(step)}"
        elif not (earlier and _ends(step, earlier)):
            yield f"finish {step.number} {step.status}"
        earlier = step


def _ends(step: Step, begun: Step) -> bool:
    return step.act is Act.END and begun.act is Act.BEGIN and step.number == begun.number


def _command(step: Step) -> str:
    source = f"{IN_GUEST}/files/{step.data}" if step.data else "/dev/null"
    return shlex.join([source, *(f"{name}={value}" for name, value in step.env), *step.argv])


def headline_of(report: Report) -> str:
    """Return the line that a report begins with, as the kernel printed it."""
    return next((line for line in (report.headline, *report.text.splitlines()) if line.strip()), report.title)


def pattern_of(line: str) -> str:
    """Return the extended regular expression (grep -E) of a line of the kernel's, whatever its numbers are."""
    bare = _STAMP.sub("", line.rstrip())
    parts = [_SPECIAL.sub(r"\\\1", part) for part in _NUMBER.split(bare)]
    return "[0-9a-fx]+".join(parts)


def function_pattern(report: Report) -> str:
    """Return the expression of the function that a report blames; empty where its text does not name it."""
    for name in (report.target_frame, report.frame):
        if name and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", report.text):
            return _SPECIAL.sub(r"\\\1", name) + "([^[:alnum:]_]|$)"
    return ""


def seconds_at_most(replay: Replay) -> int:
    """Return how long a machine may take from its start to the end of what is done in it."""
    return round(_BOOT_S * replay.spec.timeout_scale + _SLOWER * replay.ended + _LINGER_S[1])


def facts_text(replay: Replay, report: Report, spec: MachineSpec) -> str:
    """Return the file ``facts`` for ``run.sh``; ``spec`` is the machine's with the names that its files have there."""
    accel, cpu = accelerator(spec, single_thread_tcg=replay.single_thread_tcg)
    facts: Mapping[str, str] = {
        "PROBLEM": visible(" ".join(report.title.split())),
        "HEADLINE": pattern_of(headline_of(report)),
        "FUNCTION": function_pattern(report),
        "FOUND_WITH": accel,
        "FOUND_ON": cpu,
        "TAKES_AT_MOST": str(seconds_at_most(replay)),
    }
    argv = shlex.join(replay_argv(spec, MachineFiles(Path())))
    lines = [f"{name}={shlex.quote(value)}" for name, value in facts.items()]
    return "\n".join([*lines, f'qemu() {{ exec "$QEMU" -accel "$ACCEL" -cpu "$CPU" {argv}; }}', ""])


def file_of(disk: Disk) -> str:
    """Return the name of a disk's file in a bundle."""
    return f"{disk.serial}.img" if disk.file else f"{disk.serial}.qcow2"
