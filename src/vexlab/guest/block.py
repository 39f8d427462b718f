"""Block devices of the guest, found by the serial the spec gave them; a missing one is an error, never a file."""

from __future__ import annotations

from vexlab.errors import MachineError
from vexlab.vm.machine import Machine

_FIND = """
for block in /sys/block/vd*; do
    read -r serial <"$block/serial"
    [ "$serial" = "$1" ] && [ -b "/dev/${block##*/}" ] && echo "/dev/${block##*/}" && exit 0
done
exit 1
"""


_WRITTEN = 'sync; read -r _ _ _ _ _ _ sectors _ <"/sys/block/${1##*/}/stat" && echo "$sectors"'


def device_of(machine: Machine, serial: str) -> str:
    """Return the device node of the disk ``serial``; raise ``MachineError`` where the guest has none."""
    result = machine.ash(_FIND, serial)
    if not result.ok:
        raise MachineError(f"the guest has no block device with serial {serial}", hint="are the virtio modules loaded?")
    return result.text


def sectors_written(machine: Machine, device: str) -> int:
    """Return how many sectors of 512 bytes were written to ``device`` so far (Documentation/block/stat.rst)."""
    result = machine.ash(_WRITTEN, device, timeout=60)
    if not result.ok:
        raise MachineError(f"the guest does not count what is written to {device}: {result}")
    return int(result.text)
