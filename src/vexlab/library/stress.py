"""Stress of one's own as a component: ``StressTestFramework``."""

from __future__ import annotations

import inspect
import json
import time
from pathlib import Path

from vexlab.errors import TargetFailure, UsageError
from vexlab.model.target import Target
from vexlab.plugin.domain_base import TestResult
from vexlab.tables import read_table
from vexlab.vm.machine import Machine

_NAMES = ("stress.toml", "stress.json")
_DURATION = "duration_s"


class StressTestFramework:
    """Runs ``run_custom_scenario`` again and again in one fresh machine, until its time is over or it fails.

    A class derived from it is a component (``vexlab.components``): a package names it as an entry point, and
    ``vexlab run --enable NAME`` runs it. ``machine`` and ``target`` are set before ``setup``; the scenario raises
    ``AssertionError`` where something does not hold, and what the kernel says is judged besides.
    """

    machine: Machine
    target: Target
    duration_s: float = 10.0

    def __init__(self) -> None:
        self.rounds = 0
        self._failed = ""

    def load_custom_config(self, file: str | Path | None = None) -> dict[str, object]:
        """Return a table: of ``file``, else of ``stress.toml`` or ``stress.json`` beside the class, else an empty one.

        ``duration_s`` in it is how long the scenario is repeated. Raises ``UsageError`` for a file that is none.
        """
        here = Path(inspect.getfile(type(self))).parent
        path = Path(file) if file else next((here / name for name in _NAMES if (here / name).is_file()), None)
        found = _read(path) if path else {}
        duration = found.get(_DURATION, self.duration_s)
        if not isinstance(duration, (int, float)) or duration <= 0:
            raise UsageError(f"{path}: {_DURATION} is no length of time: {duration!r}")
        self.duration_s = float(duration)
        return found

    def setup(self) -> None:
        """Make the machine ready; nothing unless it is overridden."""

    def run_custom_scenario(self) -> None:
        """Do one round; to be overridden."""
        raise UsageError(f"{type(self).__name__} does not override run_custom_scenario")

    def execute(self) -> None:
        """Repeat the scenario for ``duration_s`` seconds, at least once; the first failure ends it."""
        end = time.monotonic() + self.duration_s
        while not self._failed:
            try:
                self.run_custom_scenario()
            except (AssertionError, TargetFailure) as error:
                self._failed = f"round {self.rounds + 1}: {error}"
            self.rounds += 1
            if time.monotonic() >= end:
                break

    def cleanup(self) -> None:
        """Put away what is not in the machine; nothing unless it is overridden."""

    def get_results(self) -> TestResult:
        """Return whether every round held, and how many there were."""
        return TestResult(
            passed=self.rounds > 0 and not self._failed,
            message=self._failed or ("" if self.rounds else "no round was run"),
            metrics={"rounds_count": float(self.rounds)},
        )


def _read(path: Path) -> dict[str, object]:
    if path.suffix != ".json":
        return read_table(path)
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path} holds no table")
    return found
