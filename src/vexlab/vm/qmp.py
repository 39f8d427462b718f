"""QEMU's machine protocol (docs/interop/qmp-spec.rst), the part a laboratory needs.

Written here rather than taken from ``qemu.qmp``: that library is asyncio through and through, this one is synchronous
and takes our deadlines.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vexlab.deadline import Deadline
from vexlab.errors import GuestTimeout, MachineError, MachineLost
from vexlab.vm.channel import Channel

_ANSWER_S = 30.0


class Qmp:
    """A connection to a running QEMU. Events are kept until ``events`` is asked for them."""

    def __init__(self, path: Path, deadline: Deadline) -> None:
        self._channel = Channel(path, deadline)
        self._events: list[Mapping[str, Any]] = []
        self._numbers = itertools.count(1)
        self._alone = threading.RLock()  # a case may use threads
        self._channel.line(deadline)  # the greeting
        self.command("qmp_capabilities")

    def command(
        self,
        name: str,
        arguments: Mapping[str, object] | None = None,
        *,
        timeout: float = _ANSWER_S,
        descriptors: tuple[int, ...] = (),
    ) -> Any:
        """Run a command and return its answer; raise ``MachineError`` with QEMU's words where it refuses."""
        number = next(self._numbers)  # an answer that nobody waited for must not be taken for the next one's
        request = {"execute": name, "arguments": dict(arguments or {}), "id": number}
        with self._alone:
            self._channel.send_json(request, descriptors=descriptors)
            return self._answer(name, number, timeout)

    def _answer(self, name: str, number: int, timeout: float) -> Any:
        deadline = Deadline.after(timeout)
        while True:
            try:
                message = json.loads(self._channel.line(deadline))
            except GuestTimeout as error:  # no guest has a say in this
                raise MachineError(f"QEMU did not answer {name} within {timeout:g} s") from error
            if "event" in message:
                self._events.append(message)
            elif message.get("id", number) != number:
                continue
            elif "error" in message:
                raise MachineError(f"QEMU refused {name}: {message['error'].get('desc', message['error'])}")
            else:
                return message["return"]

    def hmp(self, line: str) -> str:
        """Run a command of the human monitor and return what it printed."""
        return str(self.command("human-monitor-command", {"command-line": line}))

    def events(self) -> list[Mapping[str, Any]]:
        """Return the events that have arrived since the last call, without waiting."""
        with self._alone:
            arrived = [json.loads(line) for line in self._channel.pending()]
            events, self._events = self._events + [each for each in arrived if "event" in each], []
        return events

    def job(self, command: str, arguments: Mapping[str, object], *, timeout: float) -> None:
        """Run a command that starts a job, and wait for its end; raise ``MachineError`` where the job fails."""
        name = f"job-{command}"
        self.command(command, {"job-id": name, **arguments})
        for _ in Deadline.after(timeout).poll():
            job = next(job for job in self.command("query-jobs") if job["id"] == name)
            if job["status"] == "concluded":
                self.command("job-dismiss", {"id": name})
                if "error" in job:
                    raise MachineError(f"QEMU's {command} failed: {job['error']}")
                return
        raise MachineLost(f"QEMU's {command} did not end within {timeout:g} s")

    def close(self) -> None:
        """Close the connection; QEMU goes on."""
        self._channel.close()
