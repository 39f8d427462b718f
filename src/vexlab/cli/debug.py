"""``vexlab debug``: gdb on the kernel of a running machine, or drgn on the memory of one whose kernel crashed."""

from __future__ import annotations

import os
from pathlib import Path

import click

from vexlab import process
from vexlab.cli.store import opened, results_option
from vexlab.cli.vm.shelf import machines
from vexlab.debug import gdb
from vexlab.debug.postmortem import examine, is_installed, kept_subject
from vexlab.errors import UsageError
from vexlab.observe.dump import DESCRIPTION, MEMORY
from vexlab.plugin.recorder import folder_name

_CASES = "cases"  # folder of a run's evidence
_COMMANDS = "gdb.commands"  # in the machine's folder


@click.command(name="debug")
@click.argument("where", metavar="MACHINE|RUN/CASE")
@click.option("--text", is_flag=True, help="Print what was found in a case's memory, and open nothing.")
@click.option(
    "--commands",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write what gdb is to do first to FILE, for an editor's gdb, and start none.",
)
@results_option
def command(*, where: str, text: bool, file: Path | None, results_dir: str | None) -> None:
    """Open gdb on the kernel of MACHINE, or drgn on the memory that a run kept of a case's machine.

    MACHINE is one that `vexlab vm start --target` made; it stands still while gdb is connected. Its module is loaded
    where it is not yet. RUN/CASE is such as `last/kernel_module.load[6.1]`, RUN an id, the beginning of one, or `last`;
    `keep_memory = true` under [run] in vexlab.toml keeps memory.
    """
    run, slash, case = where.partition("/")
    if not slash:
        _live(where, file)
    else:
        _dead(run, case, text=text, results_dir=results_dir)


def _live(name: str, file: Path | None) -> None:
    """Open the machine for gdb, and become gdb where no ``file`` is wanted."""
    shelf = machines()
    record, files = shelf.record(name), shelf.files(name)
    modules = [Path(each.path) for each in record.payload if each.path.endswith(".ko")]
    if not record.symbols or not modules:
        raise UsageError(f"`{name}` has no module whose symbols are known", hint="`vexlab vm start --target` makes one")
    program = "" if file else process.require("gdb")
    with shelf.connect(name) as machine:
        if not machine.exec(["test", "-d", f"/sys/module/{modules[0].stem}"]).ok:
            loaded = machine.exec(["insmod", str(modules[0])])
            if not loaded.ok:
                raise UsageError(f"the module cannot be loaded: {loaded}")
        sections = gdb.sections_of(machine, modules[0].stem)
        gdb.open_stub(machine, files.gdb)
    words = gdb.commands(symbols=record.symbols, sections=sections, socket=files.gdb, source=record.source)
    written = file or files.folder / _COMMANDS
    try:
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(words)
    except OSError as error:
        raise UsageError(f"{written} cannot be written: {error.strerror}") from error
    if file:
        click.echo(f"`gdb -x {file}` stops {name} and debugs its kernel")
        return
    os.execv(program, [program, "-q", "-x", str(written)])  # noqa: S606 - gdb takes our place, with the terminal


def _dead(run: str, case: str, *, text: bool, results_dir: str | None) -> None:
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
