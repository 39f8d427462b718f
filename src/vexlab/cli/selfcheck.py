"""``vexlab selfcheck``: which defects built into a target do the domains find, and do they raise false alarms?"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import vexlab
from vexlab.cache import key_of
from vexlab.cli.list import collect
from vexlab.cli.options import request_of, request_options
from vexlab.cli.values import duration, levels
from vexlab.config import settings_for
from vexlab.errors import UsageError
from vexlab.kernels.flavours import shown_by
from vexlab.model.case import CaseResult
from vexlab.model.key import DISTRO
from vexlab.model.target import Target
from vexlab.report.terminal import printable
from vexlab.results.store import FILE, Store
from vexlab.selfcheck.defects import load_defects, named, sample, visible_on
from vexlab.selfcheck.detection import Detection, Figures, figures, without_false_alarms
from vexlab.selfcheck.earlier import finders
from vexlab.selfcheck.order import promising
from vexlab.selfcheck.trial import Trial, Trials
from vexlab.session import Request
from vexlab.targets.load import find_target
from vexlab.targets.source import digest_tree

_NOT_TRIED = 3


@click.command(name="selfcheck")
@request_options("target", "kernels", "flavour", "sandbox")
@click.option("--defects", type=click.Path(dir_okay=False), help="Catalogue of defects (default: beside target.toml).")
@click.option("--defect", "names", multiple=True, help="Only this defect; repeatable.")
@click.option("--clean", "also_clean", multiple=True, help="A further target without defects, for false alarms.")
@click.option("--sample", "count", type=click.IntRange(0), default=0, help="Only N defects, spread over the catalogue.")
@click.option("--level", "level_lists", type=levels, multiple=True,
              help="Only cases of these levels: one, a list (1,3) or a range (1-2); repeatable.")  # fmt: skip
@click.option("--domain", "domains", multiple=True, help="Only cases of this domain.")
@click.option("--case", "cases", multiple=True, help="Only this case, as `vexlab run --case` takes it; repeatable.")
@click.option("--all-cases", is_flag=True, help="Run every case, not only until the first finds the defect.")
@click.option("--budget", type=duration, default=None,
              help="The longest that one defect may take, such as 10m; after it the defect is undecided.")  # fmt: skip
@click.option("--jobs", "-j", type=click.IntRange(1, 64), default=1, show_default=True, help="Machines side by side.")
@click.option("--state", type=click.Path(file_okay=False), default="vexlab-selfcheck", show_default=True,
              help="Folder of finished defects; a second start goes on where the first ended.")  # fmt: skip
@click.option("--earlier", type=click.Path(dir_okay=False),
              help="Table of an earlier selfcheck: what found a defect then is tried first (default: selfcheck.json "
              "beside the catalogue, where there is one).")  # fmt: skip
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Write the table as JSON.")
def command(
    *,
    target: str,
    kernels: tuple[str, ...],
    flavour: str | None,
    sandbox: str | None,
    defects: str | None,
    names: tuple[str, ...],
    also_clean: tuple[str, ...],
    count: int,
    level_lists: tuple[tuple[int, ...], ...],
    domains: tuple[str, ...],
    cases: tuple[str, ...],
    all_cases: bool,
    budget: float | None,
    jobs: int,
    state: str,
    earlier: str | None,
    json_file: str | None,
) -> int:
    """Build each defect of a catalogue into the target, run the domains, and print who found what.

    The clean target comes first: whatever is found in it is a false alarm, and such a case finds no defect. Exit
    status 1 where a defect was missed or not found within its budget, or an alarm was false, 3 where a trial could not
    be made.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    chosen = find_target(target)
    listed = Path(defects) if defects else chosen.file.parent / "defects.toml"
    catalogue = load_defects(listed)
    table = Path(earlier) if earlier else listed.with_name("selfcheck.json")
    found_then = finders(table) if earlier or table.exists() else {}
    wanted = named(catalogue, names) if names else sample(visible_on(catalogue, shown_by(flavour or DISTRO)), count)
    if not wanted:
        raise UsageError("no defect matches", hint="the catalogue's names and flavours stand in the file itself")
    others = [find_target(each) for each in also_clean]
    asked = request_of({"target": target, "kernels": kernels, "flavour": flavour, "sandbox": sandbox, "jobs": jobs})
    asked = replace(asked, kernels=settings_for(asked).kernels)
    folders = (Path(vexlab.__file__).parent, *(folder for each in (chosen, *others) for folder in source_folders(each)))
    sources = key_of([digest_tree(folder) for folder in folders])
    rows = _selected(replace(asked, domains=domains, cases=cases), level_lists)
    trials = Trials(
        Path(state),
        asked,
        [str(row["id"]) for row in rows],
        sources=sources,
        stop=not all_cases,
        kept=stored_cases,
        budget=budget or 0,
    )

    clean = [_tried(trials, _clean_trial(each, probed=each is chosen)) for each in (chosen, *others)]
    defective = _all_tried(trials, chosen, [each.name for each in wanted], clean[0], found_then)
    found = without_false_alarms(defective, clean[0].found_by)
    counted = figures(clean, found)
    _show(clean, found, counted)
    if json_file:
        report = {"clean": clean, "defects": found, **msgspec.to_builtins(counted)}
        Path(json_file).write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    return 0 if counted.flawless else _NOT_TRIED if counted.not_tried else 1


def _clean_trial(target: Target, *, probed: bool) -> Trial:
    return Trial(name=f"clean-{target.name}", target=str(target.file), probed=probed)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Treat a polite kill as Ctrl-C, so that the time that a trial took is noted."""
    raise KeyboardInterrupt


def _selected(request: Request, level_lists: Sequence[Sequence[int]]) -> list[dict[str, object]]:
    """Return the cases of ``request`` at the levels that are listed (none: at any), as ``vexlab list`` has them."""
    wanted = {level for each in level_lists for level in each}
    rows = [row for row in collect(request) if not wanted or row["level"] in wanted]
    if not rows:
        raise UsageError("no case matches", hint="`vexlab list` shows what there is")
    return rows


def source_folders(target: Target) -> tuple[Path, ...]:
    """Return the folders of a target: that of its file, and those of sources that lie elsewhere."""
    here = target.file.parent
    named = (target.source, *(tool.source for tool in target.tools))
    return (here, *(folder for folder in named if folder and not folder.resolve().is_relative_to(here.resolve())))


def stored_cases(results: Path) -> list[CaseResult]:
    """Return the cases that finished in the runs of a results folder, those of the oldest run first."""
    if not (results / FILE).exists():
        return []
    store = Store(results, readonly=True)
    try:
        return [case for run in reversed(store.runs()) for case in run.cases]
    finally:
        store.close()


def _all_tried(
    trials: Trials, target: Target, defects: Sequence[str], clean: Detection, found_then: Mapping[str, Sequence[str]]
) -> list[Detection]:
    """Try each defect of ``target``, at first the cases of which something says that they may find it."""
    done: list[Detection] = []
    for at, name in enumerate(defects, 1):
        trial = Trial(name=name, target=str(target.file), defect=name)
        order = promising(clean, done, finders=found_then.get(name, ()))
        done.append(_tried(trials, trial, order, place=f"{at} of {len(defects)}: "))
    return done


def _tried(trials: Trials, trial: Trial, order: Sequence[str] = (), *, place: str = "") -> Detection:
    click.echo(f"{place}{trial.name} …", err=True)
    found = trials.result(trial, order)
    words = found.error or found.undecided or ", ".join(found.found_by) or ("missed" if trial.defect else "quiet")
    click.echo(f"  {printable(words)}, {found.duration_s:.0f} s", err=True)
    return found


def _show(clean: Sequence[Detection], found: Sequence[Detection], counted: Figures) -> None:
    table = Table("defect", "found by", "finding", "time")
    for each in (*clean, *found):
        words = each.error or each.undecided or "; ".join(dict.fromkeys(each.findings)) or "-"
        nothing = "-" if each in clean else "undecided" if each.undecided else "MISSED"
        by = "not tried" if each.error else "\n".join(each.found_by) or nothing
        table.add_row(each.name, escape(by), escape(printable(words)[:300]), f"{each.duration_s:.0f} s")
    console = Console()
    console.print(table)
    alarms = f"{counted.false_alarms} false alarms on clean targets ({len(clean)} tried)"
    seconds = sum(each.duration_s for each in (*clean, *found))
    console.print(f"{counted.rate:.0%} of {counted.tried} defects found, {alarms}, {seconds / 60:.0f} minutes")
