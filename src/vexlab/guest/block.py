"""Block devices of the guest, found by the serial the spec gave them; a missing one is an error, never a file."""

from __future__ import annotations

from vexlab.errors import MachineError
from vexlab.vm.machine import Machine
from vexlab.workloads import script

_FIND = script("find_disk.sh")
# Members of /sys/block/*/stat (Documentation/block/stat.rst)
_COUNTED = ("reads", "read_sectors", "writes", "write_sectors")
_REQUESTS = 'sync; read -r r _ rs _ w _ ws _ <"/sys/block/${1##*/}/stat" && echo "$r" "$rs" "$w" "$ws"'


def device_of(machine: Machine, serial: str) -> str:
    """Return the device node of the disk ``serial``; raise ``MachineError`` where the guest has none."""
    result = machine.ash(_FIND, serial)
    if not result.ok:
        raise MachineError(f"the guest has no block device with serial {serial}", hint="are the virtio modules loaded?")
    return result.text


def requests_of(machine: Machine, device: str) -> dict[str, int]:
    """Return what reached ``device`` so far: requests and sectors of 512 bytes, read and written, all now synced."""
    result = machine.ash(_REQUESTS, device, timeout=60)
    words = result.text.split()
    if not result.ok or len(words) != len(_COUNTED):
        raise MachineError(f"the guest does not count what reaches {device}: {result}")
    return dict(zip(_COUNTED, map(int, words), strict=True))


def sectors_written(machine: Machine, device: str) -> int:
    """Return how many sectors of 512 bytes were written to ``device`` so far."""
    return requests_of(machine, device)["write_sectors"]
