"""Runs cases in a forked process in which everything is imported already: what a save waits for is the kernel alone.

The process collects its cases at once, while the module is built, and runs them when it is told to.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import msgspec
import pytest

import vexlab.plugin  # noqa: F401 - imported before the fork, so that no child does it
from vexlab.model.case import CaseResult
from vexlab.model.request import Request
from vexlab.plugin.verdict import result_of
from vexlab.session.request import pytest_arguments

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_UNWANTED = 71  # status of a child that was not told to go on
_CHUNK = 1 << 16
_MOST = 64 << 20  # bytes of what a child may say


class Planned(msgspec.Struct, frozen=True, tag=True):
    """How many cases will run."""

    count: int


class Ended(msgspec.Struct, frozen=True, tag=True):
    """A case has its verdict."""

    case: CaseResult


Said = Planned | Ended


class WarmRun:
    """One run of ``request`` in a child; evidence goes to ``folder``. A context manager: leaving it ends the child.

    Cases are collected on entering, and run after ``go``.
    """

    def __init__(self, request: Request, folder: Path) -> None:
        self._request = request
        self._folder = folder
        self._read, self._go, self._pid = -1, -1, 0
        self.status = -1

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        read, write = os.pipe()
        wait, self._go = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            os.close(read)
            os.close(self._go)
            _child(self._request, self._folder, write, wait)
        os.close(write)
        os.close(wait)
        self._read = read
        return self

    def go(self) -> None:
        """Let the cases run."""
        with contextlib.suppress(BrokenPipeError):  # it ended while it collected, which ``status`` tells
            os.write(self._go, b"g")

    def __exit__(self, *_: object) -> None:
        os.close(self._go)  # a signal that comes while it is being forked may be lost; that nobody wants it is not
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGTERM)
            self._reap()
        os.close(self._read)

    def said(self, timeout: float) -> Iterator[Said]:
        """Yield what the child said within ``timeout`` seconds; ``running`` then tells whether it has ended."""
        ready, _, _ = select.select([self._read], [], [], timeout)
        if not ready:
            return
        data = os.read(self._read, _CHUNK)
        if not data:
            self._reap()
            return
        while not data.endswith(b"\n") and len(data) < _MOST:
            more = os.read(self._read, _CHUNK)
            if not more:
                break
            data += more
        for line in data.splitlines():
            yield msgspec.json.decode(line, type=Said)

    @property
    def running(self) -> bool:
        """Whether the child goes on."""
        return bool(self._pid)

    def _reap(self) -> None:
        _, status = os.waitpid(self._pid, 0)
        self.status, self._pid = os.waitstatus_to_exitcode(status), 0


class _Teller:
    """The child's part: each result as a line of JSON."""

    def __init__(self, write: int, wait: int) -> None:
        self._write = write
        self._wait = wait

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if not os.read(self._wait, 1):  # nobody wants the cases any more
            os._exit(_UNWANTED)
        self._tell(Planned(count=len(session.items)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if data := result_of(report):
            self._tell(Ended(case=msgspec.convert(data, CaseResult)))

    def _tell(self, said: Said) -> None:
        line = msgspec.json.encode(said) + b"\n"
        while line:
            line = line[os.write(self._write, line) :]


def _child(request: Request, folder: Path, write: int, wait: int) -> None:
    """Run the cases and end; never returns."""
    status = 70
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        log = os.open(folder / "watch.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        status = int(pytest.main(pytest_arguments(request, folder), plugins=[_Teller(write, wait)]))
    finally:
        os._exit(status)
