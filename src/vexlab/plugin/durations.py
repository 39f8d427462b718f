"""How long each case may be expected to take, so that the longest are not begun last.

``durations.tsv`` holds a line for each of vexlab's own cases, ``name<tab>seconds``: the longest of what several targets
took, on two CPUs of the host with two machines side by side. ``python -m bench.durations`` writes it from results.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("durations.tsv")
UNKNOWN_S = 10.0
SLOW_S = 60.0  # what is marked slow, and is not in the table


def name_of(case: str, kernel: str) -> str:
    """Return a case's id without its kernel: ``d.a[6.1-x]`` → ``d.a[x]``, ``d.a[6.1]`` → ``d.a``."""
    name, bracket, rest = case.partition("[")
    words = rest.removesuffix("]")
    # 6.1-amd64-names    names-6.1-amd64    6.1-amd64
    words = re.sub(rf"^{re.escape(kernel)}(-|$)|-{re.escape(kernel)}$", "", words) if kernel else words
    return f"{name}[{words}]" if bracket and words else name


def expected_s(case: str, kernel: str, *, slow: bool = False) -> float:
    """Return the seconds that a case is expected to take."""
    return table().get(name_of(case, kernel), SLOW_S if slow else UNKNOWN_S)


@cache
def table() -> Mapping[str, float]:
    """Return the seconds by the names of cases."""
    return parse(FILE.read_text())


def parse(text: str) -> dict[str, float]:
    """Read a table; raise ``ValueError`` where it is none."""
    rows = (line.split("\t") for line in text.splitlines())
    return {name: float(seconds) for name, seconds in rows}


def render(seconds: Mapping[str, float]) -> str:
    """Return the table of ``seconds`` by the names of cases."""
    return "".join(f"{name}\t{round(max(1.0, value))}\n" for name, value in sorted(seconds.items()))
