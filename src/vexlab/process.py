"""Host commands. Apart from QEMU's own launch this is the only place that starts processes."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vexlab.errors import InfraError

log = logging.getLogger(__name__)

_SYSTEM_DIRS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


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


def find(program: str) -> str | None:
    """Return the path of ``program``, looking in the system folders as well (an ordinary user's PATH lacks them)."""
    return shutil.which(program) or shutil.which(program, path=os.pathsep.join(_SYSTEM_DIRS))


def require(program: str) -> str:
    """Return the path of ``program``; raise ``InfraError`` where it is not installed."""
    path = find(program)
    if path is None:
        raise InfraError(f"{program} is not installed", hint="`vexlab doctor` names the package that holds it")
    return path


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    input: bytes | None = None,  # noqa: A002 - the name subprocess gives it
    stdout: Path | None = None,
    check: bool = False,
) -> Completed:
    """Run ``argv`` (no shell) and return how it ended.

    ``timeout`` is in seconds; when it passes, the command and all its children are killed and ``InfraError`` is
    raised. ``env`` is added to our own environment. ``stdout`` sends standard output to a file. With ``check`` a
    non-zero exit raises ``InfraError`` with the command's last words.
    """
    command = (require(argv[0]), *argv[1:])
    log.debug("run %s", " ".join(command))
    with tempfile.TemporaryFile() as stderr, open(stdout or os.devnull, "wb") as sink:  # noqa: PTH123 - devnull too
        with subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL,
            stdout=sink if stdout else subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        ) as child:
            try:
                out, _ = child.communicate(input, timeout=timeout)
            except subprocess.TimeoutExpired as error:
                raise InfraError(
                    f"`{' '.join(argv)}` did not end within {timeout:g} s", hint="is the machine overloaded?"
                ) from error
            finally:
                _kill_group(child)
        stderr.seek(0)
        done = Completed(argv=tuple(argv), returncode=child.returncode, stdout=out or b"", stderr=stderr.read())
    if check and done.returncode:
        words = done.error_text.strip() or done.text.strip()
        raise InfraError(f"`{' '.join(argv)}` ended with status {done.returncode}:\n{words[-2000:]}")
    return done


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
