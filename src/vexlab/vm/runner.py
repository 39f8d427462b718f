"""The guest's command runner (``workloads/runner``): commands a tenth of the price that the agent asks.

A started program's output comes by itself, and so does word of its end. Several commands may run at once.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vexlab.deadline import Deadline
from vexlab.errors import GuestTimeout, MachineError, MachineLost, TaskBlocked
from vexlab.model.machine import CommandResult
from vexlab.vm import frames
from vexlab.vm.agent import ENVIRONMENT, timed_out
from vexlab.vm.channel import lost_connection
from vexlab.vm.frames import Answer, Ended, Kind, Request

OUTPUT_MOST = 16 << 20  # bytes of each stream, the agent's limit (GUEST_EXEC_MAX_OUTPUT in qga/commands.c)
_UNBOUNDED = 1 << 62
_TICK_S = 0.05
_OTHER_S = 0.02  # how long one thread leaves another alone with the socket
_RECEIVED = 1 << 18
_CHUNK = 64 << 10

Chunk = Callable[[int, bytes], None]
"""Takes output as it comes: 1 or 2 for the stream, and the bytes."""


@dataclass(slots=True)
class _Job:
    """What is known of one command, or of one question, for which ``answer`` is the answer."""

    number: int
    most: int
    pid: int = 0
    streams: tuple[bytearray, bytearray] = field(default_factory=lambda: (bytearray(), bytearray()))
    seen: list[int] = field(default_factory=lambda: [0, 0])
    ended: Ended | None = None
    answer: bytes | None = None

    @property
    def done(self) -> bool:
        return self.ended is not None or self.answer is not None

    @property
    def truncated(self) -> bool:
        return self.ended is not None and (self.ended.cut or max(self.seen) > self.most)


class Runner:
    """A connection to the command runner of one machine.

    ``idle`` is called while an answer is awaited and may raise. Methods raise ``GuestTimeout``, ``OddAnswer`` and
    ``MachineLost`` as ``Agent``'s do.
    """

    def __init__(
        self,
        path: Path,
        *,
        idle: Callable[[], None] | None = None,
        stopwatch: Callable[[], float] | None = None,
    ) -> None:
        self._name = path.name
        self._idle = idle
        self._stopwatch = stopwatch
        self._answers = frames.Answers()
        self._jobs: dict[int, _Job] = {}
        self._numbers = itertools.count(1)
        self._sending = threading.Lock()
        self._turn = threading.Condition()  # a case may use threads: one of them reads for all
        self._reading = False
        self.answers = False  # whether it did when it was last asked
        self._synced = False
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise MachineLost(f"nobody listens on {path}") from error
        self._socket.setblocking(False)  # noqa: FBT003 - the socket module's own signature

    def greet(self, deadline: Deadline) -> None:
        """Hear a sign of life; the first time, get into step, as the agent's ``guest-sync-delimited`` does."""
        nonce = os.urandom(frames.NONCE)
        with self._question() as job:
            if self._synced:
                self._send(frames.ping(job.number, nonce), deadline)
            else:
                with self._turn:
                    self._answers.seek(job.number, nonce)
                self._send(frames.sync(job.number, nonce), deadline)
            self._wait(job, deadline)
            if job.answer != nonce:
                raise frames.odd("a sign of life", job.answer or b"")
        self._synced = self.answers = True

    def exec(
        self,
        argv: Sequence[str],
        deadline: Deadline,
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        chunk: Chunk | None = None,
    ) -> CommandResult:
        """Run a command and return how it ended; as ``Agent.exec``.

        With ``chunk`` output is given to that instead, without a limit; the command is killed, with all of its process
        group, where its time is over or ``chunk`` raises.
        """
        clock = self._stopwatch or deadline.clock
        begun, started = deadline.clock(), clock()
        most = _UNBOUNDED if chunk else OUTPUT_MOST
        with self._question(most) as job:
            try:
                self._start(job, argv, stdin, env or {}, deadline, group=chunk is not None)
                self._wait(job, deadline, chunk)
            except TaskBlocked as error:
                self._abandon(job, kill=chunk is not None)
                error.pid = job.pid
                raise
            except GuestTimeout as error:
                self._abandon(job, kill=chunk is not None)
                raise timed_out(argv, job.pid, deadline.clock() - begun, clock() - started) from error
            except BaseException:
                self._abandon(job, kill=chunk is not None)
                raise
        return _result(argv, job, clock() - started)

    def close(self) -> None:
        """Close the connection; the runner goes on."""
        self._socket.close()

    def _start(
        self,
        job: _Job,
        argv: Sequence[str],
        stdin: bytes,
        env: Mapping[str, str],
        deadline: Deadline,
        *,
        group: bool,
    ) -> None:
        variables = {os.fsencode(name): os.fsencode(value) for name, value in {**ENVIRONMENT, **env}.items()}
        words = [os.fsencode(word) for word in argv]
        order = frames.run(job.number, words, variables, most=job.most, group=group)
        pieces = [stdin[at : at + _CHUNK] for at in range(0, len(stdin), _CHUNK)]
        data = [frames.request(Request.DATA, job.number, piece) for piece in pieces]
        self._send(b"".join([*data, order]), deadline)

    def _abandon(self, job: _Job, *, kill: bool) -> None:
        """Want no more of a job, without waiting for a guest that may be dead."""
        self.answers = False
        words = frames.request(Request.FORGET, job.number)
        if kill:
            words = frames.kill(job.number, signal.SIGKILL) + words
        with contextlib.suppress(OSError), self._sending:
            self._socket.send(words)  # where there is no room for all of it, it is dropped, and so is what the job says

    @contextlib.contextmanager
    def _question(self, most: int = 0) -> Iterator[_Job]:
        job = _Job(next(self._numbers), most)
        self._jobs[job.number] = job
        try:
            yield job
        finally:
            del self._jobs[job.number]

    def _send(self, data: bytes, deadline: Deadline) -> None:
        view = memoryview(data)
        with self._sending:
            while view:
                try:
                    view = view[self._socket.send(view) :]
                except BlockingIOError:
                    self._wait_for_room(deadline)
                except OSError as error:
                    raise lost_connection(self._name, str(error), self._idle) from error

    def _wait_for_room(self, deadline: Deadline) -> None:
        if select.select([], [self._socket], [], min(_TICK_S, deadline.remaining))[1]:
            return
        self._check(deadline)

    def _wait(self, job: _Job, deadline: Deadline, chunk: Chunk | None = None) -> None:
        """Wait until ``job`` is done, reading for all jobs or letting another thread do it."""
        if self._idle:
            self._idle()
        while True:
            with self._turn:
                if self._reading and not job.done:
                    self._turn.wait(_OTHER_S)
                mine = not self._reading and not job.done
                self._reading = self._reading or mine
            try:
                if mine:
                    self._receive(deadline)
            finally:
                if mine:
                    with self._turn:
                        self._reading = False
                        self._turn.notify_all()
            done = job.done
            if chunk:
                _hand_over(job, chunk)
            if done:
                return
            self._check(deadline)

    def _check(self, deadline: Deadline) -> None:
        if self._idle:
            self._idle()
        if deadline.expired:
            raise GuestTimeout(f"no answer on {self._name} in time")

    def _receive(self, deadline: Deadline) -> None:
        """Take what has arrived, waiting a moment for it."""
        if not select.select([self._socket], [], [], min(_TICK_S, deadline.remaining))[0]:
            return
        try:
            data = self._socket.recv(_RECEIVED)
        except OSError as error:
            raise lost_connection(self._name, str(error), self._idle) from error
        if not data:
            raise lost_connection(self._name, "closed by QEMU", self._idle)
        with self._turn:
            self._answers.feed(data)
            while answer := self._answers.next():
                self._take(answer)

    def _take(self, answer: Answer) -> None:
        job = self._jobs.get(answer.number)
        if job is None:
            return  # of a command that nobody waits for any more
        match answer.kind:
            case Kind.SYNC | Kind.PONG:
                job.answer = answer.body
            case Kind.STARTED:
                job.pid = frames.started(answer.body)
            case Kind.ENDED:
                job.ended = frames.ended(answer.body)
            case Kind.OUT | Kind.ERR:
                at = 0 if answer.kind is Kind.OUT else 1
                job.streams[at].extend(answer.body[: max(0, job.most - job.seen[at])])
                job.seen[at] += len(answer.body)


def _hand_over(job: _Job, chunk: Chunk) -> None:
    for at, stream in enumerate(job.streams):
        if stream:
            data = bytes(stream)
            del stream[: len(data)]
            chunk(at + 1, data)


def _result(argv: Sequence[str], job: _Job, duration: float) -> CommandResult:
    ended = job.ended
    if ended is None:
        raise MachineError(f"`{argv[0]}` has not ended")
    errors = bytes(job.streams[1])
    status = 128 + ended.signal if ended.signal else ended.status
    if ended.error:
        status = 127  # as a shell would say
        errors = f"Failed to execute child process “{argv[0]}” ({os.strerror(ended.error)})".encode()
    return CommandResult(
        argv=tuple(argv),
        status=status,
        signal=ended.signal,
        stdout=bytes(job.streams[0]),
        stderr=errors,
        duration=duration,
        truncated=job.truncated,
        guest_s=ended.seconds,
    )
