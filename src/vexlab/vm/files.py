"""Files between host and guest: small ones by a command, large ones through the port that carries raw bytes."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from vexlab.deadline import Deadline
from vexlab.errors import AgentError
from vexlab.vm.commands import Commands
from vexlab.vm.transfer import Progress, Transfer
from vexlab.workloads import script

BUSYBOX = "/bin/busybox"  # in every image; static, so that nothing is linked
SECTIONS = "/run/vexlab-sections"  # where the code of modules lay that were unloaded, an address a line
_SMALL = 1 << 20  # bytes up to which a transfer of their own does not pay
_SMALL_BY_RUNNER = 4 << 20  # the same where the command runner takes them, as they are

_NAME_PART = script("name_part.sh")
_WRITE_PART = """
cat >"$2" || { rm -f "$2"; exit 1; }
"""
_READ = script("read_file.sh")


def push(
    commands: Commands,
    port: Path,
    source: BinaryIO,
    size: int,
    path: str,
    *,
    mode: int,
    deadline: Deadline,
    progress: Progress,
) -> None:
    """Write ``size`` bytes of ``source`` to the guest's ``path``; raise ``AgentError`` where they do not get there.

    ``port`` is the socket for large files; ``progress`` is told the bytes written so far.
    """
    folder, _, name = path.rpartition("/")
    part = f"{folder}/.{name}.vexlab-part"
    script, data = _NAME_PART, b""
    if size > (_SMALL_BY_RUNNER if commands.has_runner else _SMALL):
        Transfer(commands.agent(deadline), port).push(source, size, part, deadline, progress)
    else:
        script, data = _WRITE_PART + _NAME_PART, source.read()
    argv = [BUSYBOX, "sh", "-c", script, "sh", f"{mode:o}", part, path]
    written = commands.fastest(deadline).exec(argv, deadline, stdin=data)
    if not written.ok:
        raise AgentError(f"{path} cannot be written: {written.error_text or written}")


def pull(
    commands: Commands, port: Path, path: str, into: BinaryIO, *, most: int, deadline: Deadline, progress: Progress
) -> int:
    """Write up to ``most`` bytes of the guest's ``path`` to ``into`` and return their number; as ``push``."""
    argv = [BUSYBOX, "sh", "-c", _READ, "sh", path, str(most), str(_SMALL)]
    read = commands.fastest(deadline).exec(argv, deadline)
    told, _, data = read.stdout.partition(b"\n")
    size, _, kind = told.partition(b" ")
    if not read.ok or kind != b"regular file" or not size.isdigit():
        data = commands.agent(deadline).read_file(path, deadline, most=most)  # also what has no size, as in /proc
    elif (wanted := min(int(size), most)) > _SMALL:
        Transfer(commands.agent(deadline), port).pull(path, wanted, into, deadline, progress)
        return wanted
    return into.write(data[:most])
