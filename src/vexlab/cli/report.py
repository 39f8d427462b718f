"""``vexlab report``: a run in a format for people or programs."""

from __future__ import annotations

from pathlib import Path

import click

from vexlab.cli.past import past_of
from vexlab.cli.span import SPAN, report_span
from vexlab.cli.store import opened, results_option
from vexlab.errors import UsageError
from vexlab.report import jsonfile
from vexlab.report.content import Content
from vexlab.report.files import STDOUT, print_bytes, write_file, write_folder
from vexlab.report.renderers import FORMATS, ONLY, Format, Part, chosen
from vexlab.results.earlier import earlier_runs

FORMAT_HELP = "; ".join(f"{each.name}: {each.about}" for each in FORMATS)


@click.command(name="report")
@click.argument("run", default="last")
@click.option("--format", "names", default="text", show_default=True, metavar="FORMAT,…", help=f"{FORMAT_HELP}.")
@click.option("--output", type=click.Path(), help="A folder, or the file of one format; - is standard output.")
@results_option
@click.option("--only", type=click.Choice(sorted(ONLY)), help="This part alone, as text.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the format json instead.")
def command(
    *, run: str, names: str, output: str | None, results_dir: str | None, only: str | None, schema: bool
) -> None:
    """Write a run in one format or several. RUN is a run's id, the beginning of it, or `last`.

    RUN..RUN writes all runs of the target from the first to the second, and what changed: text, md, json, csv, html.
    Without --output a single format is printed; html, pdf, csv and several formats go into the run's folder, and the
    paths of the files are printed.
    """
    if schema:
        print_bytes(jsonfile.schema())
        return
    if SPAN in run:
        if only:
            raise UsageError(f"--only {only} is about one run", hint="name one run instead of two")
        report_span(run, names, output, results_dir)
        return
    formats = chosen(names)
    if only:
        part = Part(file=f"{only}.txt", render=ONLY[only])
        if [each.name for each in formats] != ["text"]:
            raise UsageError(f"--only {only} is text", hint="leave --format away")
        formats = (Format(name="text", about=only, parts=(part,)),)
    with opened(results_dir) as store:
        result = store.load(run)
        earlier = earlier_runs(store, result) if any(each.charts for each in formats) else ()
        content = Content.of(result, store.profiles(result.run.id), earlier, past_of(store, result))
        own = store.folder / result.run.id
    printed = output == STDOUT or (output is None and len(formats) == 1 and formats[0].screen)
    if printed:
        _print(content, formats)
        return
    try:
        for file in _write(content, formats, Path(output) if output else own):
            click.echo(file)
    except OSError as error:
        raise UsageError(f"the report cannot be written: {error}", hint="--output names another place") from error


def _print(content: Content, formats: tuple[Format, ...]) -> None:
    parts = [part for each in formats for part in each.parts]
    if len(parts) > 1:
        raise UsageError(f"{len(parts)} files cannot go to standard output", hint="--output FOLDER takes them all")
    print_bytes(parts[0].render(content))


def _write(content: Content, formats: tuple[Format, ...], output: Path) -> list[Path]:
    """A name with a suffix, and a file that is there, is a file's; any other a folder's, which is made."""
    is_file = not output.is_dir() and (output.exists() or bool(output.suffix))
    if not is_file:
        output.mkdir(parents=True, exist_ok=True)
        return write_folder(content, formats, output)
    if len(formats) > 1:
        raise UsageError(f"{output} is one file for {len(formats)} formats", hint="--output FOLDER takes them all")
    return write_file(content, formats[0], output)
