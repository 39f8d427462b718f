"""``vexlab suites``: test suites of others that vexlab can run, and where they are."""

from __future__ import annotations

import json

import click

from vexlab.cache import Cache
from vexlab.cli.options import request_options, settings_from
from vexlab.cli.store import opened, results_option
from vexlab.config import cache_dir
from vexlab.errors import UsageError
from vexlab.report.jsonfile import encoded
from vexlab.report.suites import markdown, render, suite_rows
from vexlab.suites import all_suites, find_suite, given_place
from vexlab.suites.adapter import Search


@click.group(name="suites")
def command() -> None:
    """List test suites of others that `vexlab run --suite NAME` runs, how they went, and install some of them."""


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@request_options("config")
def list_(*, as_json: bool, config: str | None) -> int:
    """List the suites, and where each was found."""
    settings = settings_from(config=config)
    rows = []
    for suite in all_suites().values():
        row = {"name": suite.name, "about": suite.about, "place": "", "version": "", "missing": ""}
        try:
            given = given_place(suite.name, "", settings.suites)
            found = suite.find(Search(given=given, cache=Cache(cache_dir(settings))))
            row |= {"place": str(found.place), "version": found.version}
        except UsageError as error:
            row["missing"] = f"{error.message}; {error.hint}" if error.hint else error.message
        rows.append(row)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        where = f"{row['place']} ({row['version']})" if row["place"] else f"missing: {row['missing']}"
        click.echo(f"{row['name']:12}{row['about']}\n{'':12}{where}")
    return 0


@command.command(name="table")
@click.option("--target", default="", help="Only runs of this target.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a table in Markdown, for a page.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@results_option
def table(*, target: str, as_markdown: bool, as_json: bool, results_dir: str | None) -> None:
    """Say how each suite went on each target and kernel: of the run that decided most of its tests, the newest such."""
    with opened(results_dir) as store:
        rows = suite_rows(run for run in store.runs() if not target or run.run.target == target)
    if as_json:
        click.echo(encoded(rows))
    else:
        click.echo(markdown(rows) if as_markdown else render(rows), nl=not as_markdown)


@command.command(name="install")
@click.argument("name")
@request_options("config")
def install(*, name: str, config: str | None) -> int:
    """Build the suite NAME into the cache, from its package registry."""
    settings = settings_from(config=config)
    suite = find_suite(name)
    if suite.install is None:
        raise UsageError(f"{name} is not installed by vexlab", hint=f"`vexlab doctor --for {name}` says how to get it")
    found = suite.install(Cache(cache_dir(settings)))
    click.echo(f"{name} {found.version} is in {found.place}")
    return 0
