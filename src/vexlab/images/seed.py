"""The disk from which cloud-init learns name, user and keys: its data source NoCloud, made without root.

https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html: a filesystem called ``cidata`` with the
files ``user-data``, ``meta-data`` and ``network-config``. JSON is YAML, so no writer of YAML is needed.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

from vexlab.errors import UsageError

LABEL = "cidata"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """What a guest is told at its first boot.

    ``login`` is a user that may do everything by sudo without a password, and gets in with the key ``public`` alone.
    ``host_private`` and ``host_public`` are the guest's own host key (ed25519), so that it is known beforehand.
    """

    name: str
    login: str
    public: str
    host_private: str
    host_public: str


def files(seed: Seed) -> dict[str, bytes]:
    """Return the files of the seed by name."""
    user = {
        "name": seed.login,
        "gecos": "vexlab",
        "lock_passwd": True,
        "sudo": "ALL=(ALL) NOPASSWD:ALL",
        "ssh_authorized_keys": [seed.public],
    }
    config = {
        "hostname": seed.name,
        "manage_etc_hosts": "localhost",  # sudo looks its own host up
        "users": [user],
        "disable_root": True,
        "ssh_pwauth": False,
        "ssh_deletekeys": True,
        "ssh_keys": {"ed25519_private": seed.host_private, "ed25519_public": seed.host_public},
        "ssh_genkeytypes": [],
        "package_update": False,
        "package_upgrade": False,
    }
    # its first network card, whatever it is called: QEMU's user network answers DHCP itself
    network = {"version": 2, "ethernets": {"guest": {"match": {"name": "e*"}, "dhcp4": True}}}
    meta = {"instance-id": f"vexlab-{seed.name}", "local-hostname": seed.name}
    return {
        "user-data": f"#cloud-config\n{json.dumps(config, indent=1)}\n".encode(),
        "meta-data": json.dumps(meta).encode(),
        "network-config": json.dumps(network).encode(),
    }


def write(seed: Seed, file: Path) -> None:
    """Write the seed as an ISO 9660 image; raise ``UsageError`` where what makes one is not installed."""
    try:
        import pycdlib
    except ImportError as error:
        hint = "pip install 'vexlab[images]'"
        raise UsageError(
            "the package pycdlib, which makes the disk for cloud-init, is not installed", hint=hint
        ) from error
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=3, joliet=3, rock_ridge="1.09", vol_ident=LABEL)
    for number, (name, data) in enumerate(files(seed).items()):
        short = f"/FILE{number}.;1"  # plain ISO 9660 has no hyphens; guests read the Rock Ridge or Joliet names
        iso.add_fp(io.BytesIO(data), len(data), short, rr_name=name, joliet_path=f"/{name}")
    iso.write(str(file))
    iso.close()
    file.chmod(0o600)  # it holds the host key
