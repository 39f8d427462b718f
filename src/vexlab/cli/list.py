"""``vexlab list``: the cases a run would take, domains, scenarios, targets."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import click
import pytest
from click.core import ParameterSource

from vexlab.cli.options import request_of, request_options
from vexlab.config import settings_for
from vexlab.errors import UsageError
from vexlab.model.case import Plan
from vexlab.model.kernel import in_flavour
from vexlab.plugin.marks import CaseMarks, marks_of
from vexlab.plugin.selection import expected_of, refused
from vexlab.session import Request, pytest_arguments
from vexlab.targets.configurations import chosen
from vexlab.targets.load import find_target, shipped_targets

_OF_THE_RUN = ("target",)


class Lister:
    """Keeps what pytest collected: the ``items`` that were selected, or why none can be."""

    def __init__(self) -> None:
        self.items: list[pytest.Item] = []
        self.refused: Plan | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Look before the cases go that nobody asked for."""
        self.refused = refused(config, items)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep the selected cases."""
        self.items = session.items


@click.command(name="list")
@request_options(
    *(
        "target",
        "kernels",
        "flavour",
        "configurations",
        "level",
        "quick",
        "domains",
        "domains_dirs",
        "scenario",
        "phase",
        "safety",
    ),
    *("cases", "skip", "enabled", "shard"),
    *("suites", "xfstests", "suite_groups", "suite_tests", "suite_tree", "config"),
)
@click.option("--targets", is_flag=True, help="List the targets that come with vexlab instead.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("paths", nargs=-1, type=click.Path(exists=True))
def command(
    *,
    targets: bool,
    as_json: bool,
    **asked: object,
) -> int:
    """List the cases that `vexlab run` with the same options would run."""
    if targets:
        for name in shipped_targets():
            click.echo(name)
        return 0
    request = request_of(asked)
    named = click.get_current_context().get_parameter_source("target") is not ParameterSource.DEFAULT
    if named or request.configurations:
        chosen(find_target(request.target), request.configurations)  # which say what is wrong with them
    kernels = settings_for(request).kernels
    request = replace(request, kernels=tuple(in_flavour(name, request.flavour) for name in kernels))
    rows = collect(request)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        for row in rows:
            click.echo(f"{row['id']:56} level {row['level']}  {row['about']}")
    if not rows:
        click.echo("vexlab: no case matches; cases of your own are in folders or files that you name", err=True)
    return 0 if rows else 4


def collect(request: Request) -> list[dict[str, object]]:
    """Return the cases that ``request`` selects, in order: their marks, and what holds when each passes.

    Raises ``UsageError`` where marks mean nothing, or one of several patterns for cases takes none.
    """
    lister = Lister()
    pytest.main([*pytest_arguments(request, Path("none")), "--collect-only"], plugins=[lister])
    if lister.refused:
        words = "; ".join((*lister.refused.faults, *lister.refused.unanswered))
        raise UsageError(words, hint="`vexlab list` shows what there is")
    return [_row(item, marks_of(item)) for item in lister.items]


def _row(item: pytest.Item, marks: CaseMarks) -> dict[str, object]:
    about = (getattr(getattr(item, "obj", None), "__doc__", "") or "").strip().partition("\n")[0]
    own = {name: value for name, value in asdict(marks).items() if name != "key"}
    of_key = {name: value for name, value in asdict(marks.key).items() if name not in _OF_THE_RUN}
    return {"id": marks.id, **of_key, **own, "expected_s": expected_of(item), "about": about}
