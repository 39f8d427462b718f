"""The way of a new user, each step timed: from the clone to a workflow that guards a module nobody knew before.

``python -m bench.newcomer [--warm]``: nothing is in the cache at the beginning; with ``--warm`` the user's cache is
used. The module is VexFS as a filesystem in its first week (``targets/vexfs/young/first_week.toml``), without a
description and with a mistake in it. Exit status 1 where a step ends otherwise than it must. Takes some twenty minutes.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.running import ROOT, VEXFS

_STEP_S = 3600.0
_REFERENCE = "VEXFS_DEFECT(module_reference_leak)"  # stands where a mount takes one to the module, and gives it back
_FILE = Path("module", "mount.c")
_COMMITTER = {
    "GIT_AUTHOR_NAME": "new", "GIT_AUTHOR_EMAIL": "new@example.org",
    "GIT_COMMITTER_NAME": "new", "GIT_COMMITTER_EMAIL": "new@example.org",
}  # fmt: skip
_WORKFLOW = """\
on: [push]
jobs:
  vexlab:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - uses: OWNER/vexlab/.github/actions/vexlab@TAG
        with:
          target: .
          args: --level 1 --quick
"""
_RED = re.compile(r"^ +(?:FAILED|CRASHED) +(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """A step: its seconds, how it ended, and whether it ended as it must."""

    name: str
    seconds: float
    said: str
    right: bool


@dataclass
class Newcomer:
    """Somebody with a folder of their own; ``environment`` is what their commands get."""

    folder: Path
    environment: dict[str, str]
    steps: list[Step] = field(default_factory=list)

    @property
    def module(self) -> Path:
        """The repository of their filesystem."""
        return self.folder / "myfs"

    @property
    def vexlab(self) -> str:
        """The command that scripts/setup made."""
        return str(self.folder / "vexlab" / ".venv" / "bin" / "vexlab")

    def call(self, name: str, *argv: str | Path, status: int = 0, within: Path | None = None) -> str:
        """Run a command as a step; return what it printed."""
        begin = time.monotonic()
        done = subprocess.run(
            [str(word) for word in argv], check=False, capture_output=True, text=True,
            cwd=within or self.module, env=self.environment, timeout=_STEP_S,
        )  # fmt: skip
        said = done.stdout + done.stderr
        self.tell(name, time.monotonic() - begin, _last(said), right=done.returncode == status)
        if done.returncode != status:
            print(said[-4000:], file=sys.stderr)
        return said

    def tell(self, name: str, seconds: float, said: str, *, right: bool) -> None:
        """Note a step."""
        self.steps.append(Step(name, seconds, said, right))
        print(f"{seconds:8.1f} s  {name}: {said}", file=sys.stderr)


def main() -> int:
    """Go the way and print what each step took."""
    parser = argparse.ArgumentParser(prog="python -m bench.newcomer", description=__doc__)
    parser.add_argument("--warm", action="store_true", help="use the cache that is there")
    warm = parser.parse_args().warm
    with tempfile.TemporaryDirectory(prefix="n", dir="/tmp") as folder:
        own = {} if warm else {"VEXLAB_CACHE": str(Path(folder, "cache"))}
        user = Newcomer(Path(folder), {**os.environ, **_COMMITTER, **own, "PYTHONUNBUFFERED": "1"})
        user.environment.pop("PYTHONPATH", None)
        _walk(user)
    table = Table("step", "time", "how it ended", "", title="a new user's way, one after the other")
    for step in user.steps:
        table.add_row(step.name, f"{step.seconds:.1f} s", step.said, "" if step.right else "WRONG")
    total = sum(step.seconds for step in user.steps)
    table.add_row("all", f"{total:.0f} s", "", "")
    Console(width=140).print(table)
    return 0 if all(step.right for step in user.steps) else 1


def _walk(user: Newcomer) -> None:
    _write_module(user.module)
    _git(user, "init", "-q", "-b", "main")
    user.call("git clone", "git", "clone", "-q", ROOT, "vexlab", within=user.folder)
    user.call("scripts/setup report", "scripts/setup", "report", within=user.folder / "vexlab")
    user.call("vexlab init", user.vexlab, "init", ".")
    told = user.call("first verdict, red", user.vexlab, "run", "--target", ".", "--level", "1", "--quick", status=1)
    red = list(dict.fromkeys(_RED.findall(told)))
    _mend(user, red)
    user.call("the quick cases again", user.vexlab, "run", "--target", ".", "--level", "1", "--quick")
    user.call("a page", user.vexlab, "report", "last", "--format", "html", "--output", "report.html")
    user.call("vexlab hooks install", user.vexlab, "hooks", "install", "--target", ".")
    (user.module / ".gitignore").write_text("vexlab-results/\nreport.html\n")
    workflow = user.module / ".github" / "workflows" / "vexlab.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(_WORKFLOW)
    _git(user, "add", "-A")
    user.call("git commit, with its hook", "git", "commit", "-q", "-m", "myfs: first version")
    job = ("--target", ".", "--level", "1", "--quick")
    user.call("what the workflow calls", user.folder / "vexlab" / "scripts" / "ci", *job)


def _write_module(folder: Path) -> None:
    """Write a small filesystem as somebody's own: module and programs, no description, one mistake."""
    ignored = shutil.ignore_patterns("*.o", "*.ko", "__pycache__")
    for name in ("module", "tools", "include"):
        shutil.copytree(VEXFS / name, folder / name, symlinks=True, ignore=ignored)
    words = re.search(r"YOUNG=(.*?)\"\"\"", (VEXFS / "young" / "first_week.toml").read_text(), re.DOTALL)
    assert words
    young = re.sub(r"[\\\s]", "", words[1]).removesuffix(",no_fsck")
    build = folder / "module" / "Kbuild"
    build.write_text(f"YOUNG := {young}\n{build.read_text()}")
    file = folder / _FILE
    sound = file.read_text()
    assert sound.count(_REFERENCE) == 2
    # The mistake: every mount holds the module for good.
    file.write_text(sound.replace(_REFERENCE, "true", 1).replace(_REFERENCE, "false", 1))


def _mend(user: Newcomer, red: list[str]) -> None:
    """Have the edit loop watch the first case that was red, save what mends it, and wait until it is green."""
    if not red:
        user.tell("vexlab watch", 0.0, "no case was red", right=False)
        return
    argv = [user.vexlab, "watch", "--target", ".", "--case", red[0]]
    begin = time.monotonic()
    with _running(argv, user) as line_with:
        line = line_with(r"^ +1\. ")  # of the list of rounds
        user.tell(f"vexlab watch: {red[0]}", time.monotonic() - begin, line, right="1 red" in line)
        shutil.copyfile(VEXFS / _FILE, user.module / _FILE)
        begin = time.monotonic()
        line = line_with(r"^ +2\. ")
        user.tell("mended: from the save to green", time.monotonic() - begin, line, right="1 passed" in line)


@contextmanager
def _running(argv: list[str], user: Newcomer) -> Iterator[Callable[[str], str]]:
    """Run a command that goes on; yield what waits for a line of it that holds a pattern, and returns it."""
    process = subprocess.Popen(
        argv, cwd=user.module, env=user.environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip

    def line_with(pattern: str) -> str:
        assert process.stdout
        said = []
        for line in process.stdout:
            said.append(line)
            if re.search(pattern, line):
                return line.strip()
        raise SystemExit(f"{' '.join(argv)} ended: {''.join(said)[-2000:]}")

    try:
        yield line_with
    finally:
        process.terminate()
        process.wait(60)


def _git(user: Newcomer, *words: str) -> None:
    subprocess.run(["git", *words], check=True, cwd=user.module, env=user.environment, capture_output=True)


def _last(said: str) -> str:
    """Return the line that tells how a command ended: the verdict, or the last one."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return next((line for line in reversed(lines) if line.startswith("verdict:")), lines[-1] if lines else "")[:90]


if __name__ == "__main__":
    sys.exit(main())
