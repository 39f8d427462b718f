"""``vexlab worker``: this host runs cases for whoever uses the cluster."""

from __future__ import annotations

import platform

import click

from vexlab.config import Settings
from vexlab.errors import UsageError
from vexlab.vm.room import machines_at_once

_AUTO = "auto"


@click.command(name="worker")
@click.argument("cluster", metavar="ADDRESS|FILE")
@click.option(
    "--machines",
    default=_AUTO,
    metavar="N|auto",
    show_default=True,
    help="Machines side by side; `auto`: as many as cores and memory carry.",
)
@click.option("--name", default="", help="This host's name in the cluster (default: the host's own).")
def command(*, cluster: str, machines: str, name: str) -> int:
    """Run cases on this host till the cluster ends, or Ctrl-C.

    ADDRESS is that of the cluster's scheduler, FILE what `vexlab run --cluster` takes, too. Whoever can reach the
    scheduler can run programs here: in a network that others use, take certificates (docs/how-to/fleet.md).
    """
    from vexlab.cluster.place import cluster_of
    from vexlab.cluster.worker import serve

    place = cluster_of(cluster)
    if not place.address and not place.scheduler_file:
        raise UsageError(
            f"{cluster} names no scheduler to work for", hint="a worker needs `address` or `scheduler_file`"
        )
    if machines != _AUTO and not (machines.isdecimal() and 1 <= int(machines) <= 256):
        raise UsageError(f"--machines {machines}: it is a number up to 256, or auto")
    count = machines_at_once(Settings().memory) if machines == _AUTO else int(machines)
    serve(place, name or platform.node(), count, lambda words: click.echo(words, err=True))
    return 0
