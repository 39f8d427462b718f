"""The guest's network, where it was asked for: QEMU's user network, cut off from the world, forwards on loopback."""

from __future__ import annotations

import socket

from vexlab.errors import MachineError
from vexlab.vm.machine import Machine

# The addresses QEMU's user network gives without being asked (docs/system/devices/net.rst).
_SCRIPT = """
modprobe virtio_net
device=$(ls -d /sys/class/net/e* | head -n 1) && device=${device##*/}
busybox ip addr replace 10.0.2.15/24 dev "$device" &&
busybox ip link set "$device" up &&
busybox ip route replace default via 10.0.2.2
"""


def set_up_network(machine: Machine) -> None:
    """Bring the guest's network up; raise ``MachineError`` where its kernel has no driver for it."""
    result = machine.shell(_SCRIPT)
    if not result.ok:
        raise MachineError(f"the guest's network did not come up: {result}")


def free_port() -> int:
    """Return a TCP port of the loopback that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
