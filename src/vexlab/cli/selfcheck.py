"""``vexlab selfcheck``: which defects built into a target do the domains find, and do they raise false alarms?"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vexlab import process
from vexlab.cli.options import kernel_option, settings_from, target_option
from vexlab.errors import UsageError
from vexlab.model.case import RunResult
from vexlab.model.verdict import Verdict
from vexlab.report.terminal import printable
from vexlab.selfcheck.defects import Detection, load_defects, named, sample, visible_on
from vexlab.targets.load import find_target

_RED = (Verdict.FAILED, Verdict.CRASHED)
_CLEAN = "(clean)"


@click.command(name="selfcheck")
@target_option
@kernel_option
@click.option("--defects", type=click.Path(dir_okay=False), help="Catalogue of defects (default: beside target.toml).")
@click.option("--defect", "names", multiple=True, help="Only this defect; repeatable.")
@click.option("--flavour", default="distro", show_default=True, help="Only defects that such a kernel can show.")
@click.option("--sample", "count", type=click.IntRange(0), default=0, help="Only N defects, spread over the catalogue.")
@click.option("--level", type=click.IntRange(1, 3), help="Only cases of this level.")
@click.option("--domain", "domains", multiple=True, help="Only cases of this domain.")
@click.option("--all-cases", is_flag=True, help="Run every case, not only until the first finds the defect.")
@click.option("--jobs", "-j", type=click.IntRange(1, 64), default=1, show_default=True, help="Machines side by side.")
@click.option("--state", type=click.Path(file_okay=False), default="vexlab-selfcheck", show_default=True,
              help="Folder of finished defects; a second start goes on where the first ended.")  # fmt: skip
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Write the table as JSON.")
def command(
    *,
    target: str,
    kernels: tuple[str, ...],
    defects: str | None,
    names: tuple[str, ...],
    flavour: str,
    count: int,
    level: int | None,
    domains: tuple[str, ...],
    all_cases: bool,
    jobs: int,
    state: str,
    json_file: str | None,
) -> int:
    """Build each defect of a catalogue into the target, run the domains, and print who found what.

    The clean target comes first: whatever is found in it is a false alarm. Exit status 1 where a defect was missed or
    an alarm was false.
    """
    chosen = find_target(target)
    catalogue = load_defects(Path(defects) if defects else chosen.file.parent / "defects.toml")
    wanted = named(catalogue, names) if names else sample(visible_on(catalogue, flavour), count)
    if not wanted:
        raise UsageError("no defect matches", hint="the catalogue's names and flavours stand in the file itself")
    options = ["--target", str(chosen.file), "--jobs", str(jobs), "--ci"]
    for kernel in settings_from(config=None, kernels=kernels).kernels:
        options += ["--kernel", kernel]
    options += ["--level", str(level)] if level else []
    options += [word for domain in domains for word in ("--domain", domain)]
    folder = Path(state).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    found = [_checked(name, options, folder, stop=not all_cases) for name in (_CLEAN, *(each.name for each in wanted))]
    _show(found)
    if json_file:
        Path(json_file).write_bytes(msgspec.json.format(msgspec.json.encode({"defects": found, **_figures(found)})))
    clean, *rest = found
    return 0 if not clean.found and all(each.found for each in rest) else 1


def _checked(name: str, options: Sequence[str], folder: Path, *, stop: bool) -> Detection:
    """Return what was found of the defect ``name``, from an earlier start where it finished there."""
    file = folder / f"{name.strip('()')}.json"
    if file.exists():
        return msgspec.json.decode(file.read_bytes(), type=Detection)
    more = [] if name == _CLEAN else ["--build-arg", f"DEFECT={name}"]
    if stop and name != _CLEAN:
        more.append("--first-failure")
    click.echo(f"{name} …", err=True)
    detection = _run(name, [*options, *more])
    if not detection.error:
        file.write_bytes(msgspec.json.encode(detection))
    return detection


def _run(name: str, options: Sequence[str]) -> Detection:
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vexlab-selfcheck-") as work:
        report = Path(work, "result.json")
        ends_with_us = [process.require("setpriv"), "--pdeathsig", "TERM"]
        argv = [sys.executable, "-m", "vexlab", "run", "--results", work, "--json", str(report), *options]
        done = process.run([*ends_with_us, *argv], timeout=7200)
        seconds = round(time.monotonic() - begin, 1)
        if not report.exists():
            words = done.error_text.strip()[-500:]
            return Detection(name=name, found=False, found_by=(), findings=(), duration_s=seconds, error=words)
        cases = msgspec.convert(json.loads(report.read_text()), RunResult).cases
    red = [case for case in cases if case.verdict in _RED]
    return Detection(
        name=name,
        found=bool(red),
        found_by=tuple(case.id for case in red),
        findings=tuple(case.reason.partition("\n")[0][:300] for case in red),
        duration_s=seconds,
        error="" if any(case.verdict is not Verdict.SKIPPED for case in cases) else "nothing ran",
    )


def _figures(found: Sequence[Detection]) -> dict[str, float]:
    clean, *rest = found
    rate = sum(each.found for each in rest) / len(rest)
    return {"rate": round(rate, 4), "false_alarms": len(clean.found_by)}


def _show(found: Sequence[Detection]) -> None:
    table = Table("defect", "found by", "finding", "time")
    for each in found:
        words = each.error or "; ".join(dict.fromkeys(each.findings)) or "-"
        by = "\n".join(each.found_by) or ("-" if each.name == _CLEAN else "MISSED")
        table.add_row(each.name, escape(by), escape(printable(words)[:300]), f"{each.duration_s:.0f} s")
    figures = _figures(found)
    console = Console()
    console.print(table)
    alarms = f"{figures['false_alarms']} false alarms on the clean target"
    console.print(f"{figures['rate']:.0%} of {len(found) - 1} defects found, {alarms}")
