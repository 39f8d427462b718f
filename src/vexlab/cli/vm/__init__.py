"""``vexlab vm``: start, use and stop named machines."""

from __future__ import annotations

import click

from vexlab.cli.vm import create, export, inspect, lifetime, snapshots, start, use


@click.group(name="vm")
def command() -> None:
    """Start, use and stop named machines: real kernels that live on until they are stopped.

    Files, memory and disks of a machine are in its folder under the state folder (VEXLAB_STATE, or
    ~/.local/state/vexlab/vm). Nothing of it runs as root.
    """


for _verb in (
    start.start,
    create.create,
    export.export,
    inspect.status,
    inspect.console,
    inspect.logs,
    use.exec_,
    use.push,
    use.pull,
    use.ssh,
    snapshots.snapshot,
    snapshots.restore,
    lifetime.restart,
    lifetime.stop,
    lifetime.rm,
):
    command.add_command(_verb)
