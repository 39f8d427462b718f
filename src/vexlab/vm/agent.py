"""The QEMU guest agent (docs/interop/qemu-ga-ref): commands and files, without a network."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vexlab.deadline import Deadline
from vexlab.errors import AgentError, GuestTimeout
from vexlab.model.machine import CommandResult
from vexlab.vm.channel import Channel

_CHUNK = 1 << 20
_INLINE_STDIN = 64 << 10
_ASK_S = 0.01  # an answer costs an emulated guest 3 ms, and hardly a command ends sooner than this
_ENVIRONMENT = {
    "PATH": "/vexlab/bin:/usr/sbin:/usr/bin:/usr/local/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}
_ids = itertools.count(os.getpid() % 1000 * 1_000_000)


class Agent:
    """A connection to the agent of one machine.

    ``idle`` is called while an answer is awaited and may raise. Methods raise ``AgentError`` where the agent refuses,
    ``GuestTimeout`` where it does not answer in time, ``MachineLost`` where nobody is left to answer.
    """

    def __init__(self, path: Path, deadline: Deadline, *, idle: Callable[[], None] | None = None) -> None:
        self._channel = Channel(path, deadline, idle=idle)
        self._in_step = False

    def sync(self, deadline: Deadline) -> None:
        """Get into step with the agent, whatever was said before (``guest-sync-delimited``)."""
        while True:
            number = next(_ids)  # a new one each time: answers to earlier calls may all come at once, later
            # 0xFF makes the agent drop a half-received request
            self._channel.send(b"\xff")
            self._channel.send_json({"execute": "guest-sync-delimited", "arguments": {"id": number}})
            with contextlib.suppress(GuestTimeout):
                while True:
                    line = self._channel.line(deadline.sooner(5.0))
                    answer = _parsed(line.rpartition(b"\xff")[2])
                    if answer.get("return") == number:
                        self._in_step = True
                        return
            if deadline.expired:
                raise GuestTimeout("the guest agent does not answer")

    def request(self, name: str, arguments: Mapping[str, object], deadline: Deadline) -> Any:
        """Send one request and return the agent's answer."""
        if not self._in_step:
            self.sync(deadline)
        self._in_step = False  # until the answer is here
        self._channel.send_json({"execute": name, "arguments": dict(arguments)})
        answer = _parsed(self._channel.line(deadline))
        self._in_step = True
        if "error" in answer:
            raise AgentError(f"the guest agent refused {name}: {answer['error'].get('desc', answer['error'])}")
        return answer.get("return")

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
        pid = 0
        try:
            pid = self.begin(argv, deadline, stdin=stdin, env=env)
            for _ in deadline.poll(_ASK_S, 0.25):
                if result := self.ended(pid, argv, deadline, begun):
                    return result
                if self._channel.idle:
                    self._channel.idle()
            raise GuestTimeout("")
        except GuestTimeout as error:
            command = " ".join(argv)
            seconds = deadline.clock() - begun
            raise GuestTimeout(
                f"`{command[:200]}` did not end within {seconds:.1f} s", command=command, pid=pid
            ) from error
        except AgentError as error:
            # The agent says it of a missing program too; a shell would say 127.
            answer = {"exitcode": 127, "err-data": base64.b64encode(str(error).encode())}
            return _result(argv, answer, deadline.clock() - begun)

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
        arguments["env"] = [f"{name}={value}" for name, value in {**_ENVIRONMENT, **(env or {})}.items()]
        return int(self.request("guest-exec", arguments, deadline)["pid"])

    def ended(self, pid: int, argv: Sequence[str], deadline: Deadline, begun: float) -> CommandResult | None:
        """Return how the command ended that was begun as ``pid`` at ``begun`` by the deadline's clock, or ``None``.

        The agent forgets a command once it has told its end.
        """
        answer = self.request("guest-exec-status", {"pid": pid}, deadline)
        return _result(argv, answer, deadline.clock() - begun) if answer["exited"] else None

    def write_file(self, path: str, data: bytes, deadline: Deadline) -> None:
        """Write ``data`` to the guest's file ``path``."""
        handle = self.request("guest-file-open", {"path": path, "mode": "wb"}, deadline)
        for start in range(0, len(data), _CHUNK):
            chunk = base64.b64encode(data[start : start + _CHUNK]).decode()
            written = self.request("guest-file-write", {"handle": handle, "buf-b64": chunk}, deadline)["count"]
            if written != len(data[start : start + _CHUNK]):
                raise AgentError(f"only {start + written} of {len(data)} bytes reached {path} in the guest")
        self.request("guest-file-close", {"handle": handle}, deadline)

    def read_file(self, path: str, deadline: Deadline, *, most: int) -> bytes:
        """Return up to ``most`` bytes of the guest's file ``path``."""
        handle = self.request("guest-file-open", {"path": path, "mode": "rb"}, deadline)
        data = bytearray()
        while len(data) < most:
            count = min(_CHUNK, most - len(data))
            answer = self.request("guest-file-read", {"handle": handle, "count": count}, deadline)
            data += base64.b64decode(answer["buf-b64"])
            if answer["eof"] or not answer["count"]:
                break
        self.request("guest-file-close", {"handle": handle}, deadline)
        return bytes(data)

    def close(self) -> None:
        """Close the connection; the agent goes on."""
        self._channel.close()


def _parsed(line: bytes) -> dict[str, Any]:
    """Return the answer in ``line``; what a hostile guest sends instead of one is an empty answer."""
    try:
        answer = json.loads(line)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _result(argv: Sequence[str], answer: Mapping[str, Any], duration: float) -> CommandResult:
    signal = int(answer.get("signal", 0))
    return CommandResult(
        argv=tuple(argv),
        status=int(answer.get("exitcode", 128 + signal)),
        signal=signal,
        stdout=base64.b64decode(answer.get("out-data", b"")),
        stderr=base64.b64decode(answer.get("err-data", b"")),
        duration=duration,
        truncated=bool(answer.get("out-truncated") or answer.get("err-truncated")),
    )
