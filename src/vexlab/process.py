"""Host commands. Apart from QEMU's own launch this is the only place that starts processes."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

from vexlab.deadline import Deadline
from vexlab.errors import DeadlineError, InfraError

log = logging.getLogger(__name__)

_SYSTEM_DIRS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_CHUNK = 1 << 16
# A pipe holds 64 KiB, 1 MiB at most where its owner is no root (pipe(7), /proc/sys/fs/pipe-max-size): no more than
# that can have been printed before a command ended and not have been read.
_PIPE_MOST = 1 << 20
_MOST = 1 << 30  # bytes of one stream, where all of it is wanted
_TICK_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """How a host command ended; ``returncode`` is negative for a signal, as in ``subprocess``."""

    argv: tuple[str, ...]
    returncode: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Standard output, decoded with replacement."""
        return self.stdout.decode(errors="replace")

    @property
    def error_text(self) -> str:
        """Standard error, decoded with replacement."""
        return self.stderr.decode(errors="replace")


class _Printed:
    """What a command printed on one stream: all of it, or with ``keep`` (bytes) its head and its tail."""

    def __init__(self, keep: int | None) -> None:
        self._half = _MOST if keep is None else keep // 2
        self._whole = keep is None
        self._head = bytearray()
        self._tail = bytearray()
        self._left_out = 0

    def feed(self, data: bytes) -> None:
        """Take what was read; raise ``InfraError`` where all is wanted and it is too much."""
        room = self._half - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        if self._whole and self._tail:
            raise InfraError(f"a command printed more than {_MOST >> 20} MiB")
        if len(self._tail) > 2 * self._half:
            self._cut()

    def value(self) -> bytes:
        """Return what is kept, with a line between head and tail that counts what is left out."""
        self._cut()
        if not self._left_out:
            return bytes(self._head + self._tail)
        return b"%b\n[%d bytes left out]\n%b" % (bytes(self._head), self._left_out, bytes(self._tail))

    def _cut(self) -> None:
        excess = max(0, len(self._tail) - self._half)
        self._left_out += excess
        del self._tail[:excess]


def find(program: str) -> str | None:
    """Return the path of ``program``, looking in the system folders as well (an ordinary user's PATH lacks them)."""
    return shutil.which(program) or shutil.which(program, path=os.pathsep.join(_SYSTEM_DIRS))


def require(program: str) -> str:
    """Return the path of ``program``; raise ``InfraError`` where it is not installed."""
    path = find(program)
    if path is None:
        raise InfraError(f"{program} is not installed", hint="`vexlab doctor` names the package that holds it")
    return path


def hand_over(argv: Sequence[str]) -> int:
    """Run a program that has the terminal, for as long as its user likes; return its exit status.

    Ctrl-C is meant for the program alone: gdb, for one, stops what it debugs.
    """
    # A handler is no handler in the program, where the signal does what it always does; SIG_IGN would be handed down.
    ours = {number: signal.signal(number, _nothing) for number in (signal.SIGINT, signal.SIGQUIT)}
    try:
        return subprocess.run(argv, check=False).returncode
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Take no notice of a signal."""


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    inherit: bool = True,
    input: bytes | None = None,  # noqa: A002 - the name subprocess gives it
    stdout: Path | None = None,
    check: bool = False,
    keep: int | None = None,
    tick: Callable[[], None] | None = None,
) -> Completed:
    """Run ``argv`` (no shell) and return how it ended. Its process group is killed when it ends.

    ``timeout`` is in seconds; when it passes, the command and all its children are killed and ``DeadlineError`` is
    raised. ``env`` is added to our own environment, or without ``inherit`` is all of it. ``stdout`` sends standard
    output to a file. With ``check`` a non-zero exit raises ``InfraError`` with the command's last words. ``keep``
    limits what is kept of each stream, in bytes: the middle is left out. Without it a stream of more than 1 GiB is an
    ``InfraError``. ``tick`` is called about every second while the command runs.
    """
    command = (require(argv[0]), *argv[1:])
    log.debug("run %s", " ".join(command))
    printed = (_Printed(keep), _Printed(keep))
    with open(stdout or os.devnull, "wb") as sink, subprocess.Popen(  # noqa: PTH123 - devnull too
        command,
        cwd=cwd,
        env={**(os.environ if inherit else {}), **(env or {})},
        stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL,
        stdout=sink if stdout else subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        bufsize=0,
    ) as child:  # fmt: skip
        try:
            if not _Exchange(child, input or b"", printed, tick).finish(Deadline.after(timeout)):
                raise DeadlineError(
                    f"`{' '.join(argv)}` did not end within {timeout:g} s", hint="is the machine overloaded?"
                )
        finally:
            _end_group(child)
    out, err = (stream.value() for stream in printed)
    done = Completed(argv=tuple(argv), returncode=child.returncode, stdout=out, stderr=err)
    if check and done.returncode:
        words = done.error_text.strip() or done.text.strip()
        raise InfraError(f"`{' '.join(argv)}` ended with status {done.returncode}:\n{words[-2000:]}")
    return done


class Started:
    """A command that goes on while we do something else; its output is added to a file. End it."""

    def __init__(self, argv: Sequence[str], output: Path) -> None:
        """Start ``argv`` (no shell) in a process group of its own, which gets SIGTERM where we die."""
        with output.open("ab") as log:
            self._child = subprocess.Popen(
                [require("setpriv"), "--pdeathsig", "TERM", require(argv[0]), *argv[1:]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def returncode(self) -> int | None:
        """How it ended; ``None`` while it runs."""
        return self._child.poll()

    def end(self, seconds: float) -> None:
        """End it as a user would, by SIGINT; kill it, and what it has started, where it does not within ``seconds``."""
        if self.returncode is None:
            self._child.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(seconds)
        _end_group(self._child)


class _Exchange:
    """Writes a command's input and reads what it prints, both at once, until it ends.

    Its end counts, not that of its pipes: a child that goes on in the background may hold them open for ever.
    """

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        given: bytes,
        printed: tuple[_Printed, _Printed],
        tick: Callable[[], None] | None,
    ) -> None:
        self._child = child
        self._tick = tick
        self._given = memoryview(given)
        self._pipes = {pipe: stream for pipe, stream in zip((child.stdout, child.stderr), printed, strict=True) if pipe}
        self._selector = selectors.DefaultSelector()

    def finish(self, deadline: Deadline) -> bool:
        """Return whether the command ended before ``deadline``; it is not reaped, so its group keeps its number."""
        ended = os.pidfd_open(self._child.pid)
        try:
            with self._selector:
                self._selector.register(ended, selectors.EVENT_READ)
                for pipe in self._pipes:
                    os.set_blocking(pipe.fileno(), False)
                    self._selector.register(pipe, selectors.EVENT_READ)
                if stdin := self._child.stdin:
                    os.set_blocking(stdin.fileno(), False)
                    self._selector.register(stdin, selectors.EVENT_WRITE)
                return self._until(ended, deadline)
        finally:
            os.close(ended)

    def _until(self, ended: int, deadline: Deadline) -> bool:
        while not deadline.expired:
            ready = [key.fileobj for key, _ in self._selector.select(self._pause(deadline))]
            for file in ready:
                if file is self._child.stdin:
                    self._write(self._child.stdin)
                elif file != ended:
                    self._read(file)
            if ended in ready:
                for pipe in self._pipes:
                    for _ in range(_PIPE_MOST // _CHUNK):
                        if pipe.closed or not self._read(pipe):
                            break
                return True
        return False

    def _pause(self, deadline: Deadline) -> float:
        if not self._tick:
            return deadline.remaining
        self._tick()
        return min(deadline.remaining, _TICK_S)

    def _write(self, stdin: IO[bytes]) -> None:
        try:
            self._given = self._given[os.write(stdin.fileno(), self._given[:_CHUNK]) :]
        except BrokenPipeError:
            self._given = self._given[:0]
        if not self._given:
            self._selector.unregister(stdin)
            stdin.close()

    def _read(self, pipe: object) -> bool:
        """Read once; return whether there may be more."""
        for each, stream in self._pipes.items():
            if each is pipe:
                try:
                    data = os.read(each.fileno(), _CHUNK)
                except BlockingIOError:
                    return False
                stream.feed(data)
                if not data:
                    self._selector.unregister(each)
                    each.close()
                return bool(data)
        return False


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """Kill the command's process group and reap the command; before that its number cannot be another's."""
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
