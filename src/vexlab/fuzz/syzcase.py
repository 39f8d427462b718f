"""A program of syzkaller's kept as a case: what ``vexlab run`` tries again."""

from __future__ import annotations

from pathlib import Path

from vexlab.fuzz import syztries
from vexlab.fuzz.folder import PROGRAM
from vexlab.guest.mount import GuestFilesystem


def replay(mounted: GuestFilesystem, folder: Path, *, times: int) -> None:
    """Run the program in ``folder`` by the execprog beside it; what the kernel says is found as in every case.

    Raises ``GuestTimeout`` for a hang.
    """
    runner = syztries.Runner(execprog=folder / "syz-execprog", executor=folder / "syz-executor")
    syztries.prepare(mounted, runner)
    syztries.run(mounted.machine, (folder / PROGRAM).read_text(), times=times)
