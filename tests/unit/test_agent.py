"""The agent's client against a small agent of our own on a real socket: answers, errors, noise, silence."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from vexlab.deadline import Deadline
from vexlab.errors import AgentError, GuestTimeout, HostBusy, MachineLost, OddAnswer
from vexlab.vm.agent import Agent

Answer = Callable[[str, dict[str, Any]], Any]


@contextmanager
def _guest(path: Path, answer: Answer, *, greeting: bytes = b"") -> Iterator[None]:
    """Serve one connection: ``answer`` gets a request's name and arguments; raising closes the connection."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve() -> None:
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(greeting)
            for line in lines:
                request = json.loads(line.lstrip(b"\xff"))
                try:
                    if request["execute"] == "guest-sync-delimited":
                        reply: Any = {"return": request["arguments"]["id"]}
                        connection.sendall(b"\xff")
                    else:
                        reply = answer(request["execute"], request["arguments"])
                except EOFError:
                    return
                if reply is not None:
                    text = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
                    connection.sendall(text + b"\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.close()


def _agent(path: Path) -> Agent:
    return Agent(path, Deadline.after(5))


def _exited(**more: object) -> Answer:
    def answer(name: str, _: dict[str, Any]) -> Any:
        return {"return": {"pid": 7}} if name == "guest-exec" else {"return": {"exited": True, **more}}

    return answer


def test_status_and_streams_are_apart(tmp_path: Path) -> None:
    out, err = (base64.b64encode(text).decode() for text in (b"out\xff", b"err"))
    with _guest(tmp_path / "s", _exited(exitcode=3, **{"out-data": out, "err-data": err})):
        result = _agent(tmp_path / "s").exec(["false"], Deadline.after(5))
    assert (result.status, result.stdout, result.stderr, result.ok) == (3, b"out\xff", b"err", False)


def test_a_signal_is_told_apart(tmp_path: Path) -> None:
    with _guest(tmp_path / "s", _exited(signal=9)):
        result = _agent(tmp_path / "s").exec(["x"], Deadline.after(5))
    assert (result.status, result.signal) == (137, 9)


def test_noise_before_the_answer_is_skipped(tmp_path: Path) -> None:
    with _guest(tmp_path / "s", _exited(exitcode=0), greeting=b'garbage\n{"return": 1}\n[]\n'):
        assert _agent(tmp_path / "s").exec(["x"], Deadline.after(5)).ok


def test_a_missing_program_is_status_127(tmp_path: Path) -> None:
    with _guest(tmp_path / "s", lambda *_: {"error": {"desc": "No such file"}}):
        result = _agent(tmp_path / "s").exec(["nope"], Deadline.after(5))
    assert result.status == 127
    assert "No such file" in result.error_text


def test_silence_is_a_timeout_that_names_the_command(tmp_path: Path) -> None:
    with _guest(tmp_path / "s", lambda *_: None), pytest.raises(GuestTimeout) as caught:
        _agent(tmp_path / "s").exec(["sleep", "9"], Deadline.after(0.3))
    assert caught.value.command == "sleep 9"


def test_a_running_command_is_named_with_its_pid(tmp_path: Path) -> None:
    with _guest(tmp_path / "s", _exited(exited=False)), pytest.raises(GuestTimeout) as caught:
        _agent(tmp_path / "s").exec(["sleep", "9"], Deadline.after(0.3))
    assert caught.value.pid == 7


def test_a_command_on_a_starved_machine_says_nothing_about_the_guest(tmp_path: Path) -> None:
    with _guest(tmp_path / "s", _exited(exited=False)), pytest.raises(HostBusy, match="its CPUs for"):
        Agent(tmp_path / "s", Deadline.after(5), stopwatch=lambda: 7.0).exec(["sleep", "9"], Deadline.after(0.3))


def test_a_closed_connection_is_a_lost_machine(tmp_path: Path) -> None:
    def hang_up(*_: object) -> None:
        raise EOFError

    with _guest(tmp_path / "s", hang_up), pytest.raises(MachineLost):
        _agent(tmp_path / "s").exec(["x"], Deadline.after(5))


def test_what_idle_raises_ends_the_wait(tmp_path: Path) -> None:
    def idle() -> None:
        raise MachineLost("the kernel died")

    with _guest(tmp_path / "s", lambda *_: None), pytest.raises(MachineLost, match="the kernel died"):
        Agent(tmp_path / "s", Deadline.after(5), idle=idle).exec(["x"], Deadline.after(5))


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(MachineLost, match="nobody listens"):
        Agent(tmp_path / "s", Deadline.after(0.1))


def test_a_short_write_is_an_error(tmp_path: Path) -> None:
    def answer(name: str, _: dict[str, Any]) -> Any:
        return {"return": {"count": 1} if name == "guest-file-write" else 5}

    with _guest(tmp_path / "s", answer), pytest.raises(AgentError, match="only 1 of 3 bytes"):
        _agent(tmp_path / "s").write_file("/x", b"abc", Deadline.after(5))


ODD = (
    b"null",
    b"5",
    b"[]",
    b'"x"',
    b"{",
    b"[" * 200_000,
    b"\x01garbage\xff\xfe",
    b'{"return": null}',
    b'{"return": 5}',
    b'{"return": {}}',
    b'{"return": {"pid": "7"}}',
    b'{"return": {"pid": 1e999}}',
    b'{"return": {"pid": -1}}',
    b'{"return": {"pid": true}}',
    b'{"return": {"pid": ' + b"9" * 5000 + b"}}",
    b'{"error": "boo"}',
    b"",
)


@pytest.mark.parametrize("line", ODD, ids=lambda line: ascii(line[:24]))
def test_what_is_no_answer_is_one_kind_of_error(tmp_path: Path, line: bytes) -> None:
    def answer(*_: object) -> Any:
        return line

    with _guest(tmp_path / "s", answer), pytest.raises(OddAnswer, match="answer to guest-exec is none"):
        _agent(tmp_path / "s").exec(["x"], Deadline.after(5))


@pytest.mark.parametrize(
    "more",
    [{"exitcode": 1e400}, {"exitcode": "0"}, {"out-data": "A"}, {"exitcode": -5}, {"signal": []}, {"err-data": 7}],
    ids=str,
)
def test_an_end_that_is_none_is_the_same_kind_of_error(tmp_path: Path, more: dict[str, object]) -> None:
    with _guest(tmp_path / "s", _exited(**more)), pytest.raises(OddAnswer):
        _agent(tmp_path / "s").exec(["x"], Deadline.after(5))


def test_a_guest_that_answers_only_itself_is_silent(tmp_path: Path) -> None:
    noise = b'{"return": 1}\n' * 20_000
    with _guest(tmp_path / "s", lambda *_: None, greeting=noise), pytest.raises(GuestTimeout):
        _agent(tmp_path / "s").exec(["x"], Deadline.after(1.0))
