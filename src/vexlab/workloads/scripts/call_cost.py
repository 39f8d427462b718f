"""What a system call that does nothing takes: prints the nanoseconds of one.

It is the least of some rounds: what disturbs a round only makes it longer.
"""

from __future__ import annotations

import os
import time

ROUNDS, CALLS = 5, 2000


def once() -> float:
    """Return the nanoseconds of one call in a round."""
    call = os.getppid
    begin = time.perf_counter_ns()
    for _ in range(CALLS):
        call()
    return (time.perf_counter_ns() - begin) / CALLS


print(int(min(once() for _ in range(ROUNDS))))
