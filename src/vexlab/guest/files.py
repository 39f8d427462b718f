"""What goes into the guest for a module that was built: itself, its programs, and vexlab's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vexlab.guest.module import FOLDER
from vexlab.model.target import ModuleArtifact, Target, program_of
from vexlab.vm.machine import Machine
from vexlab.workloads import LIBRARY, RUNNER

GuestFile = tuple[str, Path, int]  # path there, file here, mode


def guest_files(artifact: ModuleArtifact) -> tuple[GuestFile, ...]:
    """Return what goes into the guest for ``artifact``."""
    tools = tuple((f"{FOLDER}/bin/{name}", file, 0o755) for name, file in artifact.tools)
    library = tuple((f"{FOLDER}/lib/{file.name}", file, 0o644) for file in LIBRARY)
    module = artifact.path
    return ((f"{FOLDER}/{module.name}", module, 0o644), *tools, *library) if module else (*tools, *library)


def program_files(artifact: ModuleArtifact) -> tuple[GuestFile, ...]:
    """Return those of ``guest_files`` that a change of the module leaves as they are: programs and what they read."""
    return tuple(file for file in guest_files(artifact) if file[1] != artifact.path)


def put_files(machine: Machine, files: Sequence[GuestFile]) -> None:
    """Put files into the guest and start the command runner where it is one of them.

    It comes first: it takes a file in a sixth of the agent's time. A module alone finds its folder, and the first
    command in a machine costs more than the file.
    """
    runner = f"{FOLDER}/bin/{RUNNER}"
    if any(str(Path(path).parent) != FOLDER for path, _, _ in files):
        machine.exec(["mkdir", "-p", f"{FOLDER}/bin", f"{FOLDER}/lib"])
    for path, source, mode in sorted(files, key=lambda file: file[0] != runner):
        machine.push(source, path, mode=mode)
        if path == runner:  # a module given as a file comes without our programs
            machine.start_runner(runner)


def programs_of(target: Target) -> tuple[str, ...]:
    """Return the programs of the target that nearly every case runs."""
    return tuple(program_of(command) for command in (target.mkfs, target.fsck) if command)
