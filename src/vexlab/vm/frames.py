"""What goes between the host and the guest's command runner: the host's half of ``workloads/runner/runner.h``.

Whatever a guest sends is either an answer of the form described there, or raises ``OddAnswer``.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from vexlab.errors import OddAnswer

NONCE = 16  # bytes
REQUEST_MOST = 240 << 10  # bytes of a request, escapes included; the runner's buffer is a little larger
_ANSWER_MOST = 64 << 10  # bytes of one answer's body
_SEARCHED_MOST = 64 << 20  # bytes that are passed over in search of a nonce
_SHOWN = 40
_END, _ESCAPE = b"\xff", b"\xfe"
_REQUEST = struct.Struct("<cII")
_RUN = struct.Struct("<QHHB")
_ANSWER = struct.Struct("<c3sII")
_ENDED = struct.Struct("<QIIII")
_WORD = struct.Struct("<I")
_STATUS_MOST, _SIGNAL_MOST, _ERRNO_MOST, _PID_MOST = 255, 64, 4095, (1 << 22)


class Request(Enum):
    """What the runner is asked for."""

    SYNC = b"S"
    PING = b"P"
    DATA = b"D"
    RUN = b"R"
    KILL = b"K"
    FORGET = b"F"


class Kind(Enum):
    """What an answer is."""

    SYNC = b"s"
    PONG = b"p"
    STARTED = b"r"
    OUT = b"o"
    ERR = b"e"
    ENDED = b"x"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer about the job or question ``number``."""

    kind: Kind
    number: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a job ended. ``error`` is the errno of one that was not started, ``seconds`` are by the guest's clock."""

    seconds: float
    error: int
    status: int
    signal: int
    cut: bool


def request(kind: Request, number: int, body: bytes = b"") -> bytes:
    """Return a request as it is sent."""
    raw = _REQUEST.pack(kind.value, number, len(body)) + body
    return raw.replace(_ESCAPE, b"\xfe\x00").replace(_END, b"\xfe\x01") + _END


def sync(number: int, nonce: bytes) -> bytes:
    """Return the request that begins a connection, after the end of whatever was begun before."""
    return _END + request(Request.SYNC, number, nonce)


def ping(number: int, nonce: bytes) -> bytes:
    """Return the request for a sign of life, after the end of whatever was begun before."""
    return _END + request(Request.PING, number, nonce)


def run(number: int, argv: Sequence[bytes], env: Mapping[bytes, bytes], *, most: int, group: bool) -> bytes:
    """Return the request that starts ``argv``; ``most`` bytes of each stream are wanted.

    ``group`` gives it a process group of its own. Raises ``ValueError`` for a zero inside a word, as subprocess does.
    """
    words = [*argv, *(name + b"=" + value for name, value in env.items())]
    if any(b"\0" in word for word in words):
        raise ValueError("embedded null byte")
    head = _RUN.pack(most, len(argv), len(env), group)
    return request(Request.RUN, number, head + b"".join(word + b"\0" for word in words))


def kill(number: int, signal: int) -> bytes:
    """Return the request that sends ``signal`` to a job."""
    return request(Request.KILL, number, _WORD.pack(signal))


class Answers:
    """Answers out of a stream of bytes: first the nonce is searched for, from there on every byte counts."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._sought = b""
        self._passed = 0

    def seek(self, number: int, nonce: bytes) -> None:
        """Pass over everything up to the answer to this ``sync``."""
        self._sought = _ANSWER.pack(Kind.SYNC.value, b"\0\0\0", number, len(nonce)) + nonce
        self._passed = 0

    def feed(self, data: bytes) -> None:
        """Take what has arrived."""
        self._buffer += data

    def next(self) -> Answer | None:
        """Return the next whole answer, ``None`` where it is not there yet; raise ``OddAnswer``."""
        if self._sought:
            at = self._buffer.find(self._sought)
            if at < 0:
                self._pass_over()
                return None
            del self._buffer[:at]
            self._sought = b""
        if len(self._buffer) < _ANSWER.size:
            return None
        code, zero, number, length = _ANSWER.unpack_from(self._buffer)
        if length > _ANSWER_MOST or zero != b"\0\0\0" or code not in _KINDS:
            raise self._odd()
        end = _ANSWER.size + length
        if len(self._buffer) < end:
            return None
        answer = Answer(_KINDS[code], number, bytes(self._buffer[_ANSWER.size : end]))
        del self._buffer[:end]
        return answer

    def _pass_over(self) -> None:
        passed = max(0, len(self._buffer) - len(self._sought) + 1)
        self._passed += passed
        if self._passed > _SEARCHED_MOST:
            raise self._odd()
        del self._buffer[:passed]

    def _odd(self) -> OddAnswer:
        return odd("an answer", bytes(self._buffer[:_SHOWN]))


_KINDS = {kind.value: kind for kind in Kind}


def odd(what: str, data: bytes) -> OddAnswer:
    """Return the error for bytes that are not ``what`` they must be."""
    return OddAnswer(f"the guest's command runner sent what is not {what}: {data[:_SHOWN].decode('latin-1')!a}")


def started(body: bytes) -> int:
    """Return the process id of a job that has started; raise ``OddAnswer``."""
    if len(body) != _WORD.size or not 0 < (pid := _WORD.unpack(body)[0]) <= _PID_MOST:
        raise odd("a process id", body)
    return int(pid)


def ended(body: bytes) -> Ended:
    """Return how a job ended; raise ``OddAnswer``."""
    if len(body) != _ENDED.size:
        raise odd("the end of a command", body)
    nanoseconds, error, status, signal, cut = _ENDED.unpack(body)
    if status > _STATUS_MOST or signal > _SIGNAL_MOST or error > _ERRNO_MOST or cut > 3:
        raise odd("the end of a command", body)
    return Ended(seconds=nanoseconds / 1e9, error=error, status=status, signal=signal, cut=bool(cut))
