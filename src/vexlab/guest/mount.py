"""The target's filesystem in the guest: made, mounted, and proved to be what is mounted there."""

from __future__ import annotations

from dataclasses import dataclass

from vexlab.model.machine import CommandResult
from vexlab.model.target import Target
from vexlab.vm.machine import BUSYBOX, Machine

MKFS_S = 120.0
MOUNT_S = 60.0

_WHERE = 'echo $(stat -c %d "$1" /); cat /proc/self/mountinfo'


@dataclass(frozen=True, slots=True, kw_only=True)
class MountEntry:
    """A line of ``/proc/self/mountinfo`` (proc(5))."""

    fstype: str
    source: str
    device: str
    options: str


class GuestFilesystem:
    """Verbs for the target's filesystem on one device. Commands return results; the case judges them.

    Mount and unmount are busybox's: they make the same calls in a quarter of the time, and every case makes many.
    """

    def __init__(self, machine: Machine, target: Target, device: str, mountpoint: str = "/mnt/test") -> None:
        self.machine = machine
        self.target = target
        self.device = device
        self.mountpoint = mountpoint

    def mkfs(self, *, timeout: float = MKFS_S) -> CommandResult:
        """Make the filesystem."""
        return self.machine.exec(_command(self.target.mkfs, self.device), timeout=timeout)

    def fsck(self, *, timeout: float = MKFS_S) -> CommandResult:
        """Check the unmounted filesystem without changing it."""
        return self.machine.exec(_command(self.target.fsck, self.device), timeout=timeout)

    def mount(self, *options: str, timeout: float = MOUNT_S) -> CommandResult:
        """Mount it with the target's options and ``options``."""
        words = ",".join((*self.target.mount_options, *options))
        flags = ["-o", words] if words else []
        argv = [BUSYBOX, "mount", "-t", self.target.fstype, *flags, self.device, self.mountpoint]
        return self.machine.exec(argv, timeout=timeout)

    def unmount(self, *, timeout: float = MOUNT_S) -> CommandResult:
        """Unmount it."""
        return self.machine.exec([BUSYBOX, "umount", self.mountpoint], timeout=timeout)

    def entry(self) -> MountEntry | None:
        """Return what is mounted at the mount point, or ``None``."""
        return self._entry_in(self.machine.ash("cat /proc/self/mountinfo").text)

    def prove(self) -> None:
        """Assert that the mount point really is the target on this device: mountinfo, ``st_dev``, device number.

        Operations that quietly ran on the root filesystem have made harnesses report success before.
        """
        devices, _, mounts = self.machine.ash(_WHERE, self.mountpoint).text.partition("\n")
        entry = self._entry_in(mounts)
        assert entry is not None, f"nothing is mounted at {self.mountpoint}"
        assert entry.fstype == self.target.fstype, f"{self.mountpoint} is {entry.fstype}, not {self.target.fstype}"
        assert entry.source == self.device, f"{self.mountpoint} is on {entry.source}, not {self.device}"
        inside, _, outside = devices.partition(" ")
        assert inside != outside, f"{self.mountpoint} lies on the root filesystem (st_dev {devices})"

    def _entry_in(self, mountinfo: str) -> MountEntry | None:
        found = None
        for line in mountinfo.splitlines():
            # 36 24 254:32 / /mnt/test rw,relatime - ext4 /dev/vdc rw
            before, _, after = line.partition(" - ")
            fields = before.split()
            if fields[4] == self.mountpoint:
                fstype, source, options = after.split(" ", 2)
                found = MountEntry(fstype=fstype, source=source, device=fields[2], options=options)
        return found


def _command(template: tuple[str, ...], device: str) -> list[str]:
    return [word.replace("{device}", device) for word in template]
