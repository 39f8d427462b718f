"""A case that waits before one of its guest commands, for somebody to look into its machine.

``vexlab shell`` and ``vexlab debug`` ask for it by an environment variable, which the processes that run cases inherit.
While the case waits it does what it is told on a Unix socket in its machine's folder, a line of JSON each way:
``{"argv": [...]}`` runs a command in the guest. The end of the connection lets the case go on, and so does a file
``go`` beside the socket, which gdb can make.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

import msgspec

from vexlab.deadline import Deadline
from vexlab.debug.gdb import SECTIONS, open_stub, parse_sections
from vexlab.errors import VexlabError
from vexlab.lab import Order
from vexlab.model.event import CaseHalted
from vexlab.plugin.live import Teller
from vexlab.targets.build import debug_file
from vexlab.vm.machine import Machine

STOP = "VEXLAB_STOP_BEFORE"  # 1:9, the ninth command of the case's first machine
SOCKET, GO = "halt", "go"
_ASK_S = 20.0
_COMMAND_S = 3600.0  # of one that somebody types
_TICK_S = 0.2
_STARTER = "grep -m1 ' do_init_module$' /proc/kallsyms; :"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A line that whoever looks into the machine sends."""

    argv: list[str]


@dataclass(slots=True)
class Halt:
    """Halts a case before command ``number`` of its machine; ``vmlinux`` are the kernel's symbols, where there are."""

    machine: Machine
    order: Order
    number: int
    tell: Teller
    vmlinux: Path | None

    def __call__(self, number: int, words: str) -> None:
        """Wait, where this is the command."""
        if number != self.number:
            return
        os.environ.pop(STOP, None)
        _end_deadline()
        with self.machine.transcript.paused():
            self._wait(words)

    def _wait(self, words: str) -> None:
        folder, order = self.machine.files.folder, self.order
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(folder / SOCKET))
            listener.listen(1)
            listener.settimeout(_TICK_S)
            open_stub(self.machine, self.machine.files.gdb)
            symbols = debug_file(order.artifact, order.target.module)
            heard = self.tell.halted(
                CaseHalted(
                    node="",
                    number=self.number,
                    words=words[:300],
                    socket=str(folder / SOCKET),
                    stub=str(self.machine.files.gdb),
                    console=str(self.machine.files.console_log),
                    module=order.target.module,
                    symbols=str(symbols or ""),
                    vmlinux=str(self.vmlinux or ""),
                    source=str(order.target.source or ""),
                    sections=parse_sections(self.machine.ash(SECTIONS, order.target.module, timeout=_ASK_S).text),
                    starter=_address(self.machine.ash(_STARTER, timeout=_ASK_S).text),
                )
            )
            self.machine.clock.stand()
            while heard and self.machine.alive and not (folder / GO).exists():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection, contextlib.suppress(OSError):
                    self._serve(connection)
                break
            else:  # gdb has said so, and may stop the machine again
                self.machine.debugged = True
            self.machine.clock.go()

    def _serve(self, connection: socket.socket) -> None:
        """Do what is asked until the connection ends."""
        connection.settimeout(None)
        with connection.makefile("rw", encoding="utf-8") as lines:
            for line in lines:
                json.dump(self._done(line), lines)
                lines.write("\n")
                lines.flush()

    def _done(self, line: str) -> dict[str, object]:
        deadline = Deadline.after(_COMMAND_S)  # of the host's time: the machine's stands still
        try:
            argv = msgspec.json.decode(line, type=Asked).argv
            result = self.machine.commands.fastest(deadline).exec(argv, deadline)
        except VexlabError as error:
            return {"error": error.message, "lost": not self.machine.alive}
        except ValueError as error:  # what no program can be given: a NUL, or half a character
            return {"error": f"this cannot be run: {error}"}
        return {"status": result.status, "out": result.text, "error": result.error_text}


def wanted() -> tuple[int, int]:
    """Return the number of the case's machine and of the guest command that is to be waited before, 0 for none."""
    machine, _, command = os.environ.get(STOP, "").partition(":")
    return (int(machine), int(command)) if machine.isdecimal() and command.isdecimal() else (0, 0)


def _address(line: str) -> int:
    word = line.split(" ", 1)[0]
    return int(word, 16) if word.strip("0123456789abcdef") == "" and word else 0


def _end_deadline() -> None:
    """Let the case take all the time from now on (``vexlab.plugin.retry``): somebody thinks."""
    faulthandler.cancel_dump_traceback_later()
    signal.setitimer(signal.ITIMER_REAL, 0)
