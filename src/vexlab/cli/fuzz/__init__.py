"""``vexlab fuzz``: calls, sequences and images that nobody would make."""

from __future__ import annotations

import click

from vexlab.cli.fuzz import campaigns, look, syzkaller


@click.group(name="fuzz")
def command() -> None:
    """Look for crashes with calls, sequences of calls and images that nobody would make.

    A campaign lives in a folder and goes on where it was ended, however that was. Each crash is titled as every other
    finding, made small, shown again in fresh machines, and kept as a case that `vexlab run` takes.
    """


for _verb in (
    campaigns.ioctl,
    campaigns.calls,
    campaigns.image,
    syzkaller.syzkaller,
    look.status,
    look.report,
    look.repro,
    look.stop,
):
    command.add_command(_verb)
