"""The QEMU guest agent (docs/interop/qemu-ga-ref): commands and files, without a network."""

from __future__ import annotations

import base64
import contextlib
import itertools
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from vexlab.deadline import Deadline
from vexlab.errors import AgentError, GuestTimeout, HostBusy, OddAnswer, TaskBlocked
from vexlab.model.machine import CommandResult
from vexlab.vm.channel import Channel

_CHUNK = 1 << 20
_INLINE_STDIN = 64 << 10
_ASK_S = 0.01  # an answer costs an emulated guest 3 ms, and hardly a command ends sooner than this
ENVIRONMENT = {
    "PATH": "/vexlab/bin:/usr/sbin:/usr/bin:/usr/local/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "PYTHONPATH": "/vexlab/lib",
}
_ids = itertools.count(os.getpid() % 1000 * 1_000_000)
_SHOWN = 80  # characters of an answer that is none
# With twice as many busy processes as CPUs a machine gets a third of them; below this only the host was slow.
_ENOUGH = 0.25
_COMMAND_MOST = 160
_NOISE_MOST = 1000  # lines that are passed over in search of one answer

T = TypeVar("T")
_Status = Annotated[int, msgspec.Meta(ge=0, le=0xFFFFFFFF)]


class _Fault(msgspec.Struct):
    desc: str = ""


class _Answer(msgspec.Struct):
    """One line from the agent; either part may be missing."""

    returned: msgspec.Raw = msgspec.field(name="return", default_factory=msgspec.Raw)
    error: _Fault | None = None


class _Started(msgspec.Struct):
    pid: Annotated[int, msgspec.Meta(gt=0, lt=1 << 31)]


class _Ended(msgspec.Struct, rename="kebab"):
    """An answer to ``guest-exec-status``; bytes come as base64."""

    exited: bool
    exitcode: _Status | None = None
    signal: _Status | None = None
    out_data: bytes = b""
    err_data: bytes = b""
    out_truncated: bool = False
    err_truncated: bool = False


class _Written(msgspec.Struct):
    count: int


class _Read(msgspec.Struct):
    count: int
    eof: bool
    buf: bytes = msgspec.field(name="buf-b64", default=b"")


class _Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """An empty object."""


class Agent:
    """A connection to the agent of one machine.

    ``idle`` is called while an answer is awaited and may raise. Methods raise ``AgentError`` where the agent refuses,
    ``GuestTimeout`` where it does not answer in time, ``OddAnswer`` where what it sends is no answer, ``MachineLost``
    where nobody is left to answer.
    """

    def __init__(
        self,
        path: Path,
        deadline: Deadline,
        *,
        idle: Callable[[], None] | None = None,
        stopwatch: Callable[[], float] | None = None,
    ) -> None:
        self._stopwatch = stopwatch
        self._channel = Channel(path, deadline, idle=idle)
        self._in_step = False
        self._alone = threading.RLock()  # a case may use threads

    def sync(self, deadline: Deadline) -> None:
        """Get into step with the agent, whatever was said before (``guest-sync-delimited``)."""
        while True:
            number = next(_ids)  # a new one each time: answers to earlier calls may all come at once, later
            # 0xFF makes the agent drop a half-received request
            self._channel.send(b"\xff")
            self._channel.send_json({"execute": "guest-sync-delimited", "arguments": {"id": number}})
            with contextlib.suppress(GuestTimeout):
                for _ in range(_NOISE_MOST):  # what was said before is no answer to this
                    line = self._channel.line(deadline.sooner(5.0))
                    if _number(line.rpartition(b"\xff")[2]) == number:
                        self._in_step = True
                        return
            if deadline.expired:
                raise GuestTimeout("the guest agent does not answer")

    def request(self, name: str, arguments: Mapping[str, object], deadline: Deadline, kind: type[T]) -> T:
        """Send one request and return the agent's answer, which must be a ``kind``."""
        with self._alone:
            if not self._in_step:
                self.sync(deadline)
            self._in_step = False  # until the answer is here
            self._channel.send_json({"execute": name, "arguments": dict(arguments)})
            line = self._channel.line(deadline)
            answer = _decoded(line, _Answer, name)
            self._in_step = True
        if answer.error is not None:
            raise AgentError(f"the guest agent refused {name}: {answer.error.desc[:_SHOWN]}")
        return _decoded(bytes(answer.returned), kind, name)

    def ping(self, deadline: Deadline) -> None:
        """Ask for a sign of life, for which nothing is started in the guest."""
        self.request("guest-ping", {}, deadline, _Nothing)

    def exec(
        self,
        argv: Sequence[str],
        deadline: Deadline,
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
    ) -> CommandResult:
        """Run a command and return how it ended; output over 16 MiB a stream is cut and marked as truncated."""
        begun = deadline.clock()
        clock = self._stopwatch or deadline.clock
        started = clock()
        pid = 0
        try:
            pid = self.begin(argv, deadline, stdin=stdin, env=env)
            for _ in deadline.poll(_ASK_S, 0.25):
                if result := self.ended(pid, argv, deadline, started, self._stopwatch):
                    return result
                if self._channel.idle:
                    self._channel.idle()
            raise GuestTimeout("")
        except TaskBlocked as error:
            error.pid = pid
            raise
        except GuestTimeout as error:
            raise timed_out(argv, pid, deadline.clock() - begun, clock() - started) from error
        except AgentError as error:
            # The agent says it of a missing program too; a shell would say 127.
            ended = _Ended(exited=True, exitcode=127, err_data=str(error).encode())
            return _result(argv, ended, deadline.clock() - begun)

    def begin(
        self,
        argv: Sequence[str],
        deadline: Deadline,
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
    ) -> int:
        """Start a command and return its process id in the guest; raise ``AgentError`` where it cannot be started."""
        arguments: dict[str, object] = {"path": argv[0], "arg": list(argv[1:]), "capture-output": True}
        if stdin and len(stdin) > _INLINE_STDIN:
            self.write_file("/run/stdin", stdin, deadline)
            arguments |= {"path": "/bin/sh", "arg": ["-c", 'exec "$@" </run/stdin', "sh", *argv]}
        elif stdin:
            arguments["input-data"] = base64.b64encode(stdin).decode()
        arguments["env"] = [f"{name}={value}" for name, value in {**ENVIRONMENT, **(env or {})}.items()]
        return self.request("guest-exec", arguments, deadline, _Started).pid

    def ended(
        self,
        pid: int,
        argv: Sequence[str],
        deadline: Deadline,
        begun: float,
        clock: Callable[[], float] | None = None,
    ) -> CommandResult | None:
        """Return how the command ended that began as ``pid`` at ``begun`` by ``clock`` (the deadline's), or ``None``.

        The agent forgets a command once it has told its end.
        """
        answer = self.request("guest-exec-status", {"pid": pid}, deadline, _Ended)
        return _result(argv, answer, (clock or deadline.clock)() - begun) if answer.exited else None

    def write_file(self, path: str, data: bytes, deadline: Deadline) -> None:
        """Write ``data`` to the guest's file ``path``."""
        handle = self.request("guest-file-open", {"path": path, "mode": "wb"}, deadline, int)
        for start in range(0, len(data), _CHUNK):
            chunk = base64.b64encode(data[start : start + _CHUNK]).decode()
            request = {"handle": handle, "buf-b64": chunk}
            written = self.request("guest-file-write", request, deadline, _Written).count
            if written != len(data[start : start + _CHUNK]):
                raise AgentError(f"only {start + written} of {len(data)} bytes reached {path} in the guest")
        self.request("guest-file-close", {"handle": handle}, deadline, _Nothing)

    def read_file(self, path: str, deadline: Deadline, *, most: int) -> bytes:
        """Return up to ``most`` bytes of the guest's file ``path``."""
        handle = self.request("guest-file-open", {"path": path, "mode": "rb"}, deadline, int)
        data = bytearray()
        while len(data) < most:
            count = min(_CHUNK, most - len(data))
            answer = self.request("guest-file-read", {"handle": handle, "count": count}, deadline, _Read)
            data += answer.buf[:count]
            if answer.eof or not answer.buf:
                break
        self.request("guest-file-close", {"handle": handle}, deadline, _Nothing)
        return bytes(data)

    def close(self) -> None:
        """Close the connection; the agent goes on."""
        self._channel.close()


def timed_out(argv: Sequence[str], pid: int, seconds: float, had: float) -> GuestTimeout | HostBusy:
    """Return the error for a command that did not end within its ``seconds`` of the machine's time.

    ``had`` is how long of it the machine did not wait for a CPU of the host's.
    """
    command = " ".join(" ".join(argv).split())
    if had < _ENOUGH * seconds:
        return HostBusy(
            f"`{command[:_COMMAND_MOST]}` did not end within {seconds:.1f} s, of which the host gave the machine its "
            f"CPUs for {had:.1f} s",
            hint="the host is too busy: run fewer machines side by side, or end other work",
        )
    return GuestTimeout(
        f"`{command[:_COMMAND_MOST]}` did not end within {seconds:.1f} s", command=command, pid=pid, seconds=seconds
    )


def _decoded(line: bytes, kind: type[T], name: str) -> T:
    """Return what ``line`` holds; whatever else a guest sends instead of it raises ``OddAnswer``."""
    try:
        return msgspec.json.decode(line, type=kind)
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors; so is a broken code of characters
        shown = ascii(line[:_SHOWN].decode("latin-1"))
        raise OddAnswer(f"the guest agent's answer to {name} is none: {shown}") from error


def _number(line: bytes) -> int | None:
    """Return the number in an answer to ``guest-sync-delimited``; ``None`` for any other line."""
    try:
        return _decoded(bytes(_decoded(line, _Answer, "").returned), int, "")
    except OddAnswer:
        return None


def _result(argv: Sequence[str], answer: _Ended, duration: float) -> CommandResult:
    signal = answer.signal or 0
    return CommandResult(
        argv=tuple(argv),
        status=128 + signal if answer.exitcode is None else answer.exitcode,
        signal=signal,
        stdout=answer.out_data,
        stderr=answer.err_data,
        duration=duration,
        truncated=answer.out_truncated or answer.err_truncated,
    )
