"""What an edit costs: from the save of a source file to the first case's result, beside the build of what changed."""

from __future__ import annotations

import contextlib
import shutil
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.row import Row
from bench.running import VEXFS
from vexlab.config import Settings
from vexlab.lab import Lab
from vexlab.model.request import Request
from vexlab.targets.load import find_target
from vexlab.watch.loop import Loop
from vexlab.watch.session import Phase, Screen

ROUNDS = 7
PROMISED_S = 1.5  # more than the build
CASE = "kernel_module.load"
_FILE = "super.c"
_TYPING_S = 0.4  # longer than between two looks at the files: the loop waits when the save comes


@dataclass
class Saves:
    """Saves the file each time that the loop waits, ``rounds`` times, and notes when a round's first result is there.

    ``builds`` and ``firsts`` are in seconds: of the build alone, and from the save to the result.
    """

    file: Path
    rounds: int
    builds: list[float] = field(default_factory=list)
    firsts: list[float] = field(default_factory=list)
    _text: str = ""
    _saved: float = 0.0
    _number: int = 0
    _told: int = 0

    def show(self, screen: Screen) -> None:
        """Take a screen as the loop draws it; end the loop, as Ctrl-C does, after the last round."""
        now = screen.now
        if now and now.cases and self._told != now.number:
            self._told = now.number
            assert not now.red, now.red[0].reason
            if self._saved:
                self.builds.append(now.build_s)
                self.firsts.append(time.monotonic() - self._saved)
        if screen.phase is not Phase.WAITING or (now and len(screen.history) <= self._number):
            return
        assert now is None or not (now.error or now.build_error), now
        if self._number == self.rounds:
            raise KeyboardInterrupt
        self._number = len(screen.history)
        if self._number:
            threading.Timer(_TYPING_S, self._save).start()

    def _save(self) -> None:
        """Change the code: what is built was never built before, nor the machine that the cases start from."""
        self._text = self._text or self.file.read_text()
        line = f'static const char edited[] __attribute__((used)) = "{time.time_ns()}";\n'
        self._saved = time.monotonic()
        self.file.write_text(self._text + line)


def watch() -> list[Row]:
    """Save a file of a copy of VexFS again and again while `vexlab watch` works on it."""
    with tempfile.TemporaryDirectory(prefix="w", dir="/tmp") as folder, Lab(Settings()) as lab:
        copy = Path(folder, "vexfs")
        shutil.copytree(VEXFS, copy, symlinks=True)
        target, kernel = find_target(str(copy)), lab.kernels.get("6.1")
        saves = Saves(file=copy / "module" / _FILE, rounds=ROUNDS)
        request = Request(target=str(copy), cases=(CASE,))
        loop = Loop(lab, target, kernel, request, Path(folder, "evidence"), show=saves.show, hand_over=_nobody)
        with contextlib.suppress(KeyboardInterrupt):
            loop.run()
    more = [first - build for build, first in zip(saves.builds, saves.firsts, strict=True)]
    build, first, rest = (statistics.median(each) for each in (saves.builds, saves.firsts, more))
    return [
        Row(f"build after the save of one file, median of {ROUNDS}", f"{build:.2f} s"),
        Row(f"save to the first case's result ({CASE})", f"{first:.2f} s"),
        Row("the same less the build", f"{rest:.2f} s", f"≤ {PROMISED_S} s", rest <= PROMISED_S),
        Row("the same, slowest", f"{max(more):.2f} s"),
    ]


def _nobody(_argv: list[str]) -> None:
    """Run nothing: no key is pressed."""
