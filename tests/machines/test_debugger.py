"""``vexlab debug MACHINE``: gdb stops the kernel of a running machine in a function of the module, and lets it go."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

pytestmark = pytest.mark.machine

ROOT = Path(__file__).parents[2]
LAUNCH = json.loads((ROOT / "editors" / "vscode" / "launch.json").read_text())["configurations"][0]
PLANTED = ROOT / "tests" / "planted"
SOURCE = PLANTED / "source" / "planted.c"
SETUP = "customLaunchSetupCommands"
_MOUNT = ("busybox", "mount", "-t", "planted", "none", "/mnt")
_REFUSED = {"status": 255}  # EINVAL
_S = 60.0
_START_S = 240.0  # beside other machines


@pytest.fixture
def state() -> Iterator[Path]:
    """Return a state folder with a short path: sockets are made below it."""
    with tempfile.TemporaryDirectory(prefix="vm", dir="/tmp") as folder:
        yield Path(folder)


class _Gdb:
    """gdb as an editor runs it, by its machine interface (Debugging with GDB, "GDB/MI")."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["gdb", "--interpreter=mi2", "-q", "-nx"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._timer = threading.Timer(_S, self._process.kill)
        self._timer.start()

    def ask(self, line: str) -> str:
        """Send a command; return what gdb says until its answer, which must be no error."""
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self.wait(r"\^(done|running|connected|exit)")

    def wait(self, pattern: str) -> str:
        """Return what gdb says until the line that matches."""
        assert self._process.stdout
        said = ""
        for answer in self._process.stdout:
            said += answer
            assert not answer.startswith("^error"), said
            if re.match(pattern, answer):
                return said
        raise AssertionError(f"gdb ended: {said}")

    def end(self) -> None:
        """End gdb."""
        self.ask("-gdb-exit")
        assert self._process.wait(_S) == 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._process.kill()
        self._process.wait()


def _vexlab(state: Path, *argv: str, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "vexlab", *argv],
        capture_output=True,
        text=True,
        timeout=_START_S,
        env={**os.environ, "VEXLAB_STATE": str(state)},
    )
    assert done.returncode == status, done.stderr
    return done.stdout


def _setup_commands(file: Path) -> list[str]:
    """Return what the launch configuration has gdb do, as an editor sends it."""
    texts = [each["text"].replace("${workspaceFolder}/.vscode/vexlab.gdb", str(file)) for each in LAUNCH[SETUP]]
    return [f"-interpreter-exec console {json.dumps(text)}" for text in texts]


@pytest.mark.skipif(not shutil.which("gdb"), reason="gdb is not installed (scripts/packages-test.txt)")
def test_gdb_stops_the_kernel_in_a_function_of_the_module(state: Path, tmp_path: Path) -> None:
    commands = tmp_path / "vexlab.gdb"
    _vexlab(state, "vm", "start", "one", "--target", str(PLANTED), "--accel", "tcg")
    try:
        _vexlab(state, "debug", "one", "--commands", str(commands))
        with _Gdb() as gdb:
            gdb.ask(f"-file-exec-and-symbols {LAUNCH['program']}")
            for line in _setup_commands(commands):
                gdb.ask(line)
            number = 1 + SOURCE.read_text().splitlines().index("\treturn ERR_PTR(-EINVAL);")
            assert 'func="planted_mount"' in gdb.ask(f"-break-insert {SOURCE}:{number}"), "as an editor sets it"
            gdb.ask("-exec-continue")
            words = (state, "vm", "exec", "one", "--", *_MOUNT)
            mounting = threading.Thread(target=_vexlab, args=words, kwargs=_REFUSED)
            mounting.start()
            stopped = gdb.wait(r'\*stopped,reason="breakpoint-hit"')
            assert 'func="planted_mount"' in stopped
            assert f'fullname="{SOURCE}"' in stopped, "the editor shows the user's own file"
            assert "<planted_mount>" in gdb.ask("-data-evaluate-expression planted_type.mount"), "the module's data"
            gdb.ask('-interpreter-exec console "kill"')
            gdb.end()
        mounting.join(_S)
        assert not mounting.is_alive(), "the machine goes on"
        assert "planted" in _vexlab(state, "vm", "exec", "one", "--", "cat", "/proc/filesystems")
    finally:
        _vexlab(state, "vm", "rm", "--force", "one")
