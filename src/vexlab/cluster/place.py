"""Which cluster a run uses: an address of a scheduler, a file that describes one, or ``local:N``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from vexlab.errors import UsageError
from vexlab.tables import read_toml

# tcp://lab0:8786  ·  tls://10.0.0.1:8786  ·  ucx and the like are not ours to try
_ADDRESS = re.compile(r"(tcp|tls)://[^\s/]+:\d{1,5}")
_LOCAL = re.compile(r"local:(\d{1,3})")  # local:2
# lab1  ·  me@lab1.example  ·  never an option of ssh's
_SSH = re.compile(r"[A-Za-z0-9_][\w.@:-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Files in PEM: the cluster's own authority, and a certificate by it with its key. Each side proves itself."""

    ca: str
    cert: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SshHost:
    """A host on which a run starts a worker over ssh, and ends it; ``command`` is vexlab there."""

    ssh: str
    machines: int = 0
    command: str = "vexlab"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster: one of ``address`` (of a scheduler), ``scheduler_file`` (that it wrote), ``listen``, ``local``.

    With ``listen`` the run has the scheduler itself, ``hosts`` then are those that it starts over ssh; ``local`` is how
    many hosts of one machine each it starts here. A run begins once ``least`` machines are there, within ``wait_s``
    seconds; it ends where none is there for as long.
    """

    address: str = ""
    scheduler_file: str = ""
    listen: str = ""
    local: int = 0
    least: int = 1
    wait_s: float = 120.0
    tls: Tls | None = None
    hosts: tuple[SshHost, ...] = field(default=())


def cluster_of(words: str) -> Cluster:
    """Return the cluster that ``--cluster`` names; raise ``UsageError``."""
    if match := _LOCAL.fullmatch(words):
        number = int(match[1])
        if not number:
            raise UsageError("--cluster local:0 has no host", hint="local:2 starts two hosts of one machine each")
        return Cluster(local=number, least=number)
    if _ADDRESS.fullmatch(words):
        if words.startswith("tls:"):
            raise UsageError(
                f"--cluster {words}: a tls address needs certificates",
                hint="write a file with address and a table [tls] (docs/how-to/fleet.md), and give its name",
            )
        return Cluster(address=words)
    file = Path(words)
    if not file.is_file():
        raise UsageError(
            f"--cluster {words}: no such file, and no address either",
            hint="tcp://HOST:PORT of a scheduler, local:N, or a file (docs/how-to/fleet.md)",
        )
    return _read(file)


def _read(file: Path) -> Cluster:
    read = read_toml(file, Cluster)
    chosen = [name for name in ("address", "scheduler_file", "listen", "local") if getattr(read, name)]
    if len(chosen) != 1:
        raise UsageError(f"{file}: one of address, scheduler_file, listen and local says where the cluster is")
    for address in filter(None, (read.address, read.listen)):
        if not _ADDRESS.fullmatch(address):
            raise UsageError(
                f"{file}: `{address}` is no address", hint="tcp://HOST:PORT, or tls://HOST:PORT with [tls]"
            )
        if address.startswith("tls:") != (read.tls is not None):
            raise UsageError(f"{file}: a tls address and a table [tls] come together")
    for host in read.hosts:
        if not _SSH.fullmatch(host.ssh):
            raise UsageError(f"{file}: `{host.ssh}` is no name of a host for ssh")
    if read.hosts and not read.listen:
        raise UsageError(f"{file}: [[hosts]] are started by a run that has the scheduler itself", hint="give `listen`")
    here = file.absolute().parent
    tls = read.tls and Tls(**{name: str(here / Path(getattr(read.tls, name)).expanduser()) for name in Tls.__slots__})
    for missing in (path for path in ((tls.ca, tls.cert, tls.key) if tls else ()) if not Path(path).is_file()):
        raise UsageError(f"{file} [tls]: {missing} does not exist")
    values = {name: getattr(read, name) for name in Cluster.__slots__}
    scheduler_file = str(here / read.scheduler_file) if read.scheduler_file else ""
    return Cluster(**{**values, "tls": tls, "scheduler_file": scheduler_file})
