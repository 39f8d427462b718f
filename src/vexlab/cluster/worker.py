"""``vexlab worker``: this host takes part in a cluster until the cluster, or somebody, ends it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from vexlab.cluster.engine import LOOPBACK, MACHINES, security_of
from vexlab.cluster.host import here
from vexlab.cluster.place import Cluster
from vexlab.errors import InfraError

try:
    import dask
    from distributed import Worker
    from distributed.utils import get_ip
except ImportError as error:  # pragma: no cover - as in cluster.engine
    raise InfraError(f"Dask.distributed is not installed: {error}", hint="pip install 'vexlab[fleet]'") from error

_CONTROL = 4  # threads beside those in which cases wait: to open a run, to take files
_SETTINGS = {
    "distributed.worker.daemon": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.comm.timeouts.connect": "20s",
}
_REACHED_S = 60


def serve(cluster: Cluster, name: str, machines: int, say: Callable[[str], None]) -> None:
    """Run cases for whoever uses the cluster, ``machines`` at a time. Raises ``InfraError`` where it is not reached."""
    for each in ("distributed", "tornado", "asyncio"):
        logging.getLogger(each).setLevel(logging.CRITICAL)
    with dask.config.set(_SETTINGS):
        try:
            asyncio.run(_serve(cluster, name, machines, say))
        finally:
            here().close()


def _own_address(cluster: Cluster) -> str:
    """Return this host's address on the way to the scheduler: a worker listens there, not on every network."""
    address = cluster.address or json.loads(Path(cluster.scheduler_file).read_text())["address"]
    return str(get_ip(urlsplit(address).hostname))


async def _serve(cluster: Cluster, name: str, machines: int, say: Callable[[str], None]) -> None:
    where = {"scheduler_file": cluster.scheduler_file} if cluster.scheduler_file else {}
    try:
        worker = await Worker(
            cluster.address or None,
            **where,
            name=name,
            host=_own_address(cluster),
            nthreads=machines + _CONTROL,
            resources={MACHINES: machines},
            memory_limit=0,
            death_timeout=_REACHED_S,
            security=security_of(cluster),
            dashboard=False,
            dashboard_address=LOOPBACK,
        )
    except (OSError, TimeoutError, ValueError, KeyError, RuntimeError) as error:
        raise InfraError(
            f"the scheduler {cluster.address or cluster.scheduler_file} does not take this host: {error}",
            hint="is it there, does it use tls, has another host this --name?",
        ) from error
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, lambda: asyncio.ensure_future(worker.close(timeout=5)))
    say(
        f"{name}: {machines} machine{'s' if machines > 1 else ''} for {worker.scheduler.address}, process {os.getpid()}"
    )
    with contextlib.suppress(asyncio.CancelledError):
        await worker.finished()
