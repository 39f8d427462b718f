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
from vexlab.workloads import script

PORT = 22
KEY = "ssh_key"
KEY_BEFORE = "ssh_key_before"  # what a snapshot of before `--new-key` lets in
_KNOWN_HOSTS = "ssh_known_hosts"
_START_S = 60.0

_SERVE = script("serve_ssh.sh")


def forwarded_port(spec: MachineSpec) -> int:
    """Return the loopback port that leads to the guest's SSH, 0 where there is none."""
    return next((forward.host_port for forward in spec.forwards if forward.guest_port == PORT), 0)


def open_door(machine: Machine, folder: Path, *, new_key: bool = False) -> None:
    """Make the key pair in ``folder`` where it is missing, let it in, and have the server run.

    Raises ``UsageError`` where the machine has no network, ``MachineError`` where the server does not start.
    """
    if not forwarded_port(machine.spec):
        raise UsageError("this machine has no network", hint="start it with --network; `vexlab vm exec` works without")
    key = folder / KEY
    public = public_of(key)
    if new_key or not (key.exists() and public.exists()):
        make_key(key)
    machine.shell("mkdir -p -m 700 /root/.ssh")
    machine.push(public, "/root/.ssh/authorized_keys", mode=0o600)
    served = machine.shell(_SERVE, timeout=_START_S)
    # ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE… root@vexlab
    host_key = re.search(r"^(ssh-ed25519 [A-Za-z0-9+/=]+)", served.text, re.MULTILINE)
    if not served.ok or host_key is None:
        raise MachineError(f"the SSH server in the guest did not start: {served}")
    know_host(folder, forwarded_port(machine.spec), host_key[1])


def public_of(key: Path) -> Path:
    """Return the file of the public half of ``key``."""
    return key.with_name(f"{key.name}.pub")


def make_key(key: Path) -> None:
    """Make a key pair (ed25519, without a passphrase), in the place of one that is there."""
    key.unlink(missing_ok=True)
    public_of(key).unlink(missing_ok=True)
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"vexlab-{key.parent.name}", "-f", str(key)]
    process.run(argv, timeout=30, check=True)


def know_host(folder: Path, port: int, host_key: str) -> None:
    """Note the guest's public host key, so that no other is believed on the loopback port ``port``."""
    (folder / _KNOWN_HOSTS).write_text(f"[127.0.0.1]:{port} {' '.join(host_key.split()[:2])}\n")


def ssh_argv(
    spec: MachineSpec, folder: Path, command: Sequence[str], *, login: str = "root", batch: bool = False, **more: str
) -> tuple[str, ...]:
    """Return the arguments for ``ssh``; each word of ``command`` reaches the guest as it is.

    With ``batch`` nothing is asked; ``more`` are options of ssh_config(5).
    """
    options = {
        "UserKnownHostsFile": str(folder / _KNOWN_HOSTS),
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "PasswordAuthentication": "no",
        "ConnectTimeout": "30",
        "LogLevel": "ERROR",
        **({"BatchMode": "yes"} if batch else {}),
        **more,
    }
    keys = [folder / KEY, *([folder / KEY_BEFORE] if (folder / KEY_BEFORE).exists() else [])]
    return (
        *("-F", "none", *(word for key in keys for word in ("-i", str(key))), "-p", str(forwarded_port(spec))),
        *(word for name, value in options.items() for word in ("-o", f'{name}="{value}"')),
        f"{login}@127.0.0.1",
        *(("--", shlex.join(command)) if command else ()),
    )
