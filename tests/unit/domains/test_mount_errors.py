"""The case about refused mounts finds a filesystem that takes any option, and one that is broken by a refusal."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import cast

import pytest
from tests.unit.guest.test_post_checks import MOUNTINFO, TARGET, Answering

from vexlab.config import Thresholds
from vexlab.guest.mount import GuestFilesystem
from vexlab.plugin.marks import MARKS
from vexlab.vm.machine import Machine

REFUSED = (32, "mount: mounting /dev/vdc on /mnt/test failed: Invalid argument")


class Mounting(Answering):
    """Knows whether anything is mounted, and what ``mount`` says by its options; the empty device is refused."""

    mounted = False
    takes: Callable[[str], bool] = staticmethod(lambda line: "vexlab_no_such_option" not in line)

    def exec(self, argv: list[str], *, timeout: float = 30):  # type: ignore[no-untyped-def]
        line = " ".join(argv)
        if "umount" in line:
            self.mounted = False
        elif line.startswith("/bin/busybox mount"):
            good = self.takes(line)
            self.answers = {**self.answers, "busybox mount": "" if good else REFUSED}
            self.mounted = self.mounted or good
        there = f"2 1\n{MOUNTINFO}" if self.mounted else f"2 2\n{MOUNTINFO.splitlines()[0]}"
        self.answers = {**self.answers, "mountinfo": there}
        return super().exec(argv, timeout=timeout)

    def shell(self, script: str, *words: str, timeout: float = 30):  # type: ignore[no-untyped-def]
        return self.exec(["/bin/bash", "-c", script], timeout=timeout)


Case = Callable[[Callable[[str], bool]], Mounting]


@pytest.fixture
def case(pytestconfig: pytest.Config) -> Case:
    """Return what runs the case on a filesystem that takes the mounts for which a function of their lines is true."""
    for mark in MARKS:
        pytestconfig.addinivalue_line("markers", mark)
    from vexlab.domains.filesystem_operations import test_mount

    def run(takes: Callable[[str], bool]) -> Mounting:
        machine = Mounting({})
        machine.takes = takes
        filesystem = GuestFilesystem(cast("Machine", machine), TARGET, "/dev/vdc")
        test_mount.test_mount_errors(filesystem, Thresholds())
        return machine

    return run


def test_a_sound_filesystem_passes(case: Case) -> None:
    machine = case(lambda line: "vexlab_no_such_option" not in line)
    made = next(number for number, line in enumerate(machine.asked) if line.startswith("mkfs.tried"))
    tried = next(number for number, line in enumerate(machine.asked) if "-o vexlab_no_such_option" in line)
    assert made < tried, "the option is tried on a formatted device"


def test_one_that_takes_any_option_fails(case: Case) -> None:
    with pytest.raises(AssertionError, match="it mounts with -o vexlab_no_such_option,"):
        case(lambda line: True)
    with pytest.raises(AssertionError, match="it mounts with -o vexlab_no_such_option=1,"):
        case(lambda line: "no_such_option " not in line)


def test_one_that_does_not_mount_any_more_fails(case: Case) -> None:
    tries = itertools.count()
    with pytest.raises(AssertionError, match="does not mount after a mount with -o vexlab_no_such_option was refused"):
        case(lambda line: "no_such" not in line and next(tries) < 1)
