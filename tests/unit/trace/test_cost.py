"""What a system call costs, as the program that measures it says."""

from __future__ import annotations

import subprocess
import sys

import pytest

from vexlab.trace.cost import parse_cost
from vexlab.workloads import script


def test_a_call_takes_some_time() -> None:
    argv = [sys.executable, "-c", script("call_cost.py")]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
    assert 0 < parse_cost(done.stdout) < 1_000_000


@pytest.mark.parametrize("text", ["", "none", "0", "-7"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"invalid literal|takes"):
        parse_cost(text)
