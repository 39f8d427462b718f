"""``vexlab debug``: the memory of a machine whose kernel crashed, in drgn."""

from __future__ import annotations

from pathlib import Path

import click

from vexlab.cli.store import opened, results_option
from vexlab.debug.postmortem import examine, is_installed, kept_subject
from vexlab.errors import UsageError
from vexlab.observe.dump import DESCRIPTION, MEMORY
from vexlab.plugin.recorder import folder_name

_CASES = "cases"  # folder of a run's evidence


@click.command(name="debug")
@click.argument("where", metavar="RUN/CASE")
@click.option("--text", is_flag=True, help="Print what was found, and open nothing.")
@results_option
def command(*, where: str, text: bool, results_dir: str | None) -> None:
    """Open drgn on the memory that a run kept of a case's machine: `last/kernel_module.load[6.1]`.

    RUN is a run's id, the beginning of it, or `last`. `keep_memory = true` under [run] in vexlab.toml keeps memory.
    """
    run, slash, case = where.partition("/")
    if not slash:
        raise UsageError(f"`{where}` names no case", hint="write RUN/CASE, such as `last/kernel_module.load[6.1]`")
    with opened(results_dir) as store:
        folder = store.folder / store.info(run).id / _CASES / folder_name(case)
    if not folder.is_dir():
        raise UsageError(f"the run kept nothing of a case {case}", hint="`vexlab results show RUN` lists its cases")
    if not is_installed():
        raise UsageError("drgn is not installed", hint="`pip install vexlab[debug]`")
    found = _newest(folder)
    subject = kept_subject(found)
    if text:
        click.echo(examine(found / MEMORY, found / DESCRIPTION, subject), nl=False)
        return
    from drgn.cli import run_interactive

    from vexlab.debug.examination import open_dump

    files = [file for file in (subject.vmlinux, subject.module) if file]
    prog, lacks = open_dump(found / MEMORY, found / DESCRIPTION, files)
    if lacks:
        click.echo(f"without debugging information: {lacks}", err=True)
    run_interactive(prog)


def _newest(folder: Path) -> Path:
    """Return the folder of the last machine whose memory was kept: the case's own, or one of ``machine-N``."""
    found = sorted(folder.rglob(MEMORY), key=lambda file: file.stat().st_mtime)
    return found[-1].parent if found else folder
