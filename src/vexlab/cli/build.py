"""``vexlab build``: compile a target's module and say what the compiler said."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import click

from vexlab.cli.options import request_options, settings_from
from vexlab.errors import UsageError
from vexlab.lab import Lab
from vexlab.targets.incremental import IncrementalBuild
from vexlab.targets.load import find_target


@click.command(name="build")
@request_options("target", "kernels", "config", "sandbox", "build_args")
@click.option("--log", "show_log", is_flag=True, help="Print the whole build log.")
@click.option(
    "--output", "-o", type=click.Path(file_okay=False), help="Copy the built module and tools to this folder."
)
@click.option(
    "--compile-commands",
    is_flag=True,
    help="Also write compile_commands.json into the module's source, for clangd; built in a folder that stays.",
)
def command(
    *,
    compile_commands: bool,
    target: str,
    kernels: tuple[str, ...],
    config: str | None,
    sandbox: str | None,
    build_args: tuple[str, ...],
    show_log: bool,
    output: str | None,
) -> None:
    """Build a target's module out of tree, against one kernel or several.

    Exit status 1 where the source does not compile, 3 where the compiler or the kernel's headers are missing.
    """
    settings = settings_from(config=config, kernels=kernels, sandbox=sandbox)
    chosen = find_target(target, build_args=build_args)
    if chosen.in_tree and not chosen.tools:
        raise UsageError(f"{chosen.name} comes with the kernel, there is nothing to build")
    with Lab(settings, progress=lambda text: click.echo(text, err=True)) as lab:
        for name in settings.kernels:
            begin = time.monotonic()
            kernel = lab.kernels.get(name)
            if compile_commands and chosen.source:
                goes_on = lab.incremental(chosen, kernel)
                artifact = goes_on.build()
                _write_commands(goes_on, chosen.source)
            else:
                artifact = lab.artifact(chosen, kernel)
            if show_log:
                click.echo(artifact.log, err=True, nl=False)
            for warning in artifact.warnings:
                click.echo(warning, err=True)
            source = "cached" if artifact.cached else f"{time.monotonic() - begin:.1f} s"
            files = [path for path in (artifact.path, *(path for _, path in artifact.tools)) if path]
            if output:
                folder = Path(output, name)
                folder.mkdir(parents=True, exist_ok=True)
                files = [Path(shutil.copy2(file, folder)) for file in files]
            more = f", {artifact.foreign_warnings} more of other headers" if artifact.foreign_warnings else ""
            click.echo(f"{chosen.name} for {kernel.release}: {len(artifact.warnings)} warnings{more} ({source})")
            for file in files:
                click.echo(f"  {file}")


def _write_commands(goes_on: IncrementalBuild, source: Path) -> None:
    """Write the compilation database; one for the last kernel that was asked for."""
    file = source / "compile_commands.json"
    try:
        file.write_text(json.dumps(goes_on.compile_commands(), indent=1))
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error
    click.echo(f"{file} is written", err=True)
