"""fs_mark as a suite of vexlab's: how many files a second can be made and synced, each way of syncing a test."""

import re
from pathlib import Path

from vexlab.model.machine import CommandResult
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.model.target import Target
from vexlab.suites.adapter import FOLDER, Installed, Job, Payload, Search, Suite, whole
from vexlab.suites.expunge import parse_expunge

HERE = Path(__file__).parent
METHODS = {"none": 0, "fsync-each": 1, "sync-and-fsync": 2, "fsync-reversed": 3}  # fs_mark(1), -S
# end fsync-each 0
END = re.compile(r"^end ([\w-]+) (\d+)$", re.MULTILINE)


def find(_search: Search) -> Installed:
    """It is a package of the guest's image, so there is nothing to look for."""
    return Installed(suite="fs-mark", place=Path("package fsmark"), version="of Debian")


def pack(_installed: Installed, _target: Target) -> Payload:
    """Bring the script into the guest."""
    return Payload(files={"fs_mark.sh": HERE / "fs_mark.sh"})


def run(job: Job) -> tuple[str, ...]:
    """Give the script the mount point, and each method with its number."""
    words = [word for name, number in METHODS.items() if name not in job.skip for word in (name, str(number))]
    return ("/bin/bash", f"{FOLDER}/fs_mark.sh", job.mountpoint, *words)


def parse(job: Job, output: str, _ended: CommandResult | None) -> tuple[SubResult, ...]:
    """A method passed where fs_mark ended with status 0; one without an end failed."""
    ends = dict(END.findall(output))
    verdicts = {"0": SubVerdict.PASSED}
    return tuple(
        SubResult(name=name, verdict=verdicts.get(ends.get(name, ""), SubVerdict.FAILED), words=output[-300:])
        for name in METHODS
        if name not in job.skip
    )


SUITE = Suite(
    name="fs-mark",
    about="files made and synced, in each of four ways",
    find=find,
    pack=pack,
    list=whole,
    run=run,
    parse=parse,
    expunge=parse_expunge,
    recipe=str(HERE / "fs_mark.toml"),
)
