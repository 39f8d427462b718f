"""``vexlab check``: what can be said of a target without a machine."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import click
import msgspec

from vexlab.cli.options import request_options, settings_from
from vexlab.lab import Lab
from vexlab.model.target import Target
from vexlab.report.terminal import printable
from vexlab.targets import checks
from vexlab.targets.checks import Checked
from vexlab.targets.load import find_target

_DETAILS_MOST = 20
_WORDS = {True: "passed", False: "FAILED", None: "skipped"}


@click.command(name="check")
@request_options("target", "kernels", "config", "sandbox", "build_args")
@click.option("--strict", is_flag=True, help="Remarks of the compiler and of sparse are failures, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: a list of checks.")
def command(*, target: str, strict: bool, as_json: bool, build_args: tuple[str, ...], **given: object) -> int:
    """Build a target, look at it with the compiler and sparse, run its own unit tests. Boots no machine.

    Exit status: 0 nothing is wrong, 1 something is, 4 nothing could be checked.
    """
    settings = settings_from(**given)
    found = find_target(target, build_args=build_args)
    begin = time.monotonic()
    done = []
    with Lab(settings, progress=lambda words: click.echo(words, err=True)) as lab:
        for name in settings.kernels:
            for each in _all(lab, found, name):
                done.append(each)
                if not as_json:
                    _print(each)
    unit = checks.unit_tests(found)
    done.append(unit)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(done), indent=2))
    else:
        _print(unit)
        click.echo(f"{len(done)} checks in {time.monotonic() - begin:.1f} s")
    failed = [each for each in done if each.ok is False and (strict or each.name.split()[0] in ("build", "unit"))]
    return 1 if failed else 0 if any(each.ok is not None for each in done) else 4


def _all(lab: Lab, target: Target, kernel: str) -> Iterator[Checked]:
    on = lab.kernels.get(kernel)
    first = checks.built(target, lambda each: lab.artifact(each, on))
    yield first
    if first.ok:
        yield checks.with_arguments("compiler W=1", target, lambda each: lab.artifact(each, on), ("W=1",))
        sparse = ("C=1", "CHECK=sparse")
        yield checks.with_arguments("sparse", target, lambda each: lab.artifact(each, on), sparse, "sparse")


def _print(each: Checked) -> None:
    click.echo(f"{_WORDS[each.ok]:8} {each.name:14} {each.seconds:6.1f} s  {printable(each.words)}")
    for line in each.details[:_DETAILS_MOST]:
        click.echo(f"           {printable(line)}")
