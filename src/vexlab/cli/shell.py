"""``vexlab shell``: a case of a run again, stopped before one of its commands, and a shell in its machine."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import click

from vexlab.cli.again import say
from vexlab.cli.halted import Waiting, run_halted
from vexlab.cli.store import results_option
from vexlab.model.event import CaseHalted
from vexlab.report.terminal import printable
from vexlab.vm.console import Console

# Each line is run by a shell of its own, in the directory in which the last one ended: $1; behind a mark that no output
# can know it prints the next one.
_LINE = 'cd "$1" || exit; eval "$2"; status=$?; printf "\\n%s%s" "$3" "$PWD"; exit $status'
_HELP = "each line runs in the guest; `exit` or Ctrl-D lets the case go on, Ctrl-C ends it"


@click.command(name="shell")
@click.argument("where", metavar="RUN/CASE")
@click.option(
    "--stop-before", "number", metavar="N",
    help="Stop before the N-th guest command, as commands.txt in the case's evidence numbers them, M:N of the M-th "
    "machine (default: the one in which the case failed).",
)  # fmt: skip
@results_option
def command(*, where: str, number: str | None, results_dir: str | None) -> None:
    """Run a case of a run again, with the same module and seed, and open a shell in its machine on the way.

    The case stops before a command of its own, and goes on when the shell ends. What the kernel says is shown with each
    line. From another terminal nothing else can use the machine meanwhile.
    """
    run_halted(where, number or "", results_dir, _shell)


def _shell(halted: CaseHalted) -> None:
    console = Console(Path(halted.console))
    console.so_far()
    interactive = sys.stdin.isatty()
    if interactive:
        import readline  # noqa: F401 - gives input() a history

        say(_HELP)
    folder = "/"
    with Waiting(halted) as waiting:
        while (line := _asked(interactive, folder)) not in (None, "exit"):
            if not line:
                continue
            mark = secrets.token_hex(16)
            answer = waiting.exec(["/bin/busybox", "sh", "-c", _LINE, "sh", folder, str(line), mark])
            out, found, last = str(answer.get("out", "")).rpartition(f"\n{mark}")
            if found:
                folder = last
            else:
                out = last
            _say(out, err=False)
            _say(str(answer.get("error", "")))
            _say(console.new())
            if answer.get("lost"):
                break


def _asked(interactive: bool, folder: str) -> str | None:  # noqa: FBT001
    try:
        return input(f"guest:{printable(folder)}# " if interactive else "").strip()
    except EOFError:
        return None


def _say(words: str, *, err: bool = True) -> None:
    for line in words.rstrip("\n").splitlines():
        click.echo(printable(line), err=err)
