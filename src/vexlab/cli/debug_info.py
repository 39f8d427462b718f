"""``vexlab debug-info``: one archive for a bug report."""

from __future__ import annotations

import getpass
import os
import platform
import sys
from pathlib import Path

import click
import msgspec

from vexlab.bundle.collect import items, packed, write
from vexlab.bundle.scrub import Scrubber
from vexlab.cli.store import opened, results_option
from vexlab.config import load_settings
from vexlab.errors import UsageError

_SUFFIX = ".tar.zst"


@click.command(name="debug-info")
@click.argument("run", default="last")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The archive, FILE.tar.zst."
)
@click.option("--yes", is_flag=True, help="Do not ask before it is written.")
@results_option
def command(*, run: str, output: Path, yes: bool, results_dir: str | None) -> None:
    """Write an archive for a bug report: versions, doctor, settings, the last runs, and what a run's red cases left.

    Secrets, user and host names and paths of homes are removed as far as they can be told; the list of what is inside
    is printed first, and `tar --zstd -xf FILE` shows it all. The archive has at most 20 MB.
    """
    if not output.name.endswith(_SUFFIX):
        raise UsageError(f"{output} has another suffix than {_SUFFIX}")
    names = {getpass.getuser(), platform.node(), os.environ.get("SUDO_USER", ""), os.environ.get("LOGNAME", "")}
    scrubber = Scrubber(str(Path.home()), names)
    with opened(results_dir) as store:
        try:
            meant = store.info(run).id
        except UsageError:
            if run != "last":
                raise
            meant = ""  # a bug may well be that there is no run
        found = items(store, meant, _doctor, Path("vexlab.toml"), scrubber)
    data, kept = packed(found)
    for each in kept:
        click.echo(f"{len(each.text.encode(errors='replace')):>9}  {each.name}")
    click.echo(
        f"{len(data):>9}  {output}" + (f" ({len(found) - len(kept)} files left out)" if found[len(kept) :] else "")
    )
    if not yes and sys.stdin.isatty() and not click.confirm("Write it?", default=True):
        click.echo("nothing was written")
        return
    write(data, output)


def _doctor() -> object:
    from vexlab.doctor.examine import examine

    found = examine(load_settings(None), fresh=False, progress=lambda _words: None)
    return {
        "ok": found.ok,
        "accelerators": msgspec.to_builtins(dict(found.accelerators), str_keys=True),
        "checks": msgspec.to_builtins(found.checks),
    }
