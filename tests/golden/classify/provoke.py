"""Provoke every crash of ``source/crashes.c`` on real kernels and keep what the kernel said, below ``logs/``.

The header of a log, which says what must be read out of it, is kept; a new log needs one written by hand.

::

    python tests/golden/classify/provoke.py 6.1 [BUG...]

For an instrumented kernel (``6.1-kasan``) name the bugs. Each crash gets a fresh machine; nothing is ever loaded on
the host.
"""

from __future__ import annotations

import contextlib
import re
import sys
import time
from pathlib import Path

from vexlab.classify import classify
from vexlab.config import Settings
from vexlab.errors import MachineError
from vexlab.lab import Lab, Order
from vexlab.targets.load import load_target

HERE = Path(__file__).parent
APPEND = "watchdog_thresh=2 rcupdate.rcu_cpu_stall_timeout=4 kfence.sample_interval=1"
QUIET_S = 3.0
MOST_S = 45.0
DEBUG = "/sys/kernel/debug"
LEAKS = f"{DEBUG}/kmemleak"
SCAN = f"sleep 8; echo scan > {LEAKS}; sleep 8; echo scan > {LEAKS}; cat {LEAKS}"  # it reports nothing younger than 5 s
_END = "---\n"  # of the header
_NAMES = re.compile(r'\{ "(\w+)", crashes_')


def provoke(lab: Lab, order: Order, bug: str) -> str:
    """Load the module with one bug and return the console once it has been quiet for a while."""
    with lab.machine(order) as machine:
        machine.watch = None
        machine.exec(["sh", "-c", "echo 3 > /proc/sys/kernel/hung_task_timeout_secs"], timeout=20)
        if machine.kcsan:  # which is off until a module is looked at
            machine.shell(f"mount -t debugfs debugfs {DEBUG}; echo on > {DEBUG}/kcsan", timeout=20)
        with contextlib.suppress(MachineError):
            machine.exec(["insmod", "/vexlab/crashes.ko", f"bug={bug}"], timeout=12)
        leaks = machine.shell(SCAN, timeout=60).text if bug == "leak" else ""
        end = time.monotonic() + MOST_S
        size, since = -1, time.monotonic()
        while time.monotonic() < end:
            if machine.console.size != size:
                size, since = machine.console.size, time.monotonic()
            elif time.monotonic() - since > QUIET_S and (classify(machine.console.text()) or bug == "none"):
                break
            time.sleep(0.3)
        return machine.console.text().replace("\r", "") + leaks


def main(release: str, *wanted: str) -> None:
    """Record the logs of one kernel."""
    bugs = ["none", *_NAMES.findall((HERE / "source/crashes.c").read_text())]
    (HERE / "logs").mkdir(exist_ok=True)
    with Lab(Settings(), progress=print) as lab:
        target = load_target(HERE / "target.toml")
        kernel = lab.kernels.get(release)
        order = Order(target=target, kernel=kernel, artifact=lab.artifact(target, kernel), append=APPEND)
        for bug in wanted or bugs:
            text = provoke(lab, order, bug)
            path = HERE / "logs" / f"{release}-{bug}.log"
            header = path.read_text().partition(_END)[0] if path.exists() else "MODULE: crashes\n"
            path.write_text(header + _END + text)
            titles = [report.title for report in classify(text, target_modules=["crashes"])]
            sys.stdout.write(f"{release} {bug} {titles}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
