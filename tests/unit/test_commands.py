"""Who is asked to run a command: the runner while it answers, else the agent, and nobody twice."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vexlab.deadline import Deadline
from vexlab.errors import MachineLost
from vexlab.vm.agent import Agent
from vexlab.vm.argv import MachineFiles
from vexlab.vm.commands import Commands
from vexlab.vm.runner import Runner


@contextmanager
def _silent(path: Path) -> Iterator[list[bytes]]:
    """Take connections on ``path``, keep what is said, and answer nothing."""
    said: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            while data := connection.recv(1 << 16):
                said.append(data)

        threading.Thread(target=serve, daemon=True).start()
        yield said


def _serve_agent(path: Path) -> None:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve() -> None:
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as lines:
            for line in lines:
                request = json.loads(line.lstrip(b"\xff"))
                answers = {
                    "guest-sync-delimited": request["arguments"].get("id"),
                    "guest-exec": {"pid": 7},
                    "guest-ping": {},
                }
                reply = answers.get(request["execute"], {"exited": True, "exitcode": 0})
                mark = b"\xff" if request["execute"] == "guest-sync-delimited" else b""
                connection.sendall(mark + json.dumps({"return": reply}).encode() + b"\n")

    threading.Thread(target=serve, daemon=True).start()


def _commands(folder: Path) -> Commands:
    commands = Commands(MachineFiles(folder), idle=lambda: None, stopwatch=lambda: 0.0)
    commands.has_runner = True
    return commands


def test_a_runner_that_never_answers_is_done_without(tmp_path: Path) -> None:
    _serve_agent(tmp_path / "agent")
    with _silent(tmp_path / "runner") as said:
        commands = _commands(tmp_path)
        commands.connect()
        chosen = commands.fastest(Deadline.after(0.6))
        assert isinstance(chosen, Agent)
        asked = len(said)
        assert isinstance(commands.fastest(Deadline.after(5)), Agent)
        assert len(said) == asked, "it is not asked again"


def test_a_runner_that_is_gone_is_not_asked(tmp_path: Path) -> None:
    _serve_agent(tmp_path / "agent")
    with _silent(tmp_path / "runner") as said:
        commands = _commands(tmp_path)
        commands.connect()
        commands.runner_changed(is_open=False)
        assert isinstance(commands.fastest(Deadline.after(5)), Agent)
        assert not said


def test_a_runner_that_goes_while_a_command_runs_loses_the_machine(tmp_path: Path) -> None:
    _serve_agent(tmp_path / "agent")
    with _silent(tmp_path / "runner"):
        commands = _commands(tmp_path)
        commands.connect()
        runner = commands._runner
        assert isinstance(runner, Runner)
        runner.answers = True
        threading.Timer(0.3, lambda: commands.runner_changed(is_open=False)).start()
        with pytest.raises(MachineLost, match="runner is gone while the kernel runs on"):
            commands.fastest(Deadline.after(5)).exec(["x"], Deadline.after(5))


def test_without_a_runner_the_agent_is_asked(tmp_path: Path) -> None:
    _serve_agent(tmp_path / "agent")
    commands = Commands(MachineFiles(tmp_path), idle=lambda: None, stopwatch=lambda: 0.0)
    commands.connect()
    assert commands.fastest(Deadline.after(5)).exec(["x"], Deadline.after(5)).ok
