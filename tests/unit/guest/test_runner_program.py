"""The command runner itself, behind a terminal in raw mode instead of a port: the real program and the real client."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import threading
import time
import tty
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from vexlab.deadline import Deadline
from vexlab.errors import GuestTimeout
from vexlab.vm import frames
from vexlab.vm.frames import Request
from vexlab.vm.runner import OUTPUT_MOST, Runner


@dataclass(frozen=True)
class _Port:
    """A runner's port: ``path`` is the socket of the host's end, ``pid`` the runner."""

    path: Path
    pid: int

    def connect(self) -> Runner:
        runner = Runner(self.path)
        runner.greet(_soon())
        return runner


def _soon(seconds: float = 20.0) -> Deadline:
    return Deadline.after(seconds)


def _carry(server: socket.socket, master: int) -> None:
    """Carry bytes between one connection after another and the terminal, as QEMU does."""
    with contextlib.suppress(OSError):  # the end of the test
        while True:
            connection, _ = server.accept()
            with connection, contextlib.suppress(ConnectionError):
                _carry_one(connection, master)


def _carry_one(connection: socket.socket, master: int) -> None:
    while True:
        ready, _, _ = select.select([connection.fileno(), master], [], [])
        if connection.fileno() in ready:
            data = connection.recv(2048)
            if not data:
                return
            while data:
                data = data[os.write(master, data) :]
        if master in ready:
            connection.sendall(os.read(master, 1 << 16))


def _cmdline(process: Path) -> list[bytes]:
    with contextlib.suppress(OSError):
        return (process / "cmdline").read_bytes().split(b"\0")
    return []


@pytest.fixture
def port(programs: Path, tmp_path: Path) -> Iterator[_Port]:
    """Give a running runner."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    name = os.ttyname(slave)
    started = subprocess.run(
        [programs / "runner", name], check=False, capture_output=True, text=True, timeout=20, cwd=tmp_path
    )
    assert (started.returncode, started.stderr) == (0, "")
    pid = next(
        int(entry.name)
        for entry in Path("/proc").glob("[0-9]*")
        if _cmdline(entry)[:2] == [str(programs / "runner").encode(), name.encode()]
    )
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        threading.Thread(target=_carry, args=(server, master), daemon=True).start()
        try:
            yield _Port(tmp_path / "s", pid)
        finally:
            os.kill(pid, signal.SIGKILL)
    os.close(slave)


def test_how_commands_end(port: _Port) -> None:
    runner = port.connect()
    result = runner.exec(["sh", "-c", "printf 'a\\0\\377\\376'; echo err >&2; exit 7"], _soon())
    assert (result.status, result.stdout, result.stderr) == (7, b"a\0\xff\xfe", b"err\n")
    assert runner.exec(["sh", "-c", "kill -9 $$"], _soon()).signal == 9
    missing = runner.exec(["no-such-program"], _soon())
    assert (missing.status, missing.stdout) == (127, b"")
    assert "No such file" in missing.error_text
    assert "Permission denied" in runner.exec(["/etc"], _soon()).error_text


def test_what_a_program_gets(port: _Port) -> None:
    runner = port.connect()
    data = os.urandom(3 << 20)
    assert runner.exec(["cat"], _soon(), stdin=data).stdout == data
    assert runner.exec(["cat"], _soon()).stdout == b""
    assert runner.exec(["sh", "-c", 'echo "$X$#$1"', "sh", ""], _soon(), env={"X": "\udcff"}).stdout == b"\xff1\n"
    facts = "cat /proc/self/oom_score_adj /proc/self/status; ls /proc/self/fd | wc -l"
    adjusted, *status, files = runner.exec(["sh", "-c", facts], _soon()).text.splitlines()
    assert adjusted == "0"
    # The C library keeps the signals 32 and 33 to itself: what ignores them is passed on to every program below it.
    own = 0b11 << 31
    signals = {
        line.split()[0]: int(line.split()[1], 16) & ~own
        for line in status
        if line.startswith("Sig") and "Q" not in line
    }
    assert signals == {"SigPnd:": 0, "SigBlk:": 0, "SigIgn:": 0, "SigCgt:": 0}
    assert files == "4", "0, 1, 2 and the folder that ls reads"


def test_output_is_cut_at_its_limit(port: _Port) -> None:
    runner = port.connect()
    size = OUTPUT_MOST
    exact = runner.exec(["head", "-c", str(size), "/dev/zero"], _soon())
    assert (len(exact.stdout), exact.truncated) == (size, False)
    longer = runner.exec(["sh", "-c", f"head -c {size + 1} /dev/zero; exit 3"], _soon())
    assert (len(longer.stdout), longer.truncated, longer.status) == (size, True, 3)


def test_a_command_ends_with_its_last_writer(port: _Port) -> None:
    """As with the agent: a child in the background that holds the output keeps the command going."""
    runner = port.connect()
    assert runner.exec(["sh", "-c", "(sleep 0.5; echo late) & exit 3"], _soon()).text == "late"


def test_a_port_is_never_blocked(port: _Port) -> None:
    runner = port.connect()
    with pytest.raises(GuestTimeout) as caught:
        runner.exec(["sh", "-c", "sleep 60"], _soon(0.3))
    os.kill(caught.value.pid, 0)  # it is left alone
    with pytest.raises(GuestTimeout):
        runner.exec(["yes"], _soon(0.3))
    runner.greet(_soon())
    assert runner.exec(["echo", "here"], _soon()).text == "here"
    for name in ("sleep", "yes"):
        subprocess.run(["pkill", "-KILL", "-P", str(port.pid), "-x", name], check=False)
    subprocess.run(["pkill", "-KILL", "-P", str(port.pid)], check=False)


def test_many_at_once_and_one_too_many(port: _Port) -> None:
    runner = port.connect()
    with ThreadPoolExecutor(33) as pool:
        begun = time.monotonic()
        ends = list(pool.map(lambda n: runner.exec(["sh", "-c", f"sleep 1; echo {n}"], _soon()), range(33)))
        assert time.monotonic() - begun < 10
    refused = [result for result in ends if result.status]
    assert [result.error_text.count("Resource temporarily unavailable") for result in refused] == [1]
    assert runner.exec(["true"], _soon()).ok


def test_a_killed_stream_leaves_nothing(port: _Port) -> None:
    runner = port.connect()
    with pytest.raises(GuestTimeout):
        runner.exec(["sh", "-c", "sleep 61 & echo $!; sleep 62"], _soon(0.5), chunk=lambda *_: None)
    runner.greet(_soon())
    for _ in Deadline.after(5).poll():
        left = subprocess.run(["pgrep", "-P", str(port.pid)], check=False, capture_output=True, text=True).stdout
        if not left:
            break
    assert not left


def test_the_next_host_gets_into_step(port: _Port) -> None:
    first = port.connect()
    with pytest.raises(GuestTimeout):
        first.exec(["sh", "-c", "while echo word; do :; done"], _soon(0.3))
    first._socket.setblocking(True)  # noqa: FBT003 - half a request, as a killed host leaves it
    first._socket.sendall(frames.request(Request.DATA, 9, b"x" * 1000)[:500])
    first.close()
    second = port.connect()
    assert second.exec(["cat"], _soon()).stdout == b""
    second.close()
    third = Runner(port.path)
    third._socket.setblocking(True)  # noqa: FBT003
    third._socket.sendall(b"\xff" * 5 + b"garbage\xff" + struct.pack("<cII", b"R", 1, 99) + b"\xff")
    third.greet(_soon())
    assert third.exec(["echo", "here"], _soon()).text == "here"
    subprocess.run(["pkill", "-KILL", "-P", str(port.pid)], check=False)


def test_it_waits_without_work(port: _Port) -> None:
    port.connect().exec(["true"], _soon())
    before = Path(f"/proc/{port.pid}/stat").read_text().split()[13:15]
    time.sleep(0.5)
    assert Path(f"/proc/{port.pid}/stat").read_text().split()[13:15] == before
