"""What ``stress.py`` prints: which process is stuck in what, what went wrong, how much was done. Pure.

The program is ``workloads/scripts/stress.py``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from vexlab.workloads import SCRIPTS

STRESS = SCRIPTS / "stress.py"

# stuck 712 rename across        done 48213
_STUCK = re.compile(r"^stuck (\d+) (.+)$", re.MULTILINE)
_DONE = re.compile(r"^done (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stressed:
    """How a stress ended: ``pid`` is the process that is ``stuck`` in an operation, 0 for none.

    ``wrong`` are errors that no stress may give, each once, and ``operations`` how many were done.
    """

    pid: int = 0
    stuck: str = ""
    wrong: tuple[str, ...] = ()
    operations: int = 0


def stressed(text: str) -> Stressed:
    """Return what the program printed."""
    stuck, done = _STUCK.search(text), _DONE.search(text)
    if stuck:
        return Stressed(pid=int(stuck[1]), stuck=stuck[2])
    wrong = dict.fromkeys(line for line in text.splitlines() if not _DONE.fullmatch(line))
    return Stressed(wrong=tuple(wrong), operations=int(done[1]) if done else 0)
