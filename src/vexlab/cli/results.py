"""``vexlab results``: earlier runs, which of them are kept for good, and how old ones go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from vexlab.cli.past import past_of
from vexlab.cli.store import opened, results_option
from vexlab.config import load_settings
from vexlab.errors import UsageError
from vexlab.model.case import RunInfo, RunResult
from vexlab.report import jsonfile
from vexlab.report.content import Content, state_of
from vexlab.report.terminal import printable
from vexlab.results.archive import export_runs, import_runs
from vexlab.results.evidence import check_evidence
from vexlab.results.findings import reported
from vexlab.results.merge import merge_runs
from vexlab.results.migrations import HEAD
from vexlab.results.retention import pin, prune
from vexlab.results.store import Store

_FIGURES_MOST = 6
_LISTED_MOST = 1_000_000_000  # a database counts in 63 bits
_MIB = 1 << 20
_SHOW = "show"
_RUNNING = "running"
_HELP = ("-h", "--help")


class _Runs(click.Group):
    """A group whose command ``show`` may be left out: ``vexlab results last``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``show`` before what names no command."""
        if not args or (args[0] not in self.commands and args[0] not in _HELP):
            args = [_SHOW, *args]
        return super().parse_args(ctx, args)


@click.group(name="results", cls=_Runs)
def command() -> None:
    """List earlier runs, show one, keep one for good, or remove old ones.

    `vexlab results` lists the runs, `vexlab results RUN` shows one.
    """


@command.command(name=_SHOW)
@click.argument("run", required=False)
@results_option
@click.option(
    "--limit", type=click.IntRange(0, _LISTED_MOST), default=200, show_default=True, help="List so many runs; 0: all."
)
@click.option("--json", "as_json", is_flag=True, help="Print the run, or the list of runs, as JSON.")
def show(*, run: str | None, limit: int, results_dir: str | None, as_json: bool) -> None:
    """List earlier runs, or show one: its id, the beginning of it, or `last`."""
    with opened(results_dir) as store:
        if run is None:
            if as_json:
                click.echo(jsonfile.encoded(_listed(store, limit)))
            else:
                _list(store, limit)
            return
        result = store.load(run)
        if as_json:
            content = Content.of(result, store.profiles(result.run.id), (), past_of(store, result))
            click.echo(jsonfile.render(content).decode(), nl=False)
            return
        _show(store, result)


@command.command(name="pin")
@click.argument("run")
@results_option
def pin_run(*, run: str, results_dir: str | None) -> None:
    """Keep a run for good: `prune` does not remove it."""
    with opened(results_dir, writing=True) as store:
        click.echo(f"{pin(store, run).id} is pinned")


@command.command(name="unpin")
@click.argument("run")
@results_option
def unpin_run(*, run: str, results_dir: str | None) -> None:
    """Let `prune` remove a run again that was pinned."""
    with opened(results_dir, writing=True) as store:
        click.echo(f"{pin(store, run, pinned=False).id} is no longer pinned")


@command.command(name="prune")
@click.option("--keep-days", type=click.IntRange(0), help="Keep runs of the last so many days (default: the setting).")
@click.option(
    "--keep-runs", type=click.IntRange(0), help="Keep so many newest runs of each target (default: the setting)."
)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@results_option
def prune_runs(*, keep_days: int | None, keep_runs: int | None, dry_run: bool, results_dir: str | None) -> None:
    """Remove old runs: evidence and results. Pinned runs and running ones stay, and so does the history of problems.

    A run stays where either limit keeps it; the limits are those of [results] in vexlab.toml unless given here. Without
    any limit everything stays.
    """
    limits = load_settings(None).results
    days = limits.keep_days if keep_days is None else keep_days
    runs = limits.keep_runs if keep_runs is None else keep_runs
    if not days and not runs:
        click.echo("no limit is set, so everything is kept: --keep-days, --keep-runs, or [results] in vexlab.toml")
        return
    with opened(results_dir, writing=not dry_run) as store:
        gone = prune(store, keep_days=days, keep_runs=runs, dry_run=dry_run)
    for each in gone:
        click.echo(f"{each.run.id}  {each.run.target:12} {each.size / _MIB:8.1f} MiB")
    words = "would go" if dry_run else "removed"
    click.echo(
        f"{len(gone)} run{'s' if len(gone) != 1 else ''}, {sum(each.size for each in gone) / _MIB:.1f} MiB {words}"
    )


@command.command(name="find")
@click.argument("words")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@results_option
def find(*, words: str, results_dir: str | None, as_json: bool) -> None:
    """Find what kernels reported, in all runs: by words of the title, the function, or the fingerprint.

    The last seen come first, 50 of them. The exit status is 1 where nothing was found.
    """
    with opened(results_dir) as store:
        found = reported(store, words)
    if as_json:
        click.echo(jsonfile.encoded(found))
    for each in () if as_json else found:
        click.echo(printable(each.title))
        first, last = (when[:16].replace("T", " ") for when in (each.first, each.last))
        days = f"on {first}" if first == last else f"from {first} to {last}"
        seen = f"{_counted(each.cases, 'case')} of {_counted(each.runs, 'run')} {days}"
        click.echo(f"    {seen}: {printable(', '.join(each.targets))} on {printable(', '.join(each.kernels))}")
        click.echo(f"    last in run {each.run}, {printable(each.case)}")
    if not found:
        click.echo(f"no kernel reported anything with `{printable(words)}` in it", err=True)
        raise SystemExit(1)


@command.command(name="check")
@click.argument("run", default="last")
@results_option
def check(*, run: str, results_dir: str | None) -> None:
    """Look whether the evidence of a run is what it was when it was made, by its checksums.

    The exit status is 1 where a file was changed or is missing.
    """
    with opened(results_dir) as store:
        checked = check_evidence(store, run)
    for words, names in (("changed", checked.changed), ("missing", checked.missing)):
        for name in names:
            click.echo(f"{words}  {printable(name)}")
    bad = len(checked.changed) + len(checked.missing)
    click.echo(
        f"{_counted(checked.same, 'file')} as they were, {len(checked.changed)} changed, {len(checked.missing)} missing"
    )
    if not checked.same and not bad:
        raise UsageError(
            "no evidence of this run was noted", hint="that is done since schema 0009, and where a run's results lie"
        )
    raise SystemExit(1 if bad else 0)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


@command.command(name="upgrade")
@results_option
def upgrade(*, results_dir: str | None) -> None:
    """Bring the database of an earlier version up to date, which commands that only read do not."""
    with opened(results_dir, writing=True, new=True) as store:
        before = store.schema
    if before == HEAD:
        click.echo(f"the schema is {HEAD}, that of this version")
    else:
        click.echo(f"the schema was {before or 'missing'}, it is {HEAD} now")


@command.command(name="export")
@click.argument("runs", nargs=-1, required=True)
@click.option("--output", required=True, type=click.Path(dir_okay=False), help="The archive to write: NAME.tar.gz.")
@click.option("--evidence", is_flag=True, help="With the runs' evidence, which may be large.")
@results_option
def export(*, runs: tuple[str, ...], output: str, evidence: bool, results_dir: str | None) -> None:
    """Write runs into an archive, for another host: ids, the beginnings of them, or `last`."""
    with opened(results_dir) as store:
        done = export_runs(store, runs, Path(output), evidence=evidence)
    click.echo(
        f"{len(done)} run{'s' if len(done) != 1 else ''} in {output}, {Path(output).stat().st_size / _MIB:.1f} MiB"
    )


@command.command(name="import")
@click.argument("archives", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@results_option
def import_archives(*, archives: tuple[str, ...], results_dir: str | None) -> None:
    """Add the runs of archives that are not here yet."""
    with opened(results_dir, writing=True, new=True) as store:
        for archive in archives:
            for each in import_runs(store, Path(archive)):
                words = f"{each.cases} results" if each.added else "is here already"
                click.echo(f"{each.run.id}  {printable(each.run.target):12} {words}")


@command.command(name="merge")
@click.argument("runs", nargs=-1, required=True)
@results_option
def merge(*, runs: tuple[str, ...], results_dir: str | None) -> None:
    """Make one run of several that are parts of one: of the same target and revision, each with cases of its own.

    A case that came to its end in two of them is refused: nobody could say which result counts.
    """
    with opened(results_dir, writing=True, new=True) as store:
        merged = merge_runs(store, runs)
    click.echo(f"{merged.run.id}  {printable(merged.run.target):12} {len(merged.cases)} results")


def _listed(store: Store, limit: int) -> list[dict[str, object]]:
    """Return the runs as data: each with its state, the counts of its verdicts, and whether it is pinned."""
    return [
        {
            **msgspec.to_builtins(each.run),
            "state": _state(store, each.run),
            "summary": msgspec.to_builtins(each.summary),
            "pinned": each.pinned,
        }
        for each in store.overview(limit)
    ]


def _list(store: Store, limit: int) -> None:
    runs = store.overview(limit)
    if not runs:
        click.echo(f"no run in {store.folder} yet; `vexlab run` adds one", err=True)
    for each in runs:
        counts = each.summary
        click.echo(
            f"{each.run.id}  {each.run.target:12} {','.join(each.run.kernels):12} {_state(store, each.run):11} "
            f"{counts.passed} passed {counts.failed} failed {counts.crashed} crashed "
            f"{counts.skipped} skipped {counts.blocked} blocked {counts.errors} errors"
            + (f" {counts.undecided} undecided" if counts.undecided else "")
            + (f" {counts.known} known" if counts.known else "")
            + (" pinned" if each.pinned else "")
        )


def _state(store: Store, run: RunInfo) -> str:
    return _RUNNING if not run.finished and store.is_running(run.id) else state_of(run)


def _show(store: Store, result: RunResult) -> None:
    info = result.run
    state = _state(store, info)
    click.echo(f"{info.id}: {info.target} on kernel {', '.join(info.kernels)}, {state}, in {store.folder / info.id}")
    for line in _origin(info):
        click.echo(f"  {printable(line)}")
    for case in result.cases:
        click.echo(f"{case.verdict.value:9} {case.id:52} {case.duration_s:6.1f} s")
        for line in case.reason.splitlines():
            click.echo(f"          {printable(line)}")
        for known in dict.fromkeys(each.words for each in case.known):
            click.echo(f"          known issue: {printable(known)}")
        if case.metrics:
            click.echo(f"          {printable(' · '.join(map(str, case.metrics[:_FIGURES_MOST])))}")
    _end(result, state)


def _end(result: RunResult, state: str) -> None:
    """Print the sums, the verdict, and which command says more of it. A run that goes on has no verdict yet."""
    content = Content.of(result)
    counts = [f"{number} {verdict.value}" for verdict, number in content.counts.items() if number]
    click.echo(", ".join(counts) or "no case ended")
    if state == _RUNNING:
        return
    click.echo(f"verdict: {content.headline}")
    if many := len(content.problems):
        click.echo(f"{many} distinct problem{'s' if many > 1 else ''}: `vexlab problems {result.run.id}`")


def _origin(info: RunInfo) -> Iterator[str]:
    """Yield where the run's results come from, a line each; nothing for runs of before it was noted."""
    origin = info.provenance
    if origin.revision:
        yield f"revision {origin.revision}"
    for kernel in origin.kernels:
        module = f", module {kernel.module[:16]}" if kernel.module else ""
        built = f"{kernel.flavour} {kernel.release}, {kernel.version}"
        yield f"kernel {kernel.name}: {built}{module}, {kernel.accelerator}"
        if kernel.image:
            lacks = "".join(f"; no evidence by {each}" for each in kernel.image.lacks)
            yield printable(f"image {kernel.image.name}: SHA-256 {kernel.image.digest}{lacks}")
    if origin.vexlab:
        host = origin.host
        words = f"vexlab {origin.vexlab}, QEMU {origin.qemu}, {host.cores} cores, {host.memory} MiB, {host.cpu}"
        where = [word for word in (info.environment, host.name) if word]
        yield ", ".join([words, *where])
