"""The target and a reference filesystem beside it, on disks of one size in one guest, to do the same work in turn."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from vexlab.errors import MachineError, TargetFailure
from vexlab.guest.block import device_of
from vexlab.guest.fio import FioFigures, FioJob, job_file, parse_fio
from vexlab.guest.fsperf import Sample, fsperf_argv, parse_samples
from vexlab.guest.mount import GuestFilesystem
from vexlab.workloads import script

_POINT = "/mnt/reference"
_MAKE = script("make_reference.sh")
_CLEAR = "find {0} {1} -mindepth 1 -maxdepth 1 ! -name lost+found ! -name .nilfs -exec /bin/rm -rf {{}} +"
_EXTRA = {"ext2": "", "ext4": ",lazy_journal_init=0"}
_FIO = "fio --output-format=json --output=/tmp/fio.json /tmp/fio.job && sed -i 's/^ *//' /tmp/fio.json"
_WORK_S = 600.0  # twenty times what the longest takes: this is no threshold


class Pair:
    """Verbs for both at once. ``reference`` is ext2, for speed through the page cache, or ext4, which has a journal."""

    def __init__(self, target: GuestFilesystem, reference: str) -> None:
        self.target = target
        self.reference = reference
        self.machine = target.machine
        self.device = device_of(self.machine, "reference")
        self.points = (target.mountpoint, _POINT)
        folders = target.can("mkdir", "rmdir")
        self.folders = (f"{target.mountpoint}/work" if folders else target.mountpoint, f"{_POINT}/work")
        made = self.machine.shell(_MAKE, reference, self.device, _EXTRA[reference], _POINT, timeout=120)
        if not made.ok:
            raise MachineError(f"the reference filesystem cannot be made: {made}")
        folder = self.machine.exec(["mkdir", "-p", self.folders[0]])
        if not folder.ok:
            raise TargetFailure(f"no directory can be made: {folder}")

    def perf(
        self,
        *phases: str,
        rounds: int = 7,
        count: int = 500,
        threads: Sequence[int] = (1,),
        apart: bool = False,
        grow: bool = False,
        memory: bool = False,
        warm_up: bool = True,
        timeout: float = _WORK_S,
    ) -> tuple[Sample, ...]:
        """Do the phases of ``fsperf`` in turn on both and return their samples."""
        argv = fsperf_argv(
            phases,
            self.folders,
            rounds=rounds,
            count=count,
            threads=threads,
            apart=apart,
            grow=grow,
            memory=memory,
            warm_up=warm_up,
        )
        result = self.machine.exec(argv, timeout=timeout)
        if not result.ok:
            raise TargetFailure(f"the work cannot be done: {result}")
        return parse_samples(result.text)

    def fio(self, *jobs: FioJob, rounds: int, timeout: float = _WORK_S) -> tuple[FioFigures, ...]:
        """Run jobs of fio in turn on both; of the first round, which warms up, nothing is returned."""
        self.machine.push(job_file(jobs, self.folders, rounds=rounds + 1).encode(), "/tmp/fio.job")
        result = self.machine.shell(_FIO, timeout=timeout)
        if not result.ok:
            raise TargetFailure(f"fio failed: {result}")
        return tuple(each for each in parse_fio(self.machine.pull("/tmp/fio.json").decode()) if each.round > 0)

    def room(self, *, size: int = 0, names: int = 0) -> None:
        """Skip the case where a file may not have ``size`` bytes, or a folder not ``names`` names."""
        for limit, wanted in (("file_size", size), ("dir_entries", names)):
            if self.target.within(limit, wanted) < wanted:
                pytest.skip(f"it needs {wanted} of `{limit}`, more than the filesystem takes")

    def again(self) -> None:
        """Unmount and mount both, so that nothing of them is in memory."""
        unmounted = self.target.unmount()
        if not unmounted.ok:
            raise TargetFailure(f"it does not unmount: {unmounted}")
        mounted = self.target.mount()
        if not mounted.ok:
            raise TargetFailure(f"it does not mount again: {mounted}")
        script = f"umount {_POINT} && mount -t {self.reference} {self.device} {_POINT}"
        result = self.machine.shell(f"{script} && echo 3 >/proc/sys/vm/drop_caches")
        if not result.ok:
            raise MachineError(f"the reference filesystem does not mount again: {result}")

    def clear(self) -> None:
        """Remove what the work has left on both."""
        result = self.machine.shell(_CLEAR.format(*self.folders), timeout=_WORK_S)
        if not result.ok:
            raise TargetFailure(f"what was written cannot be removed: {result}")

    def let_go(self) -> None:
        """Unmount the reference, which may be what holds the target's module."""
        result = self.machine.exec(["umount", _POINT], timeout=_WORK_S)
        if not result.ok:
            raise MachineError(f"the reference filesystem does not unmount: {result}")
