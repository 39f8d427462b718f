"""The target's filesystem in the guest: made, mounted, and proved to be what is mounted there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vexlab.errors import TargetFailure, UsageError
from vexlab.guest.block import sectors_written
from vexlab.model.machine import CommandResult, errno_name
from vexlab.model.profile import Profile
from vexlab.model.target import ON_FILE, Target, program_of
from vexlab.vm.files import BUSYBOX
from vexlab.vm.machine import Machine

MKFS_S = 120.0
MOUNT_S = 60.0

_NOT_RUN = (126, 127)  # execvp(3) by a shell: found and not executable, not found
_NO_ROOM = ("EAGAIN", "ENOMEM")
# sh: line 1: mkfs.nosuch: command not found     sh: mkfs.nosuch: not found
_NOT_FOUND = re.compile(r"([^\s:]+): (?:command )?not found")
# Usage: mkfs.ext4 [-c|-l filename] ...     mkfs.xfs: invalid option -- 'Q'     unrecognized option '--nosuch'
_USAGE = re.compile(r"^\s*usage:|\b(?:invalid|illegal|unknown|unrecogni[sz]ed) option\b", re.IGNORECASE | re.MULTILINE)
# mkfs.x: /dev/vdc is not a regular file     /dev/vdc: Not a regular file
_ONLY_FILES = re.compile(r"\bnot a (?:regular|plain|normal) file\b", re.IGNORECASE)
_BRINGS = "`packages = [...]` or a `[[tools]]` table in target.toml brings it"
_NAMES = "`{key}` in target.toml names it"

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

    def __init__(
        self,
        machine: Machine,
        target: Target,
        device: str,
        mountpoint: str = "/mnt/test",
        *,
        profile: Profile | None = None,
    ) -> None:
        self.machine = machine
        self.target = target
        self.device = device
        self.mountpoint = mountpoint
        self.profile = profile

    def can(self, *names: str) -> bool:
        """Whether none of these capabilities is known to be refused or broken, by the probe, or where there was none
        by the target's own words.
        """
        if self.profile is None:
            return not set(names) & set(dict(self.target.refuses))
        return all(map(self.profile.works, names))

    def within(self, name: str, wanted: int) -> int:
        """Return ``wanted``, or half of the limit of this capability where an error was seen at a limit below that."""
        found = self.profile.get(name) if self.profile else None
        if found is None or found.limit is None or not found.errno or found.limit >= wanted:
            return wanted
        return found.limit // 2

    def on(self, device: str, mountpoint: str = "", *, machine: Machine | None = None) -> GuestFilesystem:
        """Return the verbs for the same target on another device, elsewhere, in another machine."""
        where = mountpoint or self.mountpoint
        return GuestFilesystem(machine or self.machine, self.target, device, where, profile=self.profile)

    def mkfs(self, *, timeout: float = MKFS_S) -> CommandResult:
        """Make the filesystem.

        Raises ``UsageError`` where it is the description of the target that is wrong: the guest has no such program, or
        the program does not understand its command line.
        """
        return self._run("mkfs", self.target.mkfs, timeout)

    def fsck(self, *, timeout: float = MKFS_S) -> CommandResult:
        """Check the unmounted filesystem without changing it; raises ``UsageError`` as ``mkfs`` does."""
        return self._run("fsck", self.target.fsck, timeout)

    def _run(self, key: str, template: tuple[str, ...], timeout: float) -> CommandResult:
        argv = _command(template, self.device)
        result = self.machine.exec(argv, timeout=timeout)
        if not result.ok and (missing := cannot_run(result)):
            raise UsageError(f"{missing} is not in the guest; {_BRINGS}: {result}", hint=_NAMES.format(key=key))
        if not result.ok and key == "mkfs" and template[: len(ON_FILE)] != ON_FILE and _ONLY_FILES.search(result.said):
            hint = '`mkfs_on = "file"` in target.toml has it make a file, which is copied to the device'
            raise UsageError(f"{program_of(template)} only knows files: {result}", hint=hint)
        if not result.ok and refuses_its_words(result):
            before = sectors_written(self.machine, self.device)
            again = self.machine.exec(argv, timeout=timeout)
            if refuses_its_words(again) and sectors_written(self.machine, self.device) == before:
                raise UsageError(
                    f"`{key}` in target.toml is no command line that {program_of(template)} understands: {result}"
                )
        return result

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
        """Raise ``TargetFailure`` unless the mount point is the target on this device: mountinfo and ``st_dev``.

        Operations that quietly ran on the root filesystem have made harnesses report success before.
        """
        devices, _, mounts = self.machine.ash(_WHERE, self.mountpoint).text.partition("\n")
        entry = self._entry_in(mounts)
        if entry is None:
            raise TargetFailure(f"nothing is mounted at {self.mountpoint}")
        if entry.fstype != self.target.fstype:
            raise TargetFailure(f"{self.mountpoint} is {entry.fstype}, not {self.target.fstype}")
        if entry.source != self.device:
            raise TargetFailure(f"{self.mountpoint} is on {entry.source}, not {self.device}")
        inside, _, outside = devices.partition(" ")
        if inside == outside:
            raise TargetFailure(f"{self.mountpoint} lies on the root filesystem (st_dev {devices})")

    def _entry_in(self, mountinfo: str) -> MountEntry | None:
        found = None
        for line in mountinfo.splitlines():
            # 36 24 254:32 / /mnt/test rw,relatime - ext4 /dev/vdc rw
            before, _, after = line.partition(" - ")
            fields, rest = before.split(), after.split(" ", 2)
            if len(fields) > 4 and len(rest) == 3 and fields[4] == self.mountpoint:
                fstype, source, options = rest
                found = MountEntry(fstype=fstype, source=source, device=fields[2], options=options)
        return found


def cannot_run(result: CommandResult) -> str:
    """Return the program that ``result`` says the guest does not have, or cannot execute; ``""`` where it ran.

    The agent and shells say 127 or 126; a guest without memory for another process says so and has the program.
    """
    if result.status not in _NOT_RUN or errno_name(result.said) in _NO_ROOM or not result.argv:
        return ""
    named = _NOT_FOUND.search(result.said)
    return named[1] if named else result.argv[0]


def refuses_its_words(result: CommandResult) -> bool:
    """Return whether a program ended without work because it does not know its options: it told how it is called."""
    return not result.ok and not result.signal and bool(_USAGE.search(f"{result.error_text}\n{result.text}"))


def _command(template: tuple[str, ...], device: str) -> list[str]:
    return [word.replace("{device}", device) for word in template]
