"""``vexlab coverage``: what a run reached of the module's source, and what it never did."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import click
import msgspec

from vexlab.cli.store import opened, results_option
from vexlab.config import load_settings
from vexlab.coverage import text
from vexlab.coverage.difference import difference
from vexlab.coverage.export import Outputs, write
from vexlab.coverage.inputs import document as inputs_of
from vexlab.coverage.inputs import has_inputs, input_lines, page, read_inputs
from vexlab.coverage.rare import rare_in
from vexlab.coverage.reasons import read_reasons
from vexlab.coverage.run import has_coverage, read_coverage, source_of
from vexlab.errors import UsageError
from vexlab.model.coverage import Coverage, shares, spans, together
from vexlab.report.files import STDOUT, print_bytes
from vexlab.report.terminal import printable
from vexlab.results.store import Store
from vexlab.tables import suggest

INPUTS_PAGE = "inputs.html"
_INPUTS_HINT = "`vexlab run --inputs …` counts what the workloads ask of the filesystem, on any kernel"
_HINT = "`vexlab run --coverage --flavour kasan …` counts; `vexlab kernels build kasan` builds the kernel for it"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A run that counted: what it reached, and its evidence's folder; ``others`` are runs joined with it."""

    id: str
    target: str
    folder: Path
    coverage: Coverage
    others: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The ids of all runs that the figures are of."""
        return ", ".join((self.id, *self.others))

    def source(self, path: str) -> str:
        """Return the text of a source as the run built it, empty where there was none."""
        file = source_of(self.folder) / path
        return file.read_text(errors="replace") if file.is_file() else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """The files to be written; ``None`` where one is not asked for."""

    html: str | None
    lcov: str | None
    cobertura: str | None
    json: str | None
    rare: str | None


@click.command(name="coverage")
@click.argument("run", default="")
@click.option("--functions", is_flag=True, help="A line for each function, too.")
@click.option("--missed", is_flag=True, help="What no case reaches: functions, and lines of others.")
@click.option(
    "--reasons", type=click.Path(exists=True, dir_okay=False), help="With --missed: why, as this file says (TOML)."
)
@click.option("--line", "where", metavar="FILE:LINE", help="Which cases reach this line, such as journal.c:120.")
@click.option("--inputs", is_flag=True, help="What was asked of the filesystem, and what never (`run --inputs`).")
@click.option("--against", metavar="RUN", help="Which lines are reached and were not by RUN, and the other way round.")
@click.option("--with", "others", metavar="RUN", multiple=True, help="Together with this run of the same source.")
@click.option("--html", type=click.Path(file_okay=False), help="Write pages with the source into this folder.")
@click.option("--lcov", type=click.Path(dir_okay=False), help="Write an lcov tracefile.")
@click.option("--cobertura", type=click.Path(dir_okay=False), help="Write Cobertura XML.")
@click.option(
    "--rare",
    type=click.Path(dir_okay=False),
    help="With --inputs: write the sizes and offsets seldom or never had, for `vexlab run --rare`.",
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Write JSON; - for standard output.")
@results_option
def command(
    *,
    run: str,
    functions: bool,
    missed: bool,
    reasons: str | None,
    where: str | None,
    inputs: bool,
    against: str | None,
    others: tuple[str, ...],
    html: str | None,
    lcov: str | None,
    cobertura: str | None,
    rare: str | None,
    json_file: str | None,
    results_dir: str | None,
) -> None:
    """Say what a run reached of the module's source: lines, functions and branches of each file.

    RUN is a run's id or the beginning of it; without one it is the newest run that counted (`vexlab run --coverage`).
    With --inputs it is what the run's workloads asked of the filesystem; then --lcov and --cobertura have nothing.
    """
    files = _Files(html=html, lcov=lcov, cobertura=cobertura, json=json_file, rare=rare)
    if inputs:
        if others:
            raise UsageError("inputs are told of one run", hint="--with is for what runs reach of the source")
        _inputs(run, results_dir, files)
        return
    if reasons and not missed:
        raise UsageError("reasons are given for what is missed", hint="vexlab coverage --missed --reasons FILE")
    if rare:
        raise UsageError("what was seldom tried is told with --inputs", hint="vexlab coverage --inputs --rare FILE")
    found = _joined(_found(run, results_dir), [_found(name, results_dir) for name in others])
    if where:
        path, number = _place(where, found.coverage)
        _say(text.line(found.coverage, path, number, found.source))
        return
    if missed:
        _say(text.missed(found.coverage, found.source, read_reasons(Path(reasons)) if reasons else ()))
        return
    if against:
        earlier = _found(against, results_dir)
        if earlier.target != found.target:
            raise UsageError(f"the runs are of different targets, `{earlier.target}` and `{found.target}`")
        differing = difference(earlier.coverage, found.coverage, earlier.source, found.source)
        _say(text.difference_lines(differing, earlier.id))
        return
    if not _written(found, files):
        click.echo(f"run {found.name} of {found.target}")
        _say(text.table(found.coverage, functions=functions))


def _found(name: str, results_dir: str | None) -> _Run:
    with opened(results_dir) as store:
        info = store.info(name or _newest(store, has_coverage, _HINT))
        folder = store.evidence(info.id)
    coverage = read_coverage(folder, load_settings(None).sandbox, progress=_progress)
    return _Run(id=info.id, target=info.target, folder=folder, coverage=coverage)


def _joined(found: _Run, others: list[_Run]) -> _Run:
    """Return ``found`` together with ``others``; raise ``UsageError`` where one was built from another source."""
    for each in others:
        differing = [path for path in found.coverage.files if found.source(path) != each.source(path)]
        if each.target != found.target or differing or each.coverage.files.keys() != found.coverage.files.keys():
            of = f"; {differing[0]} differs" if differing else ""
            raise UsageError(
                f"the runs {found.id} and {each.id} are not of the same source{of}",
                hint="--against says what one reached that the other did not",
            )
    more = {each.id: each.coverage for each in others if each.id != found.id}
    return replace(found, coverage=together([found.coverage, *more.values()]), others=tuple(more)) if more else found


def _newest(store: Store, counted: Callable[[Path], bool], hint: str) -> str:
    """Return the id of the newest run that counted."""
    for each in store.overview():
        if counted(store.evidence(each.run.id)):
            return each.run.id
    raise UsageError("no run in the results has counted that", hint=hint)


def _inputs(name: str, results_dir: str | None, files: _Files) -> None:
    """Say, or write, what a run asked of the filesystem."""
    if files.lcov or files.cobertura:
        raise UsageError("lcov and Cobertura have no place for inputs", hint="--html and --json have")
    with opened(results_dir) as store:
        info = store.info(name or _newest(store, has_inputs, _INPUTS_HINT))
        folder = store.evidence(info.id)
    found = read_inputs(folder)
    title = f"Inputs of {info.target}, run {info.id}"
    document = msgspec.json.format(msgspec.json.encode({"run": info.id, "target": info.target, **inputs_of(found)}))
    if files.json == STDOUT:
        print_bytes(document + b"\n")
    elif files.json:
        _put(Path(files.json), document + b"\n")
    if files.html:
        _put(Path(files.html) / INPUTS_PAGE, page(found, title).encode())
    if files.rare:
        rare = rare_in([folder])
        if not rare:
            raise UsageError("no size and no offset was seldom tried, so there is nothing to write")
        _put(Path(files.rare), rare.encode())
    if not (files.json or files.html or files.rare):
        click.echo(f"run {info.id} of {info.target}")
        _say(input_lines(found))


def _put(file: Path, data: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error}", hint="name another place") from error


def _progress(words: str) -> None:
    click.echo(words, err=True)


def _say(lines: Iterable[str]) -> None:
    for each in lines:
        click.echo(printable(each))


def _place(where: str, coverage: Coverage) -> tuple[str, int]:
    """Return the file and the line that the user means; the end of a path will do where it is the only such file."""
    name, colon, number = where.rpartition(":")
    if not colon or not number.isdecimal() or not int(number):
        raise UsageError(f"`{where}` is no line of a file", hint="write FILE:LINE, such as journal.c:120")
    fitting = [path for path in coverage.files if path == name or path.endswith(f"/{name}")]
    if name in fitting:
        fitting = [name]
    if len(fitting) != 1:
        known = ", ".join(fitting) or "none"
        raise UsageError(f"`{name}` names no file of the module ({known} fit)", hint=suggest(name, coverage.files))
    return fitting[0], int(number)


def _written(run: _Run, files: _Files) -> bool:
    """Write what is asked for, and tell whether anything was."""
    pages, lcov, cobertura = (
        Path(name).absolute() if name else None for name in (files.html, files.lcov, files.cobertura)
    )
    if pages or lcov or cobertura:
        outputs = Outputs(html=pages, lcov=lcov, cobertura=cobertura)
        write(run.coverage, source_of(run.folder), outputs, title=f"{run.target}, run {run.name}")
    if pages and has_inputs(run.folder):
        _put(pages / INPUTS_PAGE, page(read_inputs(run.folder), f"Inputs of {run.target}, run {run.id}").encode())
    if files.json == STDOUT:
        print_bytes(_document(run))
    elif files.json:
        _put(Path(files.json), _document(run))
    written = [name for name in (files.html, files.lcov, files.cobertura, files.json) if name]
    for name in written:
        if name != STDOUT:
            click.echo(name)
    return bool(written)


def _document(run: _Run) -> bytes:
    """Return all that is known as JSON."""
    coverage = run.coverage
    document = {
        "run": run.id,
        "with": list(run.others),
        "target": run.target,
        "totals": msgspec.to_builtins(shares(coverage.files.values())),
        "files": msgspec.to_builtins(coverage.files, str_keys=True),
        "cases": {
            case: {path: spans(lines) for path, lines in files.items()} for case, files in coverage.cases.items()
        },
        "unread": dict(coverage.unread),
    }
    return msgspec.json.format(msgspec.json.encode(document)) + b"\n"
