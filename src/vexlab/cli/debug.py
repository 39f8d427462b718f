"""``vexlab debug``: gdb on the kernel of a running machine, or drgn on the memory of one whose kernel crashed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click

from vexlab import process
from vexlab.cli.again import say
from vexlab.cli.halted import go_file, run_halted
from vexlab.cli.store import opened, results_option
from vexlab.cli.vm.shelf import machines
from vexlab.debug import gdb
from vexlab.debug.postmortem import examine, is_installed, kept_subject
from vexlab.errors import UsageError
from vexlab.model.event import CaseHalted
from vexlab.observe.dump import DESCRIPTION, MEMORY
from vexlab.plugin.recorder import folder_name

_CASES = "cases"  # folder of a run's evidence
_COMMANDS = "gdb.commands"  # in the machine's folder
_TICK_S = 0.2


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
@click.option(
    "--stop-before", "number", metavar="N",
    help="Run the case again with the same module and seed, stop before its N-th guest command (commands.txt in its "
    "evidence numbers them), and open gdb.",
)  # fmt: skip
@results_option
def command(*, where: str, text: bool, file: Path | None, number: str | None, results_dir: str | None) -> None:
    """Open gdb on the kernel of MACHINE or of a case that stops, or drgn on the memory of one whose kernel crashed.

    MACHINE is one that `vexlab vm start --target` made; it stands still while gdb is connected. Its module is loaded
    where it is not yet. RUN/CASE is such as `last/kernel_module.load[6.1]`, RUN an id, the beginning of one, or `last`;
    `keep_memory = true` under [run] in vexlab.toml keeps memory. With --stop-before the case is run again, and gdb sees
    its machine alive: `go` there lets the case run its command. Breakpoints in the module may be set before it is
    loaded.
    """
    run, slash, case = where.partition("/")
    if number:
        if not file:
            process.require("gdb")
        run_halted(where, number, results_dir, lambda halted: _halted(halted, file))
    elif not slash:
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
    _write(written, words)
    if file:
        click.echo(f"`gdb -x {file}` stops {name} and debugs its kernel")
        return
    os.execv(program, [program, "-q", "-x", str(written)])  # noqa: S606 - gdb takes our place, with the terminal


def _halted(halted: CaseHalted, file: Path | None) -> None:
    """Run gdb on the machine of a case that waits; where the commands go to a ``file``, wait for whoever reads them."""
    written = file or Path(halted.stub).with_name(_COMMANDS)
    _write(written, halted_commands(halted))
    if file:
        say(f"`gdb -x {file}` stops the machine; `go` in it lets the case run its command")
        while Path(halted.socket).exists() and not go_file(halted).exists():
            time.sleep(_TICK_S)
    else:
        process.hand_over([process.require("gdb"), "-q", "-x", str(written)])


def halted_commands(halted: CaseHalted) -> str:
    """Return what gdb does first on the machine of a case that waits."""
    symbols = Path(halted.symbols)
    more = list(gdb.going_on(go_file(halted)))
    if not halted.sections and halted.symbols and halted.starter and (places := _places(symbols)):
        more += gdb.at_load(halted.module, symbols, halted.starter, places)
        more += [f"echo {halted.module} is not loaded yet: gdb stops before its init\\n"]
    return gdb.commands(
        symbols=symbols,
        sections=halted.sections if halted.symbols else {},
        socket=Path(halted.stub),
        source=Path(halted.source) if halted.source else None,
        vmlinux=Path(halted.vmlinux) if halted.vmlinux else None,
        more=[*more, "echo `go` lets the case run its command\\n"],
    )


def _places(symbols: Path) -> gdb.Places | None:
    try:
        from vexlab.debug.moduletypes import places_in
    except ImportError:
        say("to stop before a module's init needs the extra vexlab[debug]")
        return None
    return places_in(symbols)


def _write(file: Path, words: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(words)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error


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
