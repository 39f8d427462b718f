"""The guest's network, where it was asked for: QEMU's user network, cut off from the world, forwards on loopback."""

from __future__ import annotations

import socket

from vexlab.errors import MachineError, UsageError
from vexlab.vm.machine import Machine
from vexlab.workloads import script

_SCRIPT = script("set_up_network.sh")


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


def port_is_free(port: int) -> bool:
    """Whether nobody listens on the TCP port of the loopback at this moment."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connection that has just ended is no listener
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def port_from(wanted: int, most: int = 100) -> int:
    """Return the first free TCP port of the loopback of ``most`` from ``wanted`` on; raise ``UsageError``."""
    for port in range(wanted, wanted + most):
        if port_is_free(port):
            return port
    raise UsageError(f"the ports {wanted} to {wanted + most - 1} of the loopback are taken")
