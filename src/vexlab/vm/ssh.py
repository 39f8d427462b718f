"""SSH into a named machine: keys of its own, a server started when it is asked for, loopback only."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from vexlab import process
from vexlab.errors import MachineError, UsageError
from vexlab.model.machine import MachineSpec
from vexlab.vm.machine import Machine

PORT = 22
_KEY = "ssh_key"
_KNOWN_HOSTS = "ssh_known_hosts"
_START_S = 60.0

# Keys only, no passwords (-s), no forwarding (-j, -k): nobody needs a way through the guest.
_SERVE = """
set -e
umask 077
mkdir -p /etc/dropbear /root/.ssh
key=/etc/dropbear/dropbear_ed25519_host_key
[ -e $key ] || dropbearkey -t ed25519 -f $key >/dev/null
busybox pidof dropbear >/dev/null || dropbear -s -j -k -r $key -P /run/dropbear.pid
dropbearkey -y -f $key
"""


def forwarded_port(spec: MachineSpec) -> int:
    """Return the loopback port that leads to the guest's SSH, 0 where there is none."""
    return next((forward.host_port for forward in spec.forwards if forward.guest_port == PORT), 0)


def open_door(machine: Machine, folder: Path, *, new_key: bool = False) -> None:
    """Make the key pair in ``folder`` where it is missing, let it in, and have the server run.

    Raises ``UsageError`` where the machine has no network, ``MachineError`` where the server does not start.
    """
    if not forwarded_port(machine.spec):
        raise UsageError("this machine has no network", hint="start it with --network; `vexlab vm exec` works without")
    key = folder / _KEY
    public = key.with_suffix(".pub")
    if new_key or not (key.exists() and public.exists()):
        key.unlink(missing_ok=True)
        public.unlink(missing_ok=True)
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"vexlab-{folder.name}", "-f", str(key)]
        process.run(argv, timeout=30, check=True)
    machine.shell("mkdir -p -m 700 /root/.ssh")
    machine.push(public, "/root/.ssh/authorized_keys", mode=0o600)
    served = machine.shell(_SERVE, timeout=_START_S)
    # ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE… root@vexlab
    host_key = re.search(r"^(ssh-ed25519 [A-Za-z0-9+/=]+)", served.text, re.MULTILINE)
    if not served.ok or host_key is None:
        raise MachineError(f"the SSH server in the guest did not start: {served}")
    (folder / _KNOWN_HOSTS).write_text(f"[127.0.0.1]:{forwarded_port(machine.spec)} {host_key[1]}\n")


def ssh_argv(spec: MachineSpec, folder: Path, command: Sequence[str]) -> tuple[str, ...]:
    """Return the arguments for ``ssh``; each word of ``command`` reaches the guest as it is."""
    options = {
        "UserKnownHostsFile": str(folder / _KNOWN_HOSTS),
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "PasswordAuthentication": "no",
        "ConnectTimeout": "30",
        "LogLevel": "ERROR",
    }
    return (
        *("-F", "none", "-i", str(folder / _KEY), "-p", str(forwarded_port(spec))),
        *(word for name, value in options.items() for word in ("-o", f'{name}="{value}"')),
        "root@127.0.0.1",
        *(("--", shlex.join(command)) if command else ()),
    )
