"""What is written down of a named machine, and what can be seen of it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import msgspec

from vexlab.errors import InfraError
from vexlab.model.machine import MachineSpec

FILE = "machine.json"
ITS_OWN = "its own"  # what a record says of a kernel that came in somebody else's image
_PAYLOAD, _SYMBOLS = "payload", "module.debug.ko"


class State(StrEnum):
    """What a named machine is doing. ``died`` means that QEMU is gone without having ended in order."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPED = "stopped"
    DIED = "died"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A host file that goes to ``path`` in the guest at every start."""

    path: str
    source: Path
    mode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnImage:
    """Somebody else's image: ``file`` as it was given, ``login`` the user that ssh gets in as.

    ``host_key`` tells that the guest has the host key that it was given, by cloud-init; the key of another is taken on
    its word the first time.
    """

    file: Path
    login: str
    host_key: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A named machine as it was ordered. ``kernel``, ``recipe`` and ``target`` are names, for people.

    ``symbols`` is the module's file with debugging information and ``source`` the folder it was built of, for gdb.
    ``image`` is what the machine was made of where that is no image of vexlab's.
    """

    name: str
    spec: MachineSpec
    kernel: str
    release: str
    recipe: str
    target: str = ""
    payload: tuple[Payload, ...] = ()
    symbols: Path | None = None
    source: Path | None = None
    image: OwnImage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What a named machine is like now. ``since`` is when QEMU started, in seconds since 1970, 0 if it does not run.

    ``words`` is what QEMU printed; ``disk`` are the bytes its folder takes.
    """

    record: Record
    state: State
    pid: int
    since: float
    words: str
    disk: int


def read(folder: Path) -> Record:
    """Return the record in ``folder``; raise ``FileNotFoundError``, or ``InfraError`` where it is damaged."""
    file = folder / FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=Record, dec_hook=lambda kind, value: kind(value))
    except FileNotFoundError:
        raise
    except (OSError, msgspec.MsgspecError) as error:
        hint = f"`vexlab vm rm --force {folder.name}` removes the machine"
        raise InfraError(f"{file} cannot be read: {error}", hint=hint) from error


def write(record: Record, folder: Path) -> None:
    """Write ``record`` to ``folder``, with copies of its payload and symbols: what these came from may change or go."""
    copies = []
    for number, file in enumerate(record.payload):
        copy = folder / _PAYLOAD / str(number)
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(file.source, copy)
        copies.append(replace(file, source=copy))
    symbols = record.symbols and folder / _SYMBOLS
    if record.symbols and symbols:
        shutil.copyfile(record.symbols, symbols)
    data = msgspec.json.encode(replace(record, payload=tuple(copies), symbols=symbols), enc_hook=str)
    (folder / FILE).write_bytes(msgspec.json.format(data))
