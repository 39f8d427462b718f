"""Folders of the host in a guest, by 9p (Documentation/filesystems/9p.rst): read-only, changes seen at once."""

from __future__ import annotations

from collections.abc import Sequence

from vexlab.errors import MachineError, UsageError
from vexlab.model.machine import Share
from vexlab.vm.machine import Machine

_MOUNT_S = 60.0
# cache=none: a file that the host changes is read anew. By fstab, so that `mount PATH` is enough by hand, too.
_MOUNT = """
/sbin/modprobe -a 9pnet_virtio 9p || exit 3
mkdir -p "$2"
line="$1 $2 9p trans=virtio,version=9p2000.L,ro,msize=262144,cache=none 0 0"
grep -qsxF "$line" /etc/fstab || echo "$line" >>/etc/fstab
grep -q "^$1 $2 9p " /proc/self/mounts || mount "$2"
"""
_NO_9P = 3
_IS_MOUNTED = 'grep -q " $1 9p " /proc/self/mounts'


def mount_shares(machine: Machine) -> None:
    """Mount the machine's shares that are not mounted; raise ``UsageError`` where its kernel knows no 9p."""
    for share in machine.spec.shares:
        result = machine.ash(_MOUNT, share.tag, share.path, timeout=_MOUNT_S)
        if result.status == _NO_9P:
            raise UsageError(
                "the guest's kernel has no 9p, so no folder of the host can be mounted there",
                hint="--kernel 6.1-amd64 has it; Debian's cloud kernels do not",
            )
        if not result.ok:
            raise MachineError(f"{share.folder} cannot be mounted at {share.path}: {result}")


def mounted_shares(machine: Machine) -> Sequence[Share]:
    """Return the shares that are mounted in the guest now."""
    return [share for share in machine.spec.shares if machine.ash(_IS_MOUNTED, share.path).ok]
