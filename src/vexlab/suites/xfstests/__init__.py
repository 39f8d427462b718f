"""xfstests (fstests): the suite that a filesystem's developer is asked about first, from the user's own tree.

The tree is taken as it is installed, or built, and never changed: the guest sees it under a writable layer of its own.
"""

from __future__ import annotations

from vexlab.model.machine import Disk
from vexlab.suites.adapter import FOLDER, Job, Suite
from vexlab.suites.expunge import parse_expunge
from vexlab.suites.xfstests.configuration import SECTION, local_config
from vexlab.suites.xfstests.installation import NAME, find, list_tests, pack
from vexlab.suites.xfstests.output import parse

TEST, LOG = "test", "logwrites"  # serials of disks; the scratch disk is the lab's own
RESULTS = "/run/vexlab-xfstests/results"
_SIZE_MIB = 2048  # of each; sparse, so that the size costs nothing
_TIMEOUT_S = 900.0


def run(job: Job) -> tuple[str, ...]:
    """Return the guest's command: the script, the test, and all that the configuration is made of."""
    target = job.target
    devices = {**job.devices, "results": RESULTS}
    config = local_config(target, devices)
    return (
        "/bin/bash",
        f"{FOLDER}/xfstests.sh",
        job.test,
        SECTION,
        target.fstype,
        config,
        " ".join(target.mkfs),
        " ".join(target.mkfs_sized),
        " ".join(word for word in target.fsck if "{device}" not in word),
        "no" if job.missing("seek_hole") else "yes",
        job.devices[TEST],
        RESULTS,
    )


def evidence(job: Job) -> dict[str, str]:
    """Return what a test leaves: output that is wrong, its log, why it did not run, hints, the kernel's log."""
    group, _, test = job.test.partition("/")
    base = f"{RESULTS}/{SECTION}/{group}/{test}"
    return {f"{test}{kind}": f"{base}{kind}" for kind in (".out.bad", ".full", ".notrun", ".hints", ".dmesg")}


SUITE = Suite(
    name=NAME,
    about="the filesystem tests of the kernel's developers, from the user's installed tree",
    find=find,
    pack=pack,
    list=list_tests,
    run=run,
    parse=parse,
    expunge=parse_expunge,
    recipe="xfstests",
    disks=(Disk(serial=TEST, size=_SIZE_MIB), Disk(serial=LOG, size=_SIZE_MIB)),
    memory=512,
    timeout=_TIMEOUT_S,
    mounted=False,
    evidence=evidence,
    scratch=_SIZE_MIB,
)
