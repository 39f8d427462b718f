"""``vexlab xfstests``: the user's xfstests against a target, each test in a fresh machine."""

from __future__ import annotations

from dataclasses import replace

import click

from vexlab.cli.options import request_of, request_options
from vexlab.cli.run import run_request
from vexlab.model.key import OWN
from vexlab.model.request import XFSTESTS
from vexlab.suites.xfstests.configuration import local_config
from vexlab.targets.configurations import configured
from vexlab.targets.load import find_target


@click.command(name="xfstests")
@request_options(
    *("target", "kernels", "configurations", "suite_groups", "suite_tests", "suite_exclude", "suite_tree", "resume"),
    *("jobs", "config", "accel", "memory", "cpus", "sandbox", "build_args", "first_failure", "seed", "known", "probe"),
    *("artifact", "environment"),
)
@click.option("--results", "results_dir", type=click.Path(file_okay=False), help="Folder of the results' store.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Write the results as JSON; - for stdout.")
@click.option("--junit", "junit_file", type=click.Path(dir_okay=False), help="Write the results as JUnit XML.")
@click.option("--ci", is_flag=True, help="Plain output: no colour, no live line.")
@click.option("--print-config", is_flag=True, help="Only print the local.config that tests would run with.")
def command(
    *,
    results_dir: str | None,
    json_file: str | None,
    junit_file: str | None,
    ci: bool,
    print_config: bool,
    **asked: object,
) -> int:
    """Run xfstests, as installed by you, against a target: each test in a fresh machine, restored and not rebooted.

    Without a group or tests the group `auto` runs, as `./check` does it. `vexlab doctor --for xfstests` says what is
    missing. Exit status as of `vexlab run`.
    """
    request = replace(request_of(asked), suites=(XFSTESTS,))
    if print_config:
        target = find_target(request.target)
        names = request.configurations or (OWN, *(each.name for each in target.configurations))
        for name in names:
            click.echo(local_config(configured(target, name), {}, name))
        return 0
    return run_request(request, results_dir or "", json_file or "", junit_file or "", None, plain=ci)
