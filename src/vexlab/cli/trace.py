"""``vexlab trace``: what the module's functions do in a running guest, and where an error came from."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import click

from vexlab.cli.again import say
from vexlab.cli.errno import trace_errno
from vexlab.cli.options import request_of, request_options, seconds_of
from vexlab.cli.store import place_of, results_option
from vexlab.cli.traced_case import trace_case
from vexlab.config import Settings, settings_for
from vexlab.errors import UsageError
from vexlab.lab import Lab
from vexlab.model.request import CASE_HELP
from vexlab.model.target import Target
from vexlab.model.trace import Trace
from vexlab.report.jsonfile import encoded
from vexlab.report.terminal import printable
from vexlab.targets.configurations import chosen, configured
from vexlab.targets.load import find_target
from vexlab.trace.files import read_trace, write_trace
from vexlab.trace.probes import BY_NAME, canonical
from vexlab.trace.program import CALLS
from vexlab.trace.tracer import Wanted
from vexlab.trace.words import compare_lines, lines_of
from vexlab.trace.work import COMMAND_S, EXERCISE_S, Work, trace_work, words_of

_OPTIONS = ("target", "kernels", "configurations", "config", "accel", "memory", "cpus", "sandbox", "build_args")
_FAILED = 1
_FOLDER = "traces"  # beside the runs of a results' folder


class TraceGroup(click.Group):
    """A group that does its own work where no subcommand is named; what follows `--` is the command to trace."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the words after `--` aside before click takes the first of them for a subcommand."""
        if "--" in args:
            place = args.index("--")
            ctx.obj = tuple(args[place + 1 :])
            args = args[:place]
        return super().parse_args(ctx, args)


@click.group(
    name="trace", cls=TraceGroup, invoke_without_command=True, subcommand_metavar="[-- COMMAND… | analyze | compare]"
)
@click.option(
    "--probe",
    "probes",
    multiple=True,
    metavar="NAME",
    help=f"{', '.join(BY_NAME)}, a name of [probes] in target.toml, or module:function; repeatable. Without: all.",
)
@click.option("--list", "listed", is_flag=True, help="Print the names of probes, and trace nothing.")
@click.option(
    "--script",
    "scripts",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    help="Also run this bpftrace script; repeatable.",
)
@click.option(
    "--duration",
    "seconds",
    metavar="TIME",
    callback=seconds_of,
    help=f"How long everyday work goes on ({EXERCISE_S:.0f}s), or how long a command may take ({COMMAND_S:.0f}s).",
)
@click.option("--case", "case", metavar="ID", help=f"Trace this case. {CASE_HELP}")
@click.option(
    "--errno", "errno", metavar="RUN/CASE", help="Run this failed case again and say where its error is from."
)
@click.option("--error", metavar="NAME", help="With --errno: the error, such as EEXIST, where the case names none.")
@click.option(
    "--calls", type=click.IntRange(0, 1 << 20), default=CALLS, show_default=True, help="Calls on the time line."
)
@click.option("--out", type=click.Path(file_okay=False), help="Folder for the trace (default: one beside the runs).")
@results_option
@request_options(*_OPTIONS)
@click.option("--json", "as_json", is_flag=True, help="Print the trace as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    probes: tuple[str, ...],
    listed: bool,
    scripts: tuple[str, ...],
    seconds: float,
    case: str | None,
    errno: str | None,
    error: str | None,
    calls: int,
    out: str | None,
    results_dir: str | None,
    as_json: bool,
    **asked: object,
) -> int:
    """Trace the module's functions in a fresh machine, without building it anew.

    What runs meanwhile is COMMAND in the mounted filesystem, a case, or everyday work. The trace is kept in a folder:
    figures, a time line for Perfetto, flame graphs. Exit status: 0 traced, 1 what ran failed, 2 wrong usage, 3 the lab
    failed.
    """
    if ctx.invoked_subcommand:
        return 0
    request = request_of(asked)
    settings = settings_for(request)
    target = find_target(request.target, build_args=request.build_args)
    names = tuple(canonical(name, target) for name in probes)
    if listed:
        _list(target)
        return 0
    words: tuple[str, ...] = ctx.obj or ()
    if sum(map(bool, (words, case, errno))) > 1:
        raise UsageError("a command, --case and --errno exclude each other")
    results, url = place_of(results_dir, settings)
    if errno:
        return trace_errno(request, settings, errno, error or "", (results, url), as_json=as_json)
    folder = Path(out) if out else results / _FOLDER / f"{target.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    if case:
        request = dataclasses.replace(request, trace=True, trace_probes=names, cases=(case,), kernels=settings.kernels)
        found = trace_case(request, settings, folder)
        for trace, where in found.traces:
            _tell(trace, where, as_json=as_json)
        return found.exit_code
    target = configured(target, next(iter(chosen(target, request.configurations)), ""))
    wanted = Wanted(names=names, scripts=tuple(map(Path, scripts)), calls=calls)
    return _work(settings, target, wanted, Work(command=words, seconds=seconds), folder, as_json=as_json)


def _list(target: Target) -> None:
    for each in BY_NAME.values():
        click.echo(f"{each.name:16} {each.about}")
    for name, function in target.probes:
        click.echo(f"{name:16} {function}, of target.toml")


def _work(settings: Settings, target: Target, wanted: Wanted, work: Work, folder: Path, *, as_json: bool) -> int:
    with Lab(settings, progress=say) as lab:
        lab.check_room()
        kernel = lab.kernels.get(settings.kernels[0])
        traced = trace_work(lab, target, kernel, wanted, work, say=say)
    write_trace(traced.trace, folder)
    if traced.result and work.command and not as_json:
        click.echo(printable(traced.result.text))
    _tell(traced.trace, folder, as_json=as_json)
    for line in words_of(traced.result):
        say(line)
    return _FAILED if words_of(traced.result) else 0


def _tell(trace: Trace, folder: Path, *, as_json: bool) -> None:
    if as_json:
        click.echo(encoded(trace))
        return
    for line in lines_of(trace):
        click.echo(line)
    names = sorted(
        file.name for file in folder.iterdir() if file.name.startswith(("trace", "on-", "off-", "lock", "outs"))
    )
    say(f"kept in {folder}: {', '.join(names)}")


@command.command()
@click.argument("file", type=click.Path(exists=True))
@click.option("--out", type=click.Path(file_okay=False), help="Write text, time line and pictures to this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the trace as JSON.")
def analyze(*, file: str, out: str | None, as_json: bool) -> None:
    """Print what a trace holds: FILE is its trace.json, or the folder that holds it."""
    trace = read_trace(Path(file))
    folder = Path(out) if out else Path(file) if Path(file).is_dir() else Path(file).parent
    if out:
        write_trace(trace, folder)
    _tell(trace, folder, as_json=as_json)


@command.command()
@click.argument("before", type=click.Path(exists=True))
@click.argument("after", type=click.Path(exists=True))
def compare(*, before: str, after: str) -> None:
    """Say what changed from one trace to another."""
    for line in compare_lines(read_trace(Path(before)), read_trace(Path(after))):
        click.echo(line)
