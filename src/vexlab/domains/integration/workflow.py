"""Runs a workflow, a shell script of ``workflows/``, in one command in the guest and reads what it measured."""

from __future__ import annotations

import io
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from vexlab.errors import TargetFailure
from vexlab.guest.post_checks import PostChecks
from vexlab.model.machine import CommandResult
from vexlab.plugin.fixtures import Metrics
from vexlab.vm.machine import Machine
from vexlab.workloads import LIBRARY

SCRIPTS = Path(__file__).parent / "workflows"
_PRELUDE = "prelude.sh"
_CAPABLE = tuple(path for path in LIBRARY if path.name == "capable.sh")
_CHECKS = "checks_count"
_SHOWN, _BEFORE = 1500, 8  # characters, lines
# line 31 of git: `git commit -q -m "the first"` ended with status 128
_WHERE = re.compile(r"line \d+ of \S+: `.*` ended with status \d+$")

# metric commits_count 12
_METRIC = re.compile(r"^metric (\w+_[a-z]+) (-?[\d.]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """Workflows on one mounted filesystem; ``post_checks`` can unmount, check and mount it in between."""

    machine: Machine
    mountpoint: str
    post_checks: PostChecks
    metrics: Metrics

    def run(self, name: str, *words: str, timeout: float) -> CommandResult:
        """Run the steps ``words`` of the script ``name``, which must end well and check something."""
        return self.run_text(name, (SCRIPTS / f"{name}.sh").read_text(), *words, timeout=timeout)

    def run_text(self, name: str, text: str, *words: str, timeout: float) -> CommandResult:
        """Run ``text`` like a script; ``name`` is what a failure calls it."""
        argv = ["/bin/bash", "-c", _prelude() + text, name, self.mountpoint, *words]
        result = self.machine.exec(argv, timeout=timeout)
        measured = parse_metrics(result.text)
        for metric, value in measured.items():
            if metric != _CHECKS:
                self.metrics.record(metric, value)
        if not result.ok:
            raise TargetFailure(f"{' '.join((name, *words))}: {words_of(result)}")
        if not measured.get(_CHECKS, 0) > 0:
            raise TargetFailure(f"{name} checked nothing: {words_of(result)}")
        return result

    def room(self, size: int) -> None:
        """Skip the case where a file may not have ``size`` bytes."""
        filesystem = self.post_checks.filesystem
        if filesystem.within("file_size", size) < size:
            pytest.skip(f"it writes files of {size} bytes, more than the filesystem takes (`file_size`)")

    def script(self, name: str) -> str:
        """Return the script ``name``, for a case that runs it in its own way."""
        return script_of(name)

    def remount(self) -> None:
        """Unmount, check and mount the filesystem, and drop the caches: what follows is read from the disk."""
        self.post_checks.again()


def script_of(name: str) -> str:
    """Return the script ``name`` with the functions of the prelude, and those that know the profile, before it."""
    return _prelude() + (SCRIPTS / f"{name}.sh").read_text()


def _prelude() -> str:
    return "\n".join(path.read_text() for path in (*_CAPABLE, SCRIPTS / _PRELUDE))


def words_of(result: CommandResult) -> str:
    """Return what a failed script said last, before which of its commands that was, which it says after it."""
    said = result.error_text.strip() or result.text.strip() or f"it ended with status {result.status}"
    lines = said.splitlines()
    where = [line for line in lines if _WHERE.match(line)]
    others = [line for line in lines if line not in where]
    if not where or not others:
        return said[-_SHOWN:]
    return "\n".join((others[-1], where[0], *others[:-1][-_BEFORE:]))[:_SHOWN]


def parse_metrics(text: str) -> dict[str, float]:
    """Return the values of the lines ``metric NAME VALUE``; of a name that comes twice the sum."""
    found: dict[str, float] = {}
    for name, value in _METRIC.findall(text):
        found[name] = found.get(name, 0.0) + float(value)
    return found


def tar_of(folder: Path) -> bytes:
    """Return an uncompressed tar of the files of ``folder``, in a fixed order, owned by root."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "build" not in path.parts and "__pycache__" not in path.parts:
                tar.add(path, str(path.relative_to(folder)), filter=_plain)
    return buffer.getvalue()


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    return info
