"""The processes of one run on a host in which its cases run (``cluster.slot``), from the side of who starts them."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from vexlab.cluster.slot import Judged, Message, Over, Ready, Told, main
from vexlab.errors import InfraError

_READY_S = 300.0  # to import the cases of a large plan on a busy host
_END_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """How a slot's pytest session is started; ``workers`` is how many processes run cases in all."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    workers: int
    temporary: Path  # a slot's temporary folder is made below it


class Slot:
    """A process that runs one case at a time; ``ready`` is what it collected. Raises ``InfraError`` where it dies.

    It is started by the thread of ``starter``, since the kernel ends it together with the thread that started it.
    """

    def __init__(self, session: Session, starter: ThreadPoolExecutor, number: int) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        arguments = [*session.arguments, "--basetemp", str(session.temporary / f"slot-{number}")]
        given = (theirs, arguments, dict(session.environment), session.workers)
        self._process = spawn.Process(target=main, args=given, name=f"vexlab-slot-{number}")
        starter.submit(self._process.start).result()
        theirs.close()
        first = self._next(_READY_S)
        if not isinstance(first, Ready):
            self.close()
            raise InfraError("the process in which cases run ended before it knew its cases")
        self.ready = first

    def run(self, case: str, tell: Callable[[str], None]) -> bytes | None:
        """Run a case and return its result as JSON; ``None`` where the process died. ``tell`` gets encoded events."""
        result = None
        try:
            self._pipe.send(case)
        except OSError:
            return None
        while message := self._next(None):
            if isinstance(message, Told):
                tell(message.line)
            elif isinstance(message, Judged):
                result = message.result
            elif isinstance(message, Over):
                return result
        return result  # it may have judged the case, and died after that

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return self._process.is_alive()

    def close(self) -> None:
        """End the process at once; its janitor ends its machines."""
        with contextlib.suppress(ValueError, OSError):
            self._process.kill()
            self._process.join(_END_S)
        self._pipe.close()

    def _next(self, patience: float | None) -> Message | None:
        try:
            if not self._pipe.poll(patience):
                return None
            message: Message = self._pipe.recv()
        except (EOFError, OSError):
            return None
        return message
