"""``vexlab completion``: what a shell needs to complete vexlab's commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command(name="completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(*, shell: str) -> None:
    """Print the completion for a shell; for bash into ~/.local/share/bash-completion/completions/vexlab."""
    found = get_completion_class(shell)
    if found is None:
        raise click.ClickException(f"this click knows no completion for {shell}")
    root = click.get_current_context().find_root().command
    click.echo(found(root, {}, "vexlab", "_VEXLAB_COMPLETE").source())
