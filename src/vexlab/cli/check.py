"""``vexlab check``: what can be said of a target without a machine."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import click
import msgspec

from vexlab.cli.options import request_options, settings_from
from vexlab.errors import FetchError
from vexlab.lab import Lab
from vexlab.model.kernel import Kernel
from vexlab.model.target import Target
from vexlab.report.terminal import printable
from vexlab.targets import checks
from vexlab.targets.analysers import ANALYSERS, Analyser
from vexlab.targets.checks import Checked
from vexlab.targets.load import find_target
from vexlab.targets.remarks import BASELINE, KnownRemark, Remark, baseline_text, known_remarks

_DETAILS_MOST = 20
_WORDS = {True: "passed", False: "FAILED", None: "skipped"}


@click.command(name="check")
@request_options("target", "kernels", "config", "sandbox", "build_args")
@click.option("--strict", is_flag=True, help="Remarks of compiler and analysers are failures, too.")
@click.option("--all", "everything", is_flag=True, help="Also what takes minutes: checkpatch, smatch, coccinelle.")
@click.option("--accept", is_flag=True, help=f"Write all remarks to {BASELINE}: they are known from then on.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: a list of checks.")
def command(
    *,
    target: str,
    strict: bool,
    everything: bool,
    accept: bool,
    as_json: bool,
    build_args: tuple[str, ...],
    **given: object,
) -> int:
    """Build a target, look at it with compiler and analysers, run its own unit tests. Boots no machine.

    Analysers that are missing are unpacked from Debian's packages into the cache. Remarks that remarks.toml beside
    target.toml lists are known, by file.

    Exit status: 0 nothing is wrong, 1 something is, 4 nothing could be checked.
    """
    settings = settings_from(**given)
    found = find_target(target, build_args=build_args)
    begin = time.monotonic()
    done: list[Checked] = []
    remarks: list[Remark] = []
    with Lab(settings, progress=lambda words: click.echo(words, err=True)) as lab:
        for name in settings.kernels:
            for each, remarked in _all(lab, found, name, everything=everything or accept):
                done.append(each)
                remarks += remarked
                if not as_json:
                    _print(each)
    unit = checks.unit_tests(found)
    done.append(unit)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(done), indent=2))
    else:
        _print(unit)
        click.echo(f"{len(done)} checks in {time.monotonic() - begin:.1f} s")
    if accept:
        _accept(found, remarks, done)
    failed = [each for each in done if each.ok is False and (strict or each.name.split()[0] in ("build", "unit"))]
    return 1 if failed else 0 if any(each.ok is not None for each in done) else 4


def _all(lab: Lab, target: Target, kernel: str, *, everything: bool) -> Iterator[tuple[Checked, tuple[Remark, ...]]]:
    on = lab.kernels.get(kernel)
    first = checks.built(target, lambda each: lab.artifact(each, on))
    yield first, ()
    if first.ok:
        known = known_remarks(target.file.parent / BASELINE)
        for analyser in ANALYSERS:
            if everything or analyser.quick:
                yield _looked(analyser, lab, target, on, known)


def _looked(
    analyser: Analyser, lab: Lab, target: Target, kernel: Kernel, known: tuple[KnownRemark, ...]
) -> tuple[Checked, tuple[Remark, ...]]:
    try:
        return checks.analysed(analyser, lab.analysis_inputs(target, kernel, fetch=True), known)
    except FetchError as error:
        words = f"{analyser.program} is not installed and cannot be fetched: {error.message.splitlines()[0]}"
        return Checked(name=analyser.name, ok=None, words=words), ()


def _accept(target: Target, remarks: list[Remark], done: list[Checked]) -> None:
    """Write the baseline; what analysers that could not look had remarked before is kept."""
    file = target.file.parent / BASELINE
    before = known_remarks(file)
    looked = {each.name for each in done if each.ok is not None}
    kept = [each for each in before if each.by not in looked]
    file.write_text(baseline_text(dict.fromkeys(remarks), before, kept))
    click.echo(f"{file}: {len(set(remarks))} remarks are known now", err=True)


def _print(each: Checked) -> None:
    click.echo(f"{_WORDS[each.ok]:8} {each.name:14} {each.seconds:6.1f} s  {printable(each.words)}")
    for line in each.details[:_DETAILS_MOST]:
        click.echo(f"           {printable(line)}")
