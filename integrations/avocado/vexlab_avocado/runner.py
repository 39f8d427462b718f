"""The runner: one case of vexlab in a run of its own, with results and evidence in the test's log folder."""

from __future__ import annotations

import contextlib
import os
import selectors
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from avocado.core.nrunner.app import BaseRunnerApp
from avocado.core.nrunner.runnable import Runnable
from avocado.core.nrunner.runner import BaseRunner
from avocado.core.utils.messages import (
    FinishedMessage,
    LogMessage,
    RunningMessage,
    StartedMessage,
    StdoutMessage,
    WhiteboardMessage,
)

from vexlab_avocado.command import SECTION, SETTINGS, VexlabError, run_argv
from vexlab_avocado.outcome import Outcome, judge
from vexlab_avocado.variant import FLAVOUR, KERNEL, parameters

Message = Mapping[str, object]
_SIGN_OF_LIFE_S = 0.5  # Avocado asks for one at about this pace
_END_S = 20.0  # vexlab ends its machines and keeps what there is
_CHUNK = 1 << 16
_TAIL = 1 << 13
# A signal for vexlab where this process is killed outright, so that no machine is left; needs util-linux.
_WITH_US = ("setpriv", "--pdeathsig", "TERM")


class VexlabRunner(BaseRunner):  # type: ignore[misc] # avocado has no types
    """Runs runnables of the kind ``vexlab``."""

    name = "vexlab"
    description = "Cases of vexlab in disposable virtual machines"
    CONFIGURATION_USED = [f"{SECTION}.{name}" for name in SETTINGS]  # noqa: RUF012 - the base class has a list

    def run(self, runnable: Runnable) -> Iterator[Message]:
        """Yield Avocado's messages of a test."""
        yield StartedMessage.get()
        folder = Path(runnable.output_dir or tempfile.mkdtemp(prefix="avocado-vexlab-"))
        key = {str(name): str(value) for name, value in runnable.kwargs["key"].items()}
        try:
            given = parameters(runnable.variant)
            if runnable.kwargs.get("pinned") and {KERNEL, FLAVOUR} & set(given):
                raise ValueError("the test's name says the kernel, and so does the variant; give it in one place")
            argv, case = run_argv(runnable.config, key, runnable.kwargs.get("source", ()), given, folder)
            (folder / "case.txt").write_text(f"{case}\n")
        except (ValueError, VexlabError, OSError) as error:
            yield FinishedMessage.get("error", fail_reason=str(error))
            return
        yield LogMessage.get(f"{case}: {shlex.join(argv)}")
        ended = _Ended()
        yield from _carry_out(argv, ended)
        document = folder / "result.json"
        outcome = judge(document.read_bytes() if document.exists() else b"", case, ended.status, ended.said)
        _link_evidence(folder, outcome)
        yield from _tell(outcome, ended.status, key.get("domain", ""))


class _Ended:
    """How the program ended: its exit status, and the last of what it said."""

    def __init__(self) -> None:
        self.status = -1
        self._tail = b""

    @property
    def said(self) -> str:
        return self._tail.decode(errors="replace")

    def hear(self, data: bytes) -> None:
        self._tail = (self._tail + data)[-_TAIL:]


def _carry_out(argv: Sequence[str], ended: _Ended) -> Iterator[Message]:
    """Run ``argv``, yielding its output as it comes and signs of life; however this ends, the program has ended."""
    prefix = _WITH_US if shutil.which(_WITH_US[0]) else ()
    with _terminated_by_exception(), _started([*prefix, *argv]) as child, selectors.DefaultSelector() as ready:
        output = child.stdout
        if output is None:
            return
        ready.register(output, selectors.EVENT_READ)
        while True:
            if not ready.select(_SIGN_OF_LIFE_S):
                if child.poll() is not None:  # a grandchild holds the pipe still
                    break
                yield RunningMessage.get()
                continue
            data = os.read(output.fileno(), _CHUNK)
            if not data:
                break
            ended.hear(data)
            yield StdoutMessage.get(data)
        ended.status = child.wait()


@contextlib.contextmanager
def _started(argv: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        yield child
    finally:
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(_END_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@contextlib.contextmanager
def _terminated_by_exception() -> Iterator[None]:
    """Let Avocado's polite kill, of a test that took too long, end vexlab in order, too."""

    def leave(_number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _tell(outcome: Outcome, status: int, domain: str) -> Iterator[Message]:
    for line in outcome.lines:
        yield LogMessage.get(line)
    if outcome.whiteboard:
        yield WhiteboardMessage.get(outcome.whiteboard)
    yield FinishedMessage.get(
        outcome.result,
        fail_reason=outcome.reason or None,
        returncode=status,
        class_name=f"vexlab.{domain}" if domain else "vexlab",
        fail_class=outcome.fail_class or None,
    )


def _link_evidence(folder: Path, outcome: Outcome) -> None:
    """Make ``evidence`` in the test's folder lead to the case's folder inside it."""
    place = Path(outcome.evidence)
    if outcome.evidence and place.is_relative_to(folder) and place.is_dir():
        (folder / "evidence").symlink_to(place.relative_to(folder))


class RunnerApp(BaseRunnerApp):  # type: ignore[misc] # avocado has no types
    """The program ``avocado-runner-vexlab``."""

    PROG_NAME = "avocado-runner-vexlab"
    PROG_DESCRIPTION = "nrunner application for cases of vexlab"
    RUNNABLE_KINDS_CAPABLE = ["vexlab"]  # noqa: RUF012 - the base class has a list


def main() -> None:
    """Run the program."""
    RunnerApp(print).run()


if __name__ == "__main__":
    main()
