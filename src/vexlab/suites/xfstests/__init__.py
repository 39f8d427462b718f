"""xfstests (fstests): the suite that a filesystem's developer is asked about first, from the user's own tree.

The tree is taken as it is installed, or built, and never changed: the guest sees it under a writable layer of its own.
"""

from __future__ import annotations

from dataclasses import replace

from vexlab.model.machine import Disk
from vexlab.suites.adapter import FOLDER, Job, Suite
from vexlab.suites.expunge import parse_expunge
from vexlab.suites.xfstests.configuration import SECTION, local_config
from vexlab.suites.xfstests.installation import NAME, find, list_tests, pack
from vexlab.suites.xfstests.output import parse

TEST, LOG = "test", "logwrites"  # serials of disks; the scratch disk is the lab's own
PLACE = "/run/vexlab-xfstests"  # in the guest: the tree as tests see it, pipes to ./check, results
RESULTS = f"{PLACE}/results"
# Capabilities that overlay.sh answers a `_require` with.
ANSWERS = ("seek_hole", "exact_names", "case_sensitive", "survives_power_cut")
_SIZE_MIB = 2048  # of each; sparse, so that the size costs nothing
_TIMEOUT_S = 900.0


def run(job: Job) -> tuple[str, ...]:
    """Return the guest's command for a test; ./check is told of it where it waits already."""
    return ("/bin/bash", f"{FOLDER}/go.sh", job.test, PLACE) if job.begun else _script(job)


def begin(job: Job) -> tuple[str, ...]:
    """Return the guest's command that starts ./check, up to where its first test would begin."""
    return _script(replace(job, test=""))


def _script(job: Job) -> tuple[str, ...]:
    """Return the script, the test, and all that the configuration is made of."""
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
        " ".join(target.fsck or ("true",)),
        " ".join(name for name in ANSWERS if not job.missing(name)),
        job.devices.get(TEST, "TEST_DEV"),
        RESULTS,
        PLACE,
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
    begin=begin,
)
