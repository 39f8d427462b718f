"""The command runner's client against a small runner of our own on a real socket: answers, noise, silence, lies."""

from __future__ import annotations

import contextlib
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from vexlab.deadline import Deadline
from vexlab.errors import GuestTimeout, MachineLost, OddAnswer, TaskBlocked
from vexlab.vm.runner import OUTPUT_MOST, Runner

Answer = Callable[[bytes, int, bytes], bytes | None]
"""Gets a request's type, its id and its body, and returns what the guest sends; raising closes the connection."""


def _frame(kind: bytes, number: int, body: bytes) -> bytes:
    return struct.pack("<c3xII", kind, number, len(body)) + body


def _end(number: int, *, status: int = 0, sig: int = 0, error: int = 0, cut: int = 0) -> bytes:
    return _frame(b"x", number, struct.pack("<QIIII", 1_500_000_000, error, status, sig, cut))


def _started(number: int, pid: int = 7) -> bytes:
    return _frame(b"r", number, struct.pack("<I", pid))


def _requests(connection: socket.socket) -> Iterator[tuple[bytes, int, bytes]]:
    data = b""
    while got := connection.recv(1 << 16):
        data += got
        *frames, data = data.split(b"\xff")
        for frame in frames:
            raw = frame.replace(b"\xfe\x01", b"\xff").replace(b"\xfe\x00", b"\xfe")
            if len(raw) >= 9 and struct.unpack_from("<I", raw, 5)[0] == len(raw) - 9:
                yield raw[:1], struct.unpack_from("<I", raw, 1)[0], raw[9:]


@contextmanager
def _guest(path: Path, answer: Answer, *, greeting: bytes = b"") -> Iterator[list[tuple[bytes, int, bytes]]]:
    """Serve one connection; signs of life are given to whoever asks. Gives the other requests."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    seen: list[tuple[bytes, int, bytes]] = []

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(greeting)
            for kind, number, body in _requests(connection):
                if kind in b"SP":
                    connection.sendall(_frame(kind.lower(), number, body))
                    continue
                seen.append((kind, number, body))
                try:
                    said = answer(kind, number, body)
                except EOFError:
                    return
                if said:
                    connection.sendall(said)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        server.close()


def _runner(path: Path, idle: Callable[[], None] | None = None) -> Runner:
    runner = Runner(path, idle=idle)
    runner.greet(Deadline.after(5))
    return runner


def _does(*pieces: Callable[[int], bytes]) -> Answer:
    def answer(kind: bytes, number: int, _: bytes) -> bytes | None:
        return b"".join(piece(number) for piece in pieces) if kind == b"R" else None

    return answer


def _out(data: bytes) -> Callable[[int], bytes]:
    return lambda number: _frame(b"o", number, data)


def _err(data: bytes) -> Callable[[int], bytes]:
    return lambda number: _frame(b"e", number, data)


def test_status_and_streams_are_apart(tmp_path: Path) -> None:
    does = _does(_started, _out(b"out\xff"), _err(b"e"), _out(b"\xfe"), _err(b"rr"), lambda n: _end(n, status=3))
    with _guest(tmp_path / "s", does):
        result = _runner(tmp_path / "s").exec(["false"], Deadline.after(5))
    assert (result.status, result.stdout, result.stderr, result.ok) == (3, b"out\xff\xfe", b"err", False)
    assert (result.guest_s, result.truncated) == (1.5, False)


def test_a_signal_is_told_apart(tmp_path: Path) -> None:
    with _guest(tmp_path / "s", _does(_started, lambda n: _end(n, sig=9))):
        result = _runner(tmp_path / "s").exec(["x"], Deadline.after(5))
    assert (result.status, result.signal) == (137, 9)


def test_a_missing_program_is_status_127(tmp_path: Path) -> None:
    with _guest(tmp_path / "s", _does(lambda n: _end(n, error=2))):
        result = _runner(tmp_path / "s").exec(["nope"], Deadline.after(5))
    assert result.status == 127
    assert "No such file" in result.error_text


def test_words_environment_and_input_arrive_as_they_are(tmp_path: Path) -> None:
    data = bytes(range(256)) * 1000
    with _guest(tmp_path / "s", _does(_started, _end)) as seen:
        result = _runner(tmp_path / "s").exec(["a", "", "\udcff\udcfe"], Deadline.after(5), stdin=data, env={"B": "c"})
    assert result.ok
    assert b"".join(body for kind, _, body in seen if kind == b"D") == data
    [order] = [body for kind, _, body in seen if kind == b"R"]
    most, arguments, variables, group = struct.unpack_from("<QHHB", order)
    words = order[13:].split(b"\0")[:-1]
    assert (most, arguments, group) == (OUTPUT_MOST, 3, 0)
    assert words[:3] == [b"a", b"", b"\xff\xfe"]
    assert len(words) == 3 + variables
    assert b"B=c" in words[3:]
    assert any(word.startswith(b"PATH=") for word in words[3:])


def test_a_word_with_a_zero_is_refused(tmp_path: Path) -> None:
    with _guest(tmp_path / "s", lambda *_: None), pytest.raises(ValueError, match="null byte"):
        _runner(tmp_path / "s").exec(["a\0b"], Deadline.after(5))


def test_what_was_said_before_is_passed_over(tmp_path: Path) -> None:
    before = _frame(b"o", 1, b"old") + b"\0garbage" + _end(2)[:-3]
    with _guest(tmp_path / "s", _does(_started, _end), greeting=before):
        assert _runner(tmp_path / "s").exec(["x"], Deadline.after(5)).stdout == b""


def test_silence_is_a_timeout_that_names_the_command(tmp_path: Path) -> None:
    with _guest(tmp_path / "s", lambda *_: None), pytest.raises(GuestTimeout, match="`sleep 9` did not end") as caught:
        _runner(tmp_path / "s").exec(["sleep", "9"], Deadline.after(0.3))
    assert (caught.value.command, caught.value.pid) == ("sleep 9", 0)


def test_a_command_left_at_its_deadline_is_forgotten(tmp_path: Path) -> None:
    with _guest(tmp_path / "s", _does(_started)) as seen:
        runner = _runner(tmp_path / "s")
        with pytest.raises(GuestTimeout) as caught:
            runner.exec(["sleep", "9"], Deadline.after(0.3))
        assert caught.value.pid == 7
        assert not runner.answers
        runner.greet(Deadline.after(5))
    assert [kind for kind, _, _ in seen] == [b"R", b"F"]


def test_what_a_forgotten_command_says_is_nobodys(tmp_path: Path) -> None:
    numbers: list[int] = []

    def answer(kind: bytes, number: int, _: bytes) -> bytes | None:
        numbers.append(number)
        late = _frame(b"o", numbers[0], b"late") + _end(numbers[0])
        return late + _started(number) + _end(number) if kind == b"R" and len(numbers) > 1 else None

    with _guest(tmp_path / "s", answer):
        runner = _runner(tmp_path / "s")
        with pytest.raises(GuestTimeout):
            runner.exec(["sleep", "9"], Deadline.after(0.2))
        assert runner.exec(["x"], Deadline.after(5)).stdout == b""


def test_a_closed_connection_is_a_lost_machine(tmp_path: Path) -> None:
    def hang_up(*_: object) -> None:
        raise EOFError

    with _guest(tmp_path / "s", hang_up), pytest.raises(MachineLost):
        _runner(tmp_path / "s").exec(["x"], Deadline.after(5))


def test_what_the_kernel_says_of_a_blocked_task_is_told_as_it_is(tmp_path: Path) -> None:
    begun = time.monotonic()

    def idle() -> None:
        if time.monotonic() > begun + 0.5:
            raise TaskBlocked("`sync` does not end: a task is blocked", command="sync", seconds=80.0)

    with _guest(tmp_path / "s", _does(_started)), pytest.raises(TaskBlocked, match="a task is blocked") as caught:
        _runner(tmp_path / "s", idle).exec(["sync"], Deadline.after(20))
    assert (caught.value.pid, caught.value.seconds) == (7, 80.0)


def test_what_idle_raises_ends_the_wait(tmp_path: Path) -> None:
    dead = threading.Event()

    def idle() -> None:
        if dead.is_set():
            raise MachineLost("the kernel died")

    def answer(*_: object) -> None:
        dead.set()

    with _guest(tmp_path / "s", answer), pytest.raises(MachineLost, match="the kernel died"):
        _runner(tmp_path / "s", idle).exec(["x"], Deadline.after(5))


def test_idle_is_called_though_every_answer_comes_at_once(tmp_path: Path) -> None:
    calls: list[None] = []
    with _guest(tmp_path / "s", _does(_started, _end)):
        runner = _runner(tmp_path / "s", lambda: calls.append(None))
        before = len(calls)
        for _ in range(5):
            runner.exec(["x"], Deadline.after(5))
    assert len(calls) >= before + 5


def test_a_guest_that_never_stops_talking_does_not_outlive_the_deadline(tmp_path: Path) -> None:
    stop = threading.Event()

    def serve(server: socket.socket) -> None:
        connection, _ = server.accept()
        kind, number, body = next(_requests(connection))
        connection.sendall(_frame(kind.lower(), number, body))
        with connection, contextlib.suppress(ConnectionError):
            while not stop.is_set():
                connection.sendall(_frame(b"o", 99, b"x" * 1000) * 50)

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        begun = time.monotonic()
        with pytest.raises(GuestTimeout):
            _runner(tmp_path / "s").exec(["x"], Deadline.after(0.5))
        assert time.monotonic() - begun < 3
        stop.set()


def test_more_output_than_the_limit_is_cut_whatever_the_runner_says(tmp_path: Path) -> None:
    piece = b"x" * 60_000
    does = _does(_started, *([_out(piece)] * (OUTPUT_MOST // len(piece) + 3)), _end)
    with _guest(tmp_path / "s", does):
        result = _runner(tmp_path / "s").exec(["x"], Deadline.after(20))
    assert (len(result.stdout), result.truncated) == (OUTPUT_MOST, True)


def test_a_stream_is_given_as_it_comes_and_kept_nowhere(tmp_path: Path) -> None:
    got: list[tuple[int, bytes]] = []
    with _guest(tmp_path / "s", _does(_started, _out(b"a"), _err(b"b"), _end)) as seen:
        runner = _runner(tmp_path / "s")
        result = runner.exec(["x"], Deadline.after(5), chunk=lambda stream, data: got.append((stream, data)))
    assert sorted(got) == [(1, b"a"), (2, b"b")]
    assert (result.stdout, result.stderr, result.truncated) == (b"", b"", False)
    assert struct.unpack_from("<QHHB", seen[0][2])[3] == 1, "it has a process group, so that it can be killed"


def test_a_stream_that_nobody_wants_is_killed(tmp_path: Path) -> None:
    def chunk(stream: int, data: bytes) -> None:
        raise KeyError(data)

    with _guest(tmp_path / "s", _does(_started, _out(b"a"))) as seen:
        runner = _runner(tmp_path / "s")
        with pytest.raises(KeyError):
            runner.exec(["x"], Deadline.after(5), chunk=chunk)
        runner.greet(Deadline.after(5))
    assert [(kind, body) for kind, _, body in seen[1:]] == [(b"K", struct.pack("<I", signal.SIGKILL)), (b"F", b"")]


def test_threads_get_each_its_own_answer(tmp_path: Path) -> None:
    waiting: list[int] = []

    def answer(kind: bytes, number: int, body: bytes) -> bytes | None:
        waiting.append(number)
        if len(waiting) < 8:
            return None
        return b"".join(_started(n) + _frame(b"o", n, str(n).encode()) + _end(n) for n in reversed(waiting))

    with _guest(tmp_path / "s", answer):
        runner = _runner(tmp_path / "s")
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda _: runner.exec(["x"], Deadline.after(10)), range(8)))
    assert sorted(int(result.stdout) for result in results) == sorted(waiting)


ODD: tuple[Callable[[int], bytes], ...] = (
    lambda n: _frame(b"?", n, b""),
    lambda n: struct.pack("<c3xII", b"o", n, 1 << 31),
    lambda n: struct.pack("<c3sII", b"o", b"\1\0\0", n, 0),
    lambda n: b'{"return": {"pid": 7}}\n',
    lambda n: _frame(b"r", n, b"\0\0\0\0"),
    lambda n: _frame(b"r", n, b"\xff" * 4),
    lambda n: _frame(b"r", n, b""),
    lambda n: _frame(b"x", n, b"short"),
    lambda n: _end(n, status=256),
    lambda n: _end(n, sig=65),
    lambda n: _end(n, error=5000),
    lambda n: _end(n, cut=4),
)


@pytest.mark.parametrize("lie", ODD, ids=range(len(ODD)))
def test_what_is_no_answer_is_one_kind_of_error(tmp_path: Path, lie: Callable[[int], bytes]) -> None:
    with _guest(tmp_path / "s", _does(lie)), pytest.raises(OddAnswer, match="the guest's command runner sent"):
        _runner(tmp_path / "s").exec(["x"], Deadline.after(5))


def test_a_wrong_sign_of_life_is_none(tmp_path: Path) -> None:
    def serve(server: socket.socket) -> None:
        connection, _ = server.accept()
        requests = _requests(connection)
        kind, number, body = next(requests)
        connection.sendall(_frame(kind.lower(), number, body))
        _, number, _ = next(requests)
        connection.sendall(_frame(b"p", number, b"\0" * 16))

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        runner = _runner(tmp_path / "s")
        with pytest.raises(OddAnswer):
            runner.greet(Deadline.after(5))


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(MachineLost, match="nobody listens"):
        Runner(tmp_path / "s")
