"""How long one test of a suite may take: by what it took in earlier runs, where it passed."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from vexlab.model.case import CaseResult
from vexlab.model.verdict import Verdict
from vexlab.plugin.evidence import CASE

_TIMES = 5  # as long as the longest time may a test take: hosts are not always equally busy
_LEAST_S = 300.0
_RUNS = 20  # the newest ones that are looked at


def deadline_s(usual: float, took: Sequence[float], scale: float) -> float:
    """Return the seconds on a distribution's kernel, ``usual`` of them for a test that has not passed yet.

    ``took`` are seconds in earlier runs on the same kernel, on which all takes ``scale`` times as long. Pure.
    """
    return max(_LEAST_S, _TIMES * max(took) / scale) if took else usual


def passed_in(folder: Path) -> tuple[float, ...]:
    """Return what the case took, in seconds, where it passed in earlier runs; ``folder`` is that of its evidence now.

    A run's folders of cases have the same names in each run (``RESULTS/RUN/cases/NAME``).
    """
    runs = sorted(folder.parents[2].glob(f"*/cases/{_literal(folder.name)}/{CASE}"), reverse=True)
    found = []
    for file in runs[:_RUNS]:
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            case = msgspec.json.decode(file.read_bytes(), type=CaseResult)
            if case.verdict is Verdict.PASSED:
                found.append(case.duration_s)
    return tuple(found)


def _literal(name: str) -> str:
    return name.replace("[", "[[]")
