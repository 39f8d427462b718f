"""``vexlab components``: what a run can switch on by name."""

from __future__ import annotations

import click

from vexlab.components import installed
from vexlab.model.component import BUILT_IN


@click.command(name="components")
def command() -> None:
    """List the components that `vexlab run --enable NAME` takes, and those that are missing.

    A package brings one by an entry point of the group `vexlab.components`.
    """
    for name, component in BUILT_IN.items():
        where = "always on" if component.always else f"--enable-{name}"
        where = f"missing: {component.missing}" if component.missing else where
        click.echo(f"{name:12} {component.about}; {where}")
    for name, entry in installed().items():
        click.echo(f"{name:12} {entry.value}")
