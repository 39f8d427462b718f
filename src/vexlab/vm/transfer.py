"""Files of any size through the port that carries raw bytes, several times faster than through the agent.

The agent starts ``dd`` at the guest's end of the port; the host's end is a socket. Three facts of Linux' virtio_console
driver shape this: a read of a port whose host end is closed returns nothing at once, a write to one waits, and a port
has one user at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import select
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from vexlab.deadline import Deadline
from vexlab.errors import AgentError, GuestTimeout, MachineLost
from vexlab.model.machine import CommandResult
from vexlab.vm.agent import Agent
from vexlab.workloads import script

Progress = Callable[[int], None]

_CHUNK = 256 << 10
_TICK = 0.05
_STOP_S = 5.0

# A transfer whose host end was killed leaves its `dd` behind; it must not eat the next one's bytes.
_END_OTHERS = """
read -r pid </run/vexlab-data.pid && kill -9 "$pid" && while [ -d "/proc/$pid" ]; do sleep 0.02; done
rm -f /run/vexlab-data.pid
"""
_RECEIVE = script("receive_file.sh")
_SEND = """
echo $$ >/run/vexlab-data.pid
exec dd if="$1" of=/dev/vexlab-data bs=1M iflag=count_bytes count="$2" status=none
"""


class Transfer:
    """Files to and from one guest, through the socket ``port``; ``agent`` starts and watches the guest's end.

    Methods raise ``AgentError`` with the guest's words where a file cannot be read or written there, ``GuestTimeout``
    and ``MachineLost``.
    """

    def __init__(self, agent: Agent, port: Path) -> None:
        self._agent = agent
        self._port = port

    def push(self, source: BinaryIO, size: int, path: str, deadline: Deadline, progress: Progress) -> None:
        """Write ``size`` bytes from ``source`` to ``path`` in the guest, telling ``progress`` the bytes so far."""
        with self._opened(deadline) as port, self._running(_RECEIVE, path, size, deadline) as ended:
            done = 0
            view = memoryview(b"")
            while done < size:
                view = view or memoryview(source.read(min(_CHUNK, size - done)))
                if not view:
                    raise AgentError(f"the file shrank to {done} bytes while it was pushed to {path}")
                if select.select([], [port], [], _TICK)[1]:
                    sent = port.send(view)
                    view = view[sent:]
                    done += sent
                    progress(done)
                elif (result := ended()) or deadline.expired:
                    raise _failure("push", path, done, size, result)
            self._finish(ended, "push", path, size, deadline)

    def pull(self, path: str, size: int, into: BinaryIO, deadline: Deadline, progress: Progress) -> None:
        """Write the first ``size`` bytes of the guest's ``path`` to ``into``; ``progress`` as in ``push``."""
        with self._opened(deadline) as port, self._running(_SEND, path, size, deadline) as ended:
            done = 0
            result = None
            while done < size:
                if select.select([port], [], [], _TICK)[0]:
                    data = port.recv(min(_CHUNK, size - done))
                    if not data:
                        raise MachineLost("QEMU closed the port that carries files")
                    into.write(data)
                    done += len(data)
                    progress(done)
                elif result or deadline.expired:
                    raise _failure("pull", path, done, size, result)
                else:
                    result = ended()
            if result is None:
                self._finish(ended, "pull", path, size, deadline)

    @contextlib.contextmanager
    def _opened(self, deadline: Deadline) -> Iterator[socket.socket]:
        """Hold the port against other transfers, also those of other processes."""
        with self._port.with_suffix(".lock").open("w") as lock, socket.socket(socket.AF_UNIX) as port:
            for _ in deadline.poll():
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
            else:
                raise GuestTimeout("another transfer with this machine did not end in time")
            self._agent.exec(["/bin/sh", "-c", _END_OTHERS], deadline)
            try:
                port.connect(str(self._port))
                port.setblocking(False)  # noqa: FBT003 - the socket module's own signature
            except OSError as error:
                raise MachineLost(f"nobody listens on {self._port}: {error}") from error
            yield port

    @contextlib.contextmanager
    def _running(
        self, script: str, path: str, size: int, deadline: Deadline
    ) -> Iterator[Callable[[], CommandResult | None]]:
        argv = ["/bin/sh", "-c", script, "sh", path, str(size)]
        begun = deadline.clock()
        pid = self._agent.begin(argv, deadline)
        try:
            yield lambda: self._agent.ended(pid, argv, deadline, begun)
        except BaseException:
            with contextlib.suppress(AgentError, GuestTimeout, MachineLost):
                self._agent.exec(["/bin/sh", "-c", _END_OTHERS], Deadline.after(_STOP_S))
            raise

    def _finish(
        self,
        ended: Callable[[], CommandResult | None],
        verb: str,
        path: str,
        size: int,
        deadline: Deadline,
    ) -> None:
        for _ in deadline.poll():
            if result := ended():
                if not result.ok:
                    raise _failure(verb, path, size, size, result)
                return
        raise _failure(verb, path, size, size, None)


def _failure(verb: str, path: str, done: int, size: int, result: CommandResult | None) -> Exception:
    if result is None:
        return GuestTimeout(f"{verb} of {path} stopped at {done} of {size} bytes: its time was over")
    words = result.error_text or f"status {result.status}"
    return AgentError(f"{verb} of {path} ended at {done} of {size} bytes: {words}")
